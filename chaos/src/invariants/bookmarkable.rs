//! Bookmarkable: a progress mark never runs ahead of an event that was not delivered, never runs
//! backwards, and never names a revision from before the watch's start: the client would go back.

use crate::check::{Truth, Violation};
use crate::history::{History, Revision, Watch, WatchBody};

pub const NAME: &str = "watch: bookmarkable";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    history.watches.iter().flat_map(|watch| judge(watch, truth)).collect()
}

fn judge(watch: &Watch, truth: &Truth) -> Vec<Violation> {
    let last_mark = watch.request.start_revision - 1;
    let mut state = Marks { last_mark, ..Marks::default() };
    let mut violations = Vec::new();
    for response in &watch.responses {
        let wrong = match &response.body {
            WatchBody::Events { events, .. } => {
                events.iter().find_map(|event| state.event(event.revision()))
            }
            WatchBody::Progress => state
                .mark(response.revision)
                .or_else(|| missing(watch, truth, state.last_event, response.revision)),
            WatchBody::Created | WatchBody::Canceled { .. } => None,
        };
        violations.extend(wrong.map(|message| Violation::new(message, [watch.id])));
    }
    violations
}

#[derive(Default)]
struct Marks {
    last_event: Revision,
    last_mark: Revision,
}

impl Marks {
    fn event(&mut self, revision: Revision) -> Option<String> {
        self.last_event = revision;
        (revision <= self.last_mark)
            .then(|| format!("revision {revision} came after the mark {}", self.last_mark))
    }

    fn mark(&mut self, revision: Revision) -> Option<String> {
        let last = self.last_mark.max(self.last_event);
        self.last_mark = revision;
        (revision < last).then(|| format!("a mark of {revision} came after {last}"))
    }
}

/// An event that the mark covers, but that had not been delivered when it came.
fn missing(watch: &Watch, truth: &Truth, delivered: Revision, mark: Revision) -> Option<String> {
    let from = watch.first_owed()?.max(delivered + 1);
    let (revision, event) = truth
        .events_between(from, mark)
        .find(|(_, event)| watch.request.wants(&event.key, event.put.is_none()))?;
    Some(format!("the mark {mark} came before {} at {revision} was delivered", event.key))
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;

    #[test]
    fn catches_a_mark_ahead_of_an_event() {
        catches(NAME, |fixture| {
            let responses = &mut fixture.history.watches[0].responses;
            let mark = responses.pop().expect("the mark");
            let last = responses.len() - 1;
            responses.insert(last, mark);
        });
    }

    #[test]
    fn catches_a_mark_over_an_event_that_never_came() {
        catches(NAME, |fixture| {
            let responses = &mut fixture.history.watches[0].responses;
            let mark = responses.len() - 1;
            responses.remove(mark - 1);
        });
    }

    #[test]
    fn catches_a_mark_that_runs_backwards() {
        catches(NAME, |fixture| {
            let responses = &mut fixture.history.watches[0].responses;
            let mut mark = responses.last().expect("the mark").clone();
            mark.revision -= 1;
            responses.push(mark);
        });
    }
}
