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
