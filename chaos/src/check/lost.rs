//! No acknowledged write is lost: whoever promises to show it shows it.
//!
//! A write's acknowledgement is no evidence of itself here. It is lost if no watch and no read
//! ever saw its event although a watch was complete beyond its revision.

use crate::check::{Truth, TruthEvent, Violation};
use crate::history::{History, Revision, Watch};

pub const NAME: &str = "no acknowledged write is lost";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let promises: Vec<Promise<'_>> = history.watches.iter().filter_map(Promise::of).collect();
    let mut violations = Vec::new();
    for (revision, event) in truth.events().filter(|(_, event)| !event.independent) {
        if let Some(promise) = promises.iter().find(|promise| promise.owes(revision, event)) {
            let message = format!(
                "the write of {} at revision {revision} was acknowledged, but nobody saw it",
                event.key
            );
            violations.push(Violation::new(message, [event.witness, promise.watch.id]));
        }
    }
    violations
}

/// The revisions that a watch claims to have shown completely.
struct Promise<'a> {
    watch: &'a Watch,
    from: Revision,
    to: Revision,
}

impl<'a> Promise<'a> {
    fn of(watch: &'a Watch) -> Option<Self> {
        Some(Self { watch, from: watch.first_owed()?, to: watch.complete_to() })
    }

    fn owes(&self, revision: Revision, event: &TruthEvent) -> bool {
        (self.from..=self.to).contains(&revision)
            && self.watch.request.wants(&event.key, event.put.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{Fixture, catches, everything};
    use crate::history::WatchBody;

    /// Removes what watches show of the last revision; their marks still cover it.
    fn forget_last_revision(fixture: &mut Fixture) {
        let last = fixture.revision;
        for watch in &mut fixture.history.watches {
            watch.responses.retain(|response| match &response.body {
                WatchBody::Events { .. } => response.revision != last,
                _ => true,
            });
        }
    }

    #[test]
    fn catches_an_acknowledged_write_that_nobody_sees() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            let last = fixture.revision;
            fixture.watch(everything(2), 0, last);
            forget_last_revision(fixture);
        });
    }
}
