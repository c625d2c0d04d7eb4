//! A serializable read may be old, but it is a prefix: the state of exactly the revision that its
//! header names.

use crate::check::{Truth, Violation, results};
use crate::history::{History, Request};

pub const NAME: &str = "serializable reads are prefixes of the history";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let serializable = history.operations.iter().filter(
        |operation| matches!(&operation.request, Request::Range(range) if range.serializable),
    );
    serializable.filter_map(|operation| results::judge(operation, truth)).collect()
}
