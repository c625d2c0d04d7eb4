//! Ordered: revisions never run backwards on one watch.

use crate::check::{Truth, Violation};
use crate::history::History;

pub const NAME: &str = "watch: ordered";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    for watch in &history.watches {
        let mut last = 0;
        for event in watch.events() {
            if event.revision() < last {
                let message = format!("revision {} came after {last}", event.revision());
                violations.push(Violation::new(message, [watch.id]));
            }
            last = event.revision();
        }
    }
    violations
}
