//! [`SharedRegistry`]: the registry that request threads read and custom resources change.

use super::{Registry, RegistryError, Resource};
use arc_swap::ArcSwap;
use std::sync::{Arc, Mutex, PoisonError};

/// The current registry. Reading never waits; changes are made one after the other.
#[derive(Debug)]
pub struct SharedRegistry {
    current: ArcSwap<Registry>,
    writing: Mutex<()>,
}

impl SharedRegistry {
    pub fn new(registry: Registry) -> Self {
        Self { current: ArcSwap::from_pointee(registry), writing: Mutex::new(()) }
    }

    /// The registry as it stands; whoever holds it sees no later change.
    pub fn load(&self) -> Arc<Registry> {
        self.current.load_full()
    }

    /// Adds a custom resource, or replaces the one of its name.
    pub fn add(&self, resource: Resource) -> Result<(), RegistryError> {
        // A poisoned lock guards nothing that could be half done: the swap is one step.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.current.load().with(resource)?;
        self.current.store(Arc::new(next));
        Ok(())
    }

    pub fn remove(&self, group: &str, plural: &str) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.current.load().without(group, plural);
        self.current.store(Arc::new(next));
    }
}
