//! The Kubernetes API of one replica.
//!
//! A request goes through the stages of [`stage::Stage`] in [`api`]; [`request`] says what it asks
//! for, [`found`] which resource that is, one file of [`handlers`] per verb does it, and a
//! [`reply::Reply`] says what comes back, in the form that [`negotiate`] chose.
//!
//! Invariants: handlers look at objects in the version in which they are stored and never at bytes
//! from outside; only [`storage`] speaks to the replica; what one request may cost is bounded by
//! the constants in [`limits`].

pub mod access;
pub mod admission;
pub mod api;
pub mod authn;
pub mod authz;
mod background;
pub mod body;
pub mod bootstrap;
pub mod call;
pub mod clock;
mod connection;
pub mod custom;
pub mod deadline;
pub mod decode;
pub mod documents;
pub mod errors;
mod expiry;
mod facts;
pub mod follow;
pub mod found;
mod front;
pub mod handlers;
pub mod health;
pub mod impersonate;
pub mod limits;
pub mod list;
pub mod loopback;
pub mod metrics;
pub mod negotiate;
pub mod object;
pub mod openid;
pub mod options;
pub mod peer;
pub mod protobuf;
pub mod query;
pub mod rbac;
mod rebalance;
pub mod recent;
pub mod reply;
pub mod request;
pub mod respond;
pub mod reviews;
mod scan;
pub mod selection;
pub mod server;
mod shape;
pub mod stage;
pub mod storage;
pub mod turns;
pub mod user;
pub mod watch;
