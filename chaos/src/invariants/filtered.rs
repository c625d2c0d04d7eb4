//! Filtered: a watch shows only events that it asked for.

use crate::check::{Truth, Violation};
use crate::history::History;

pub const NAME: &str = "watch: filtered";

pub fn check(history: &History, _: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    for watch in &history.watches {
        for event in watch.events() {
            if !watch.request.wants(&event.kv.key, event.delete) {
                let message = format!(
                    "an event of {} (delete={}) at {} was not asked for",
                    event.kv.key,
                    event.delete,
                    event.revision()
                );
                violations.push(Violation::new(message, [watch.id]));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::catches;

    #[test]
    fn catches_an_event_outside_the_range() {
        catches(NAME, |fixture| {
            let request = &mut fixture.history.watches[0].request;
            request.key = "/t/1".into();
            request.end.clear();
        });
    }

    #[test]
    fn catches_a_deletion_that_was_filtered_out() {
        catches(NAME, |fixture| fixture.history.watches[0].request.no_delete = true);
    }
}
