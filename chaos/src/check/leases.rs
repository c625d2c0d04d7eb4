//! No lease expires early: from the moment at which a client asked for a lease, or for its
//! renewal, and got it, its keys live for at least its time to live, unless somebody removes them.

use crate::check::{Truth, Violation};
use crate::history::{History, Nanos, Operation, Outcome, Request, Response};
use std::collections::HashMap;

pub const NAME: &str = "no lease expires early";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let leases = lives(history);
    let mut violations = Vec::new();
    for (revision, event) in truth.events().filter(|(_, event)| event.put.is_none()) {
        let Some(kv) = truth.at(&event.key, revision - 1) else { continue };
        let Some(life) = leases.get(&kv.lease).filter(|life| !life.revoked) else { continue };
        // A deletion that a client asked for says nothing about the lease.
        if removed_by_client(history, &event.key) {
            continue;
        }
        let Some(gone_ns) = truth.known_ns(revision) else { continue };
        let early =
            life.guarantees.iter().find(|(from, until, _)| *from < gone_ns && gone_ns < *until);
        if let Some((_, until, record)) = early {
            let message = format!(
                "the lease {:x} of {} was gone {} ms early",
                kv.lease,
                event.key,
                (until - gone_ns) / 1_000_000
            );
            violations.push(Violation::new(message, [*record, event.witness]));
        }
    }
    violations
}

#[derive(Default)]
struct Life {
    /// From when to when the lease must live, and the record that says so.
    guarantees: Vec<(Nanos, Nanos, u64)>,
    revoked: bool,
}

fn lives(history: &History) -> HashMap<i64, Life> {
    let mut leases: HashMap<i64, Life> = HashMap::new();
    for operation in &history.operations {
        match &operation.request {
            Request::LeaseGrant { lease, .. } | Request::LeaseKeepAlive { lease } => {
                let ttl_s = granted_s(operation);
                if ttl_s > 0 {
                    let until = operation.call_ns + ttl_s.unsigned_abs() * 1_000_000_000;
                    let guarantee = (operation.call_ns, until, operation.id);
                    leases.entry(*lease).or_default().guarantees.push(guarantee);
                }
            }
            Request::LeaseRevoke { lease } if !matches!(operation.outcome, Outcome::Failed(_)) => {
                leases.entry(*lease).or_default().revoked = true;
            }
            _ => {}
        }
    }
    leases
}

fn granted_s(operation: &Operation) -> i64 {
    match operation.done() {
        Some((_, Response::LeaseGrant { ttl_s, .. } | Response::LeaseKeepAlive { ttl_s })) => {
            *ttl_s
        }
        _ => 0,
    }
}

fn removed_by_client(history: &History, key: &str) -> bool {
    fn removes(request: &Request, key: &str) -> bool {
        match request {
            Request::Delete(delete) => crate::history::in_range(key, &delete.key, &delete.end),
            Request::Txn(txn) => {
                txn.success.iter().chain(&txn.failure).any(|request| removes(request, key))
            }
            _ => false,
        }
    }
    history.operations.iter().any(|operation| removes(&operation.request, key))
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{STEP_NS, catches, events_of, everything};
    use crate::history::{Request, Response};

    /// A key with a lease of one second that is gone after `lived_ns`.
    fn expire_after(lived_ns: u64) -> impl FnOnce(&mut crate::check::fixture::Fixture) {
        move |fixture| {
            let grant = Response::LeaseGrant { lease: 5, ttl_s: 1 };
            fixture.record(Request::LeaseGrant { lease: 5, ttl_s: 1 }, grant);
            fixture.put("/t/leased");
            let Request::Put(put) = &mut fixture.last().request else { panic!("a put") };
            put.lease = 5;
            fixture.delete("/t/leased");
            fixture.history.operations.pop();
            fixture.now_ns += lived_ns;
            let last = fixture.revision;
            fixture.watch(everything(last - 1), 0, last);
            let watch = fixture.history.watches.last_mut().expect("a watch");
            for event in events_of(watch).flatten() {
                if !event.delete {
                    event.kv.lease = 5;
                }
                if let Some(prev) = &mut event.prev {
                    prev.lease = 5;
                }
            }
        }
    }

    #[test]
    fn catches_a_lease_that_expired_early() {
        catches(NAME, expire_after(100 * STEP_NS));
    }

    #[test]
    fn an_expiry_in_time_is_good() {
        let mut fixture = crate::check::fixture::Fixture::default();
        fixture.put("/t/1");
        expire_after(2_000 * STEP_NS)(&mut fixture);
        let last = fixture.revision;
        fixture.history.watches[0].request.start_revision = 2;
        let report = crate::check::check(&fixture.history);
        assert!(report.of(NAME).is_empty(), "{last}: {report}");
    }
}
