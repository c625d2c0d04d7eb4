//! The behaviours that upstream's conformance suite checks, as far as API servers alone have them.
//!
//! `conformance/behaviours.tsv` lists every test of the suite, what it needs, and the tests of
//! ours that make the same exchanges and expect the same; `conformance/table.rs` keeps it and
//! `docs/conformance.md` true. One file has the tests of one topic.

mod support;

#[path = "conformance/batch.rs"]
mod batch;
#[path = "conformance/disruption.rs"]
mod disruption;
#[path = "conformance/flow_control.rs"]
mod flow_control;
#[path = "conformance/life.rs"]
mod life;
#[path = "conformance/network.rs"]
mod network;
#[path = "conformance/node.rs"]
mod node;
#[path = "conformance/operations.rs"]
mod operations;
#[path = "conformance/pods.rs"]
mod pods;
#[path = "conformance/scheduling.rs"]
mod scheduling;
#[path = "conformance/services.rs"]
mod services;
#[path = "conformance/storage.rs"]
mod storage;
#[path = "conformance/table.rs"]
mod table;
#[path = "conformance/workloads.rs"]
mod workloads;
