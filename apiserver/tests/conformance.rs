//! The behaviours that upstream's conformance suite checks, as far as API servers alone have them.
//!
//! `conformance/behaviours.tsv` lists every test of the suite, what it needs, and the tests of
//! ours that make the same exchanges and expect the same; `conformance/table.rs` keeps it and
//! `docs/conformance.md` true. One file has the tests of one topic.

mod support;

#[path = "conformance/accounts.rs"]
mod accounts;
#[path = "conformance/apply.rs"]
mod apply;
#[path = "conformance/batch.rs"]
mod batch;
#[path = "conformance/certificates.rs"]
mod certificates;
#[path = "conformance/chunking.rs"]
mod chunking;
#[path = "conformance/crud.rs"]
mod crud;
#[path = "conformance/definition.rs"]
mod definition;
#[path = "conformance/definitions.rs"]
mod definitions;
#[path = "conformance/devices.rs"]
mod devices;
#[path = "conformance/discovery.rs"]
mod discovery;
#[path = "conformance/disruption.rs"]
mod disruption;
#[path = "conformance/events.rs"]
mod events;
#[path = "conformance/field_validation.rs"]
mod field_validation;
#[path = "conformance/flow_control.rs"]
mod flow_control;
#[path = "conformance/life.rs"]
mod life;
#[path = "conformance/namespaces.rs"]
mod namespaces;
#[path = "conformance/network.rs"]
mod network;
#[path = "conformance/node.rs"]
mod node;
#[path = "conformance/operations.rs"]
mod operations;
#[path = "conformance/pods.rs"]
mod pods;
#[path = "conformance/policies.rs"]
mod policies;
#[path = "conformance/published.rs"]
mod published;
#[path = "conformance/quota_life.rs"]
mod quota_life;
#[path = "conformance/quotas.rs"]
mod quotas;
#[path = "conformance/scheduling.rs"]
mod scheduling;
#[path = "conformance/services.rs"]
mod services;
#[path = "conformance/storage.rs"]
mod storage;
#[path = "conformance/table.rs"]
mod table;
#[path = "conformance/typed.rs"]
mod typed;
#[path = "conformance/watchers.rs"]
mod watchers;
#[path = "conformance/workloads.rs"]
mod workloads;
