//! `isCreate` is right: an event is a creation if and only if the key did not exist before it;
//! with it, the event's create revision and version are those of the key's life.

use crate::check::{Truth, Violation};
use crate::history::History;

pub const NAME: &str = "watch: isCreate right";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let mut violations = Vec::new();
    for watch in &history.watches {
        let puts = watch.events().filter(|event| !event.delete);
        for event in puts.filter(|event| event.revision() <= truth.complete_to()) {
            let Some(expected) = truth.at(&event.kv.key, event.revision()) else { continue };
            let existed = truth.at(&event.kv.key, event.revision() - 1).is_some();
            if event.is_create() == existed
                || event.kv.create_revision != expected.create_revision
                || event.kv.version != expected.version
            {
                let message = format!(
                    "{} at {}: isCreate={}, create revision {}, version {}; but existed={existed}, \
                     created at {}, version {}",
                    event.kv.key,
                    event.revision(),
                    event.is_create(),
                    event.kv.create_revision,
                    event.kv.version,
                    expected.create_revision,
                    expected.version
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
    use crate::check::fixture::{catches, events_of};

    #[test]
    fn catches_an_update_that_claims_to_be_a_creation() {
        catches(NAME, |fixture| {
            let mut events = events_of(&mut fixture.history.watches[0]).flatten();
            let event = events.find(|event| !event.delete && event.prev.is_some());
            let event = event.expect("an update");
            event.kv.create_revision = event.kv.mod_revision;
        });
    }
}
