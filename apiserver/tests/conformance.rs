//! The behaviours that upstream's conformance suite checks, as far as API servers alone have them.
//!
//! `conformance/behaviours.tsv` lists every test of the suite, what it needs, and the tests of
//! ours that make the same exchanges and expect the same; `conformance/table.rs` keeps it and
//! `docs/conformance.md` true. One file has the tests of one topic.

mod support;

#[path = "conformance/flow_control.rs"]
mod flow_control;
#[path = "conformance/operations.rs"]
mod operations;
#[path = "conformance/table.rs"]
mod table;
