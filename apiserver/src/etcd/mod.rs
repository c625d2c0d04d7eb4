//! etcd's v3 gRPC API in front of a replica.
//!
//! [`Api`] takes requests off a connection: [`gate`] lets them in, one file per service answers
//! them. A write becomes a command for [`xebec_raft::Replica::propose`]; a consistent read is a
//! read index followed by a read of the store's view; a watch is [`watch::Session`].
//!
//! Invariants: every command proposed has been checked ([`check`]); every limit stands in
//! [`limits`]; every error that etcd has a text for uses that text ([`errors`]).

mod api;
mod auth;
mod check;
mod cluster;
mod context;
mod convert;
mod election;
mod errors;
mod gate;
mod health;
mod incoming;
mod kv;
mod lease;
pub mod limits;
mod lock;
mod maintenance;
pub(crate) mod methods;
pub mod proto;
mod queue;
pub mod snapshot;
mod tail;
mod txn;
mod watch;
mod wire;

pub(crate) use api::Api;
pub(crate) use context::Context;
