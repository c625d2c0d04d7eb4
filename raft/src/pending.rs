//! Stands in for `xebec_store::{Store, Outcome}` until they are merged.
pub struct Store;
#[derive(Debug, Clone)]
pub struct Outcome;
