//! What really happened, joined from everything that any client saw.
//!
//! Every watch event, every acknowledged write and every key-value that a read returned is
//! evidence of one event at one revision. Two pieces of evidence that differ are a contradiction
//! in themselves: two observers saw different histories. A run therefore has watches over all its
//! keys from its first revision on (and compacts only what these have seen); a revision below the
//! last that nobody saw an event of is a gap, and a contradiction too.

use crate::check::Violation;
use crate::history::{
    History, Kv, Nanos, Operation, Put, Request, Response, Revision, WatchBody, WatchEvent,
    in_range,
};
use std::collections::BTreeMap;

pub const NAME: &str = "all observers agree on one history";

/// What happened to one key at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthEvent {
    pub key: String,
    /// The new value and lease; `None` for a deletion.
    pub put: Option<(String, i64)>,
    /// The operation or watch that saw it first.
    pub witness: u64,
    /// True if a watch or a read saw it, not only the writer's acknowledgement.
    pub independent: bool,
}

#[derive(Debug, Default)]
pub struct Truth {
    events: BTreeMap<Revision, Vec<TruthEvent>>,
    /// Per key its versions by revision; `None` for deletions.
    timelines: BTreeMap<String, Vec<(Revision, Option<Kv>)>>,
    /// The earliest time at which anybody knew of a revision at or above the key, by revision.
    known_ns: BTreeMap<Revision, Nanos>,
    complete_to: Revision,
    has_gap: bool,
}

impl Truth {
    /// Joins the evidence; what contradicts itself is returned beside the truth, in which then
    /// the evidence that came first stands.
    pub fn gather(history: &History) -> (Self, Vec<Violation>) {
        let mut gathering = Gathering::default();
        for operation in &history.operations {
            gathering.operation(operation);
        }
        for watch in &history.watches {
            for response in &watch.responses {
                gathering.known(response.revision, response.at_ns);
                if response.body == WatchBody::Progress {
                    gathering.promised = gathering.promised.max(response.revision);
                }
                if let WatchBody::Events { events, .. } = &response.body {
                    for event in events {
                        gathering.watch_event(watch.id, response.at_ns, event);
                    }
                }
            }
        }
        gathering.finish(history.base)
    }

    /// Everything up to this revision is known; states beyond it are not.
    pub fn complete_to(&self) -> Revision {
        self.complete_to
    }

    /// True if every revision that anybody knows of has its events here: what is not here did not
    /// happen.
    pub fn has_no_gap(&self) -> bool {
        !self.has_gap
    }

    pub fn events(&self) -> impl Iterator<Item = (Revision, &TruthEvent)> {
        self.events.iter().flat_map(|(revision, events)| events.iter().map(|e| (*revision, e)))
    }

    /// The events of revisions `from..=to`.
    pub fn events_between(
        &self,
        from: Revision,
        to: Revision,
    ) -> impl Iterator<Item = (Revision, &TruthEvent)> {
        // A range of the map must not run backwards.
        let revisions = (from <= to).then(|| self.events.range(from..=to)).into_iter().flatten();
        revisions.flat_map(|(revision, events)| events.iter().map(|e| (*revision, e)))
    }

    pub fn events_at(&self, revision: Revision) -> &[TruthEvent] {
        self.events.get(&revision).map_or(&[], Vec::as_slice)
    }

    /// The event of `key` at `revision`.
    pub fn event(&self, key: &str, revision: Revision) -> Option<&TruthEvent> {
        self.events_at(revision).iter().find(|event| event.key == key)
    }

    /// The key as it stood at `revision`.
    pub fn at(&self, key: &str, revision: Revision) -> Option<&Kv> {
        version_at(self.timelines.get(key)?, revision)
    }

    /// The keys of `[from, end)` as they stood at `revision`, in key order.
    pub fn range(&self, from: &str, end: &str, revision: Revision) -> Vec<&Kv> {
        let timelines = self.timelines.range(from.to_owned()..);
        timelines
            .take_while(|(key, _)| in_range(key, from, end))
            .filter_map(|(_, timeline)| version_at(timeline, revision))
            .collect()
    }

    /// When `revision` was there at the latest: somebody had seen it, or a later one.
    pub fn known_ns(&self, revision: Revision) -> Option<Nanos> {
        self.known_ns.range(revision..).next().map(|(_, at_ns)| *at_ns)
    }
}

fn version_at(timeline: &[(Revision, Option<Kv>)], revision: Revision) -> Option<&Kv> {
    let after = timeline.partition_point(|(at, _)| *at <= revision);
    timeline[..after].last()?.1.as_ref()
}

#[derive(Default)]
struct Gathering {
    events: BTreeMap<Revision, Vec<TruthEvent>>,
    known_ns: BTreeMap<Revision, Nanos>,
    /// The highest revision that an answer or a progress mark stands for. Other watch responses
    /// name revisions too whose events may come after the watch was left.
    promised: Revision,
    contradictions: Vec<Violation>,
}

impl Gathering {
    fn known(&mut self, revision: Revision, at_ns: Nanos) {
        let earliest = self.known_ns.entry(revision).or_insert(at_ns);
        *earliest = (*earliest).min(at_ns);
    }

    fn operation(&mut self, operation: &Operation) {
        let Some((revision, response)) = operation.done() else { return };
        if revision > 0 {
            self.known(revision, operation.return_ns);
            self.promised = self.promised.max(revision);
        }
        self.answer(operation.id, revision, &operation.request, response);
    }

    fn answer(&mut self, id: u64, revision: Revision, request: &Request, response: &Response) {
        match (request, response) {
            (Request::Range(_), Response::Range { kvs, .. }) => self.seen(id, kvs),
            (Request::Put(put), Response::Put { prev }) => {
                self.acknowledged_put(id, revision, put);
                self.seen(id, prev.as_slice());
            }
            (Request::Delete(delete), Response::Delete { deleted, prev }) => {
                for kv in prev {
                    self.add(revision, deletion(id, &kv.key));
                }
                if *deleted == 1 && delete.end.is_empty() && prev.is_empty() {
                    self.add(revision, deletion(id, &delete.key));
                }
                self.seen(id, prev);
            }
            (Request::Txn(txn), Response::Txn { succeeded, responses }) => {
                let branch = if *succeeded { &txn.success } else { &txn.failure };
                for (request, response) in branch.iter().zip(responses) {
                    self.answer(id, revision, request, response);
                }
            }
            _ => {}
        }
    }

    fn acknowledged_put(&mut self, id: u64, revision: Revision, put: &Put) {
        let event = TruthEvent {
            key: put.key.clone(),
            put: Some((put.value.clone(), put.lease)),
            witness: id,
            independent: false,
        };
        self.add(revision, event);
    }

    fn seen(&mut self, id: u64, kvs: &[Kv]) {
        for kv in kvs {
            let event = TruthEvent {
                key: kv.key.clone(),
                put: Some((kv.value.clone(), kv.lease)),
                witness: id,
                independent: true,
            };
            self.add(kv.mod_revision, event);
        }
    }

    fn watch_event(&mut self, id: u64, at_ns: Nanos, event: &WatchEvent) {
        self.known(event.revision(), at_ns);
        let put = (!event.delete).then(|| (event.kv.value.clone(), event.kv.lease));
        let key = event.kv.key.clone();
        self.add(event.revision(), TruthEvent { key, put, witness: id, independent: true });
        self.seen(id, event.prev.as_slice());
    }

    fn add(&mut self, revision: Revision, event: TruthEvent) {
        let events = self.events.entry(revision).or_default();
        let Some(there) = events.iter_mut().find(|there| there.key == event.key) else {
            events.push(event);
            return;
        };
        if there.put == event.put {
            there.independent |= event.independent;
            return;
        }
        if self.contradictions.len() < Violation::KEPT_MAX {
            let message = format!(
                "revision {revision} of {} is {:?} for one observer and {:?} for another",
                event.key, there.put, event.put
            );
            self.contradictions.push(Violation::new(message, [there.witness, event.witness]));
        }
    }

    fn finish(mut self, base: Revision) -> (Truth, Vec<Violation>) {
        let (complete_to, has_gap) = self.find_gaps(base);
        let mut earliest = Nanos::MAX;
        for at_ns in self.known_ns.values_mut().rev() {
            earliest = earliest.min(*at_ns);
            *at_ns = earliest;
        }
        let timelines = timelines(&self.events);
        let Self { events, known_ns, contradictions, .. } = self;
        let truth = Truth { events, timelines, known_ns, complete_to, has_gap };
        (truth, contradictions)
    }

    /// The last revision up to which every revision has an event, and whether that is not all.
    fn find_gaps(&mut self, base: Revision) -> (Revision, bool) {
        let last_event = self.events.keys().next_back().copied().unwrap_or(0);
        let last = self.promised.max(last_event).max(base);
        let missing = |revision: &Revision| !self.events.contains_key(revision);
        let gaps: Vec<Revision> = (base + 1..=last).filter(missing).collect();
        let Some(first) = gaps.first() else { return (last, false) };
        let message = format!(
            "{} revisions up to {last} have no event that anybody saw, the first is {first}",
            gaps.len()
        );
        self.contradictions.push(Violation::new(message, []));
        (first - 1, true)
    }
}

fn deletion(witness: u64, key: &str) -> TruthEvent {
    TruthEvent { key: key.to_owned(), put: None, witness, independent: false }
}

fn timelines(
    events: &BTreeMap<Revision, Vec<TruthEvent>>,
) -> BTreeMap<String, Vec<(Revision, Option<Kv>)>> {
    let mut timelines: BTreeMap<String, Vec<(Revision, Option<Kv>)>> = BTreeMap::new();
    for (revision, events) in events {
        for event in events {
            let timeline = timelines.entry(event.key.clone()).or_default();
            let before = timeline.last().and_then(|(_, kv)| kv.as_ref());
            let after = event.put.as_ref().map(|(value, lease)| Kv {
                key: event.key.clone(),
                value: value.clone(),
                create_revision: before.map_or(*revision, |kv| kv.create_revision),
                mod_revision: *revision,
                version: before.map_or(1, |kv| kv.version + 1),
                lease: *lease,
            });
            timeline.push((*revision, after));
        }
    }
    timelines
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{catches, events_of};

    #[test]
    fn catches_replicas_that_show_different_values() {
        catches(NAME, |fixture| {
            let watch = &mut fixture.history.watches[1];
            let events = events_of(watch).find(|events| !events[0].delete).expect("a put");
            events[0].kv.value = "other".into();
        });
    }

    #[test]
    fn catches_a_revision_that_nobody_saw() {
        catches(NAME, |fixture| {
            fixture.history.watches.clear();
            fixture.history.operations.retain(|operation| operation.id % 7 != 0);
            fixture.history.operations.iter_mut().for_each(|operation| {
                if let crate::history::Outcome::Ok {
                    response: crate::history::Response::Put { prev },
                    ..
                } = &mut operation.outcome
                {
                    *prev = None;
                }
            });
        });
    }
}
