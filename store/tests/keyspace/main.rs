//! Tests of the keyspace through [`xebec_store::Store`], on the engine in memory.

mod agreement;
mod compaction;
mod faults;
mod generate;
mod golden;
mod install;
mod model;
mod support;
mod transcript;
