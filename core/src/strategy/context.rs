//! [`Context`]: what strategies know of the request.

use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The request behind a write.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    pub now: Timestamp,
    /// The namespace of the URL.
    pub namespace: Option<&'c str>,
    pub requester: Requester<'c>,
}

/// Who writes, as authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'c> {
    pub name: &'c str,
    pub uid: &'c str,
    pub groups: &'c [String],
    pub extra: &'c BTreeMap<String, Vec<String>>,
}

static NOTHING: BTreeMap<String, Vec<String>> = BTreeMap::new();

impl<'c> Requester<'c> {
    /// Somebody of whom only the name is known.
    pub fn named(name: &'c str) -> Self {
        Self { name, uid: "", groups: &[], extra: &NOTHING }
    }
}
