//! Tests of the keyspace through [`xebec_store::Store`], on the engine in memory.

#![expect(
    clippy::disallowed_methods,
    reason = "a variable says that golden files are to be written"
)]

mod agreement;
mod compaction;
mod faults;
mod generate;
mod golden;
mod install;
mod model;
mod support;
mod transcript;
