//! Consensus: openraft wired to the keyspace.

pub mod member;
pub mod runtime;
pub mod types;
