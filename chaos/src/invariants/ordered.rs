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

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;

    #[test]
    fn catches_two_revisions_out_of_order() {
        catches(NAME, |fixture| fixture.history.watches[0].responses.swap(1, 2));
    }
}
