//! The parts of a run: boot, storm, healing, and the judgement of what clients saw.

use super::World;
use crate::check;
use crate::history::{HashSample, Watch, WatchBody, WatchEvent, WatchRequest, WatchResponse};
use crate::sim::client::kv_of;
use crate::sim::truth::EMPTY;

/// So many violations of each promise that clients saw broken are reported.
const SHOWN_MAX: usize = 3;
/// A healthy cluster has a leader after so long.
const BOOT_LIMIT_MS: u64 = 5_000;
/// A healed one has caught up, answered every request and told every watcher.
const HEAL_LIMIT_MS: u64 = 30_000;

impl World {
    /// The whole run.
    pub fn run(&mut self) {
        let plan = self.plan.take();
        if !self.run_until(BOOT_LIMIT_MS, |world| world.leader().is_some()) {
            return self.broken("a new cluster elects a leader", "none after 5 s");
        }
        self.plan = plan;
        self.run_for(self.settings.steps);
        self.finish();
    }

    /// Ends all faults, waits until the cluster is whole, and judges.
    pub fn finish(&mut self) {
        self.heal();
        self.clients.open = false;
        if !self.run_until(HEAL_LIMIT_MS, Self::is_whole) {
            let state = self.describe();
            return self.broken("a healed cluster becomes whole", &state);
        }
        self.serve_again();
        self.tell_all_watchers();
        if !self.violations.any() {
            self.judge();
        }
    }

    fn broken(&self, invariant: &'static str, detail: &str) {
        // What broke first explains the rest.
        if !self.violations.any() {
            self.violations.report(invariant, detail);
        }
    }

    /// Every member runs, has one leader, and has applied all there is; no request is open.
    fn is_whole(&self) -> bool {
        let Some(leader) = self.leader().and_then(|host| self.status(host)) else { return false };
        let mut members = self.members();
        self.clients.idle()
            && members.all(|host| {
                let Some(replica) = host.replica() else { return false };
                let status = replica.status();
                status.leader == leader.leader
                    && status.applied_index == leader.last_log_index
                    && status.term == leader.term
            })
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for host in self.members() {
            let status = host.replica().map(xebec_raft::Replica::status);
            text.push_str(&format!("host {}: {status:?}; ", host.index));
        }
        text
    }

    /// A cluster without faults serves: requests are acknowledged again.
    fn serve_again(&mut self) {
        let before = self.clients.acknowledged;
        self.clients.open = true;
        let wanted = before + 20;
        if !self.run_until(HEAL_LIMIT_MS, |world| world.clients.acknowledged >= wanted) {
            let state = self.describe();
            self.broken("a healed cluster serves", &state);
        }
        self.clients.open = false;
        if !self.run_until(HEAL_LIMIT_MS, Self::is_whole) {
            let state = self.describe();
            self.broken("a healed cluster settles", &state);
        }
    }

    /// Every watcher hears of everything that happened.
    fn tell_all_watchers(&mut self) {
        // Leases run out meanwhile; the last revision is the one when all are there.
        self.watchers.settle();
        if !self.run_until(HEAL_LIMIT_MS, |world| world.watchers.all_connected()) {
            self.broken("a watcher finds a replica", "not after the healing");
        }
        self.watchers.open = false;
        let revision = self.truth.revision();
        for _ in 0..100 {
            if self.watchers.behind(revision, &self.history).is_empty() || self.violations.any() {
                return;
            }
            self.watchers.ask_all_for_marks(self.now_us);
            self.run_for(200);
        }
        let behind = self.watchers.behind(revision, &self.history);
        let detail = format!("of {revision}: (watch, revision) {behind:?}");
        self.broken("every watcher hears of everything", &detail);
    }

    /// Judges what clients and watchers saw, with the truth from below as the first witness.
    fn judge(&mut self) {
        self.watchers.collect_all(self.now_us, &mut self.history);
        self.sample_hashes();
        let witness = self.witness();
        self.history.watches.push(witness);
        let report = check::check(&self.history);
        for (name, violations) in &report.checks {
            for violation in violations.iter().take(SHOWN_MAX) {
                let detail = format!("{} (records {:?})", violation.message, violation.records);
                self.violations.report(name, detail);
            }
        }
        self.nothing_acknowledged_is_lost();
    }

    fn nothing_acknowledged_is_lost(&self) {
        let (seen, there) = (self.clients.revision_seen(), self.truth.revision());
        if seen > there {
            self.violations.report("nothing acknowledged is lost", format!("{seen} > {there}"));
        }
        let all = crate::sim::client::key_range("\u{1}", "\0");
        let truth = self.truth.range(&all, there);
        for host in self.members() {
            let Some(replica) = host.replica() else { continue };
            let query = xebec_store::command::Range { range: all.clone(), ..Default::default() };
            let kvs = replica.store().view().range(&query).map(|result| result.kvs);
            if kvs.as_ref().ok() != Some(&truth) {
                let detail = format!("host {} ends with {kvs:?}, not {truth:?}", host.index);
                self.violations.report("every replica ends with the same keyspace", detail);
            }
        }
    }

    fn sample_hashes(&mut self) {
        for host in self.hosts.iter() {
            let Some(replica) = host.replica() else { continue };
            let view = replica.store().view();
            let revision = view.revision();
            self.history.hashes.push(HashSample {
                replica: host.index as u32,
                at_ns: self.now_us * 1_000,
                revision,
                compact_revision: view.compact_revision(),
                hash: view.hash(),
            });
        }
    }

    /// The truth as if a watcher had seen all of it.
    fn witness(&mut self) -> Watch {
        let mut responses =
            vec![WatchResponse { at_ns: 0, revision: EMPTY, body: WatchBody::Created }];
        let everything = crate::sim::client::key_range("\u{1}", "\0");
        let last = self.truth.revision();
        let mut next = EMPTY + 1;
        while let Some((revision, events)) = self.truth.next_events(&everything, next, last) {
            let events = events
                .iter()
                .map(|event| WatchEvent {
                    delete: event.kv.is_tombstone(),
                    kv: if event.kv.is_tombstone() {
                        crate::history::Kv {
                            key: kv_of(&event.kv).key,
                            mod_revision: revision,
                            ..Default::default()
                        }
                    } else {
                        kv_of(&event.kv)
                    },
                    prev: event.prev.as_deref().map(kv_of),
                })
                .collect();
            let body = WatchBody::Events { events, fragment: false };
            let at_ns = self.truth.first_seen_us(revision) * 1_000;
            responses.push(WatchResponse { at_ns, revision, body });
            next = revision + 1;
        }
        Watch {
            id: self.clients.next_record_id(),
            client: u32::MAX,
            replica: u32::MAX,
            open_ns: 0,
            request: WatchRequest {
                key: "\u{1}".into(),
                end: "\0".into(),
                start_revision: EMPTY + 1,
                prev_kv: true,
                ..Default::default()
            },
            responses,
        }
    }
}
