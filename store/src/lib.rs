//! The replicated keyspace: etcd's data model, deterministic and without an async runtime.
//!
//! [`Store`] is the shell around one replica's keyspace. The consensus layer hands it committed
//! [`command::CommandBatch`]es; [`State`] applies them purely; the result goes to disk as one
//! atomic [`engine::Batch`], is published as a copy-on-write [`View`], and feeds the watch
//! [`watch::Hub`]. Reads never take a lock that a writer holds.
//!
//! Invariants: this crate knows no consensus library, no async runtime and no Kubernetes
//! semantics; it never reads a clock or a random source; `engine::rocks` is the one place that
//! names RocksDB.

mod bounds;
pub mod command;
pub mod disk;
pub mod engine;
mod entry;
mod hash;
mod history;
mod keymap;
pub mod kv;
mod lessor;
mod options;
mod outcome;
mod shell;
mod state;
mod view;
pub mod watch;

pub use bounds::Bounds;
pub use entry::{Entry, LogPosition, Payload};
pub use keymap::KeyMap;
pub use lessor::{EXPIRIES_PER_S, Lessor, REVOKE_RETRY_MS, RenewError};
pub use options::Options;
pub use outcome::{
    AlarmMember, ApplyError, OpResponse, Outcome, RangeResult, Response, TxnResponse,
};
pub use shell::{CompactBudget, OpenError, Progress, Store};
pub use state::{Effects, LEASE_TTL_S_MAX, LEASE_TTL_S_MIN, NoPast, Past, State, check_txn};
pub use view::{LeaseView, Page, ReadError, View};
