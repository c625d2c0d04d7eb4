//! [`Controller`]: writes the status of definitions, and ends those that are deleted.

use super::definitions::Definitions;
use super::{removal, review};
use crate::kube::limits::{DEFINITIONS_INTERVAL, REMOVAL_INTERVAL};
use crate::kube::loopback::Loopback;
use std::sync::Arc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use xebec_core::status::Status;

/// What one look at the definitions left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// All is as it should be.
    Nothing,
    /// Something was written: look again.
    Written,
    /// Something could not be done yet, such as the removal of the last object.
    Waiting,
}

/// Acts on the replica that leads. Should two believe that they do, they do the same, and each
/// write holds only if nothing came between.
pub struct Controller<'c> {
    pub loopback: &'c Loopback,
    pub definitions: &'c Arc<Definitions>,
}

impl<'c> Controller<'c> {
    pub fn new(loopback: &'c Loopback, definitions: &'c Arc<Definitions>) -> Self {
        Self { loopback, definitions }
    }

    pub async fn run(self, stop: &CancellationToken) {
        let mut changes = self.definitions.changes();
        let replica = self.loopback.api().storage.replica();
        loop {
            changes.mark_unchanged();
            let leadership = replica.leadership();
            let left = match leadership.own_term() {
                Some(_) => self.look().await.unwrap_or_else(|status| {
                    tracing::warn!(%status, "definitions of custom resources");
                    Left::Waiting
                }),
                None => Left::Nothing,
            };
            let pause = match left {
                Left::Written => std::time::Duration::ZERO,
                Left::Waiting => REMOVAL_INTERVAL,
                Left::Nothing => DEFINITIONS_INTERVAL,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // The sender lives as long as the definitions, which this holds.
                _ = changes.changed() => {}
                _ = replica.leadership_other_than(leadership) => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn look(&self) -> Result<Left, Status> {
        if review::review(self).await? {
            return Ok(Left::Written);
        }
        removal::remove(self).await
    }
}
