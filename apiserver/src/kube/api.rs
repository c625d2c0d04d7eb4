//! [`Api`]: what all requests share, and the way of a request through its stages.

use super::storage::Storage;
use std::sync::Arc;
use xebec_core::registry::{Registry, Selection, SharedRegistry};
use xebec_raft::Replica;

/// Shared by all requests of a server.
pub struct Api {
    pub storage: Storage,
    pub registry: Arc<SharedRegistry>,
}

impl Api {
    pub fn new(replica: Replica) -> Self {
        let registry = SharedRegistry::new(Registry::built_in(Selection::Default));
        Self { storage: Storage::new(replica), registry: Arc::new(registry) }
    }
}
