//! What a disk tells the checks about the batches that it takes.

use super::truth::Truth;
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_store::engine::{Batch, BatchOp, Engine};
use xebec_store::kv::KeyValue;

/// Sees a disk from below.
pub trait Tap: Send + Sync + 'static {
    /// The disk was opened, or its content replaced: this is what it holds.
    fn opened(&self, _host: usize, _engine: &dyn Engine) {}

    /// The batch was written; it need not be durable.
    fn wrote(&self, host: usize, batch: &Batch);

    /// What was not durable may be gone.
    fn crashed(&self, _host: usize) {}
}

/// Reads the changes of each revision out of what the keyspace writes.
pub struct StateTap {
    truth: Arc<Truth>,
}

impl StateTap {
    pub fn new(truth: Arc<Truth>) -> Self {
        Self { truth }
    }
}

/// The space that holds every version of every key.
const KEYS: &str = "keys";

impl Tap for StateTap {
    fn wrote(&self, host: usize, batch: &Batch) {
        let mut changes: BTreeMap<i64, Vec<Arc<KeyValue>>> = BTreeMap::new();
        for op in &batch.ops {
            let BatchOp::Put { space: KEYS, value, .. } = op else { continue };
            let kv: KeyValue = prost::Message::decode(value.clone())
                .expect("the space of keys holds encoded key-values");
            changes.entry(kv.mod_revision).or_default().push(Arc::new(kv));
        }
        for (revision, kvs) in changes {
            self.truth.learn(host, revision, kvs);
        }
    }
}
