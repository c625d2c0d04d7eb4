//! Atomic: the events of one revision come in one response, unless that says that it is a
//! fragment.

use crate::check::{Truth, Violation};
use crate::history::{History, Watch, WatchBody, WatchEvent};

pub const NAME: &str = "watch: atomic";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    history.watches.iter().flat_map(judge).collect()
}

fn judge(watch: &Watch) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut last = 0;
    let mut goes_on = false;
    for response in &watch.responses {
        let WatchBody::Events { events, fragment } = &response.body else { continue };
        let first = events.first().map_or(0, WatchEvent::revision);
        if first == last && first > 0 && !goes_on {
            let message = format!("revision {first} was split over two responses");
            violations.push(Violation::new(message, [watch.id]));
        }
        last = events.last().map_or(last, WatchEvent::revision);
        goes_on = *fragment;
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;
    use crate::history::{History, WatchBody};

    /// Splits the first transaction that the first watch shows; says so if `fragment`.
    fn split(history: &mut History, fragment_said: bool) {
        let responses = &mut history.watches[0].responses;
        let is_txn =
            |body: &WatchBody| matches!(body, WatchBody::Events { events, .. } if events.len() > 1);
        let index = responses.iter().position(|r| is_txn(&r.body)).expect("a txn");
        let mut second = responses[index].clone();
        if let WatchBody::Events { events, .. } = &mut second.body {
            events.remove(0);
        }
        if let WatchBody::Events { events, fragment } = &mut responses[index].body {
            events.truncate(1);
            *fragment = fragment_said;
        }
        responses.insert(index + 1, second);
    }

    #[test]
    fn catches_a_revision_that_is_split() {
        catches(NAME, |fixture| split(&mut fixture.history, false));
    }

    #[test]
    fn a_fragment_is_good() {
        let mut fixture = crate::check::fixture::Fixture::busy(1, 60);
        split(&mut fixture.history, true);
        let report = crate::check::check(&fixture.history);
        assert!(report.is_clean(), "{report}");
    }
}
