//! Keys, values and events: the units of the data model.

use bytes::Bytes;
use std::sync::Arc;

/// A position in the history of the keyspace. The first write makes revision 2, as in etcd: an
/// empty keyspace stands at revision 1.
pub type Revision = i64;

/// One version of one key. The field tags are those of etcd's `mvccpb.KeyValue`, so that the
/// encoding on disk is the encoding on the wire.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Revision of the creation that began this life of the key.
    #[prost(int64, tag = "2")]
    pub create_revision: Revision,
    /// Revision of the last change.
    #[prost(int64, tag = "3")]
    pub mod_revision: Revision,
    /// Number of changes in this life of the key, from 1. A tombstone has 0.
    #[prost(int64, tag = "4")]
    pub version: i64,
    #[prost(bytes = "bytes", tag = "5")]
    pub value: Bytes,
    /// The lease that the key is attached to, or 0.
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

impl KeyValue {
    /// True for the record that a deletion leaves: a key and the revision of the deletion.
    pub fn is_tombstone(&self) -> bool {
        self.version == 0
    }

    /// True if this version began a life of the key (etcd's `IsCreate`).
    pub fn is_create(&self) -> bool {
        self.version == 1
    }
}

/// What happened to one key at one revision. Within a revision, events keep the order in which
/// the transaction made them.
#[derive(Debug, Clone)]
pub struct Event {
    /// The new version, or the tombstone of a deletion.
    pub kv: Arc<KeyValue>,
    /// The version before, if the key existed.
    pub prev: Option<Arc<KeyValue>>,
}

impl Event {
    pub fn is_delete(&self) -> bool {
        self.kv.is_tombstone()
    }

    pub fn revision(&self) -> Revision {
        self.kv.mod_revision
    }
}
