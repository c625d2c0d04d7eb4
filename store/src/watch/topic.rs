//! [`Topic`]: an interest that is finer than a range of keys.

use super::EventBatch;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Sorts events by something that the store does not know, such as a field of what their values
/// hold.
pub trait Classifier: Send + Sync + 'static {
    /// Calls `visit` with each topic that an event of a batch belongs to, once. False if that cannot
    /// be told: then it belongs to all. What the topics of an event are must not change.
    fn topics(&self, batch: &EventBatch, event: usize, visit: &mut dyn FnMut(&[u8])) -> bool;
}

/// The events that a classifier gives one name. A watch of a topic may be shown other events of its
/// range as well, when it reads what is past: its owner looks at them again.
#[derive(Clone)]
pub struct Topic {
    /// Watches of the same topic have the same classifier, by address.
    pub classifier: Arc<dyn Classifier>,
    pub name: Bytes,
}

impl Topic {
    /// What tells classifiers apart.
    pub(super) fn class(&self) -> *const () {
        Arc::as_ptr(&self.classifier).cast()
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({:?})", self.name)
    }
}
