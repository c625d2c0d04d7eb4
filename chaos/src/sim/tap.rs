//! What a disk tells the checks about the batches that it takes.

use super::truth::Truth;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_store::disk::log::Change;
use xebec_store::disk::{KEYS, LOG, keys, log};
use xebec_store::engine::{Batch, BatchOp, Engine, EngineError};
use xebec_store::kv::{KeyValue, Revision};

/// Sees a disk from below.
pub trait Tap: Send + Sync + 'static {
    /// The disk was opened, or its content replaced: this is what it holds.
    fn opened(&self, _host: usize, _engine: &dyn Engine) {}

    /// The batch was written; it need not be durable.
    fn wrote(&self, host: usize, batch: &Batch);
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

impl Tap for StateTap {
    fn wrote(&self, host: usize, batch: &Batch) {
        let changes = changes_of(batch).expect("the keyspace writes what it can read");
        for (revision, kvs) in changes {
            self.truth.learn(host, revision, kvs);
        }
    }
}

/// Every revision that a batch makes, with its changes in their order.
fn changes_of(batch: &Batch) -> Result<BTreeMap<Revision, Vec<Arc<KeyValue>>>, EngineError> {
    let mut versions: BTreeMap<(Bytes, Revision), Arc<KeyValue>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for op in &batch.ops {
        let BatchOp::Put { space, key, value } = op else { continue };
        if *space == KEYS {
            let at = keys::de_key(key)?;
            let kv = keys::de_value(&at, value)?;
            versions.insert((kv.key.clone(), at.revision), Arc::new(kv));
        } else if *space == LOG {
            places.insert(log::de_key(key)?, log::de_record(value)?);
        }
    }
    let mut changes: BTreeMap<Revision, Vec<Arc<KeyValue>>> = BTreeMap::new();
    for (place, record) in places {
        let kv = match record.change {
            Change::Inline(kv) => Some(Arc::new(kv)),
            Change::Key(key) => versions.remove(&(key, place.revision)),
        };
        changes.entry(place.revision).or_default().extend(kv);
    }
    Ok(changes)
}
