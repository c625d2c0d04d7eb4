//! What a run must never show.

use super::trace::Trace;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// A broken promise: which one, and how it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

/// Where every check reports. The world stops at the first report.
#[derive(Clone)]
pub struct Violations {
    trace: Arc<Trace>,
    found: Arc<Mutex<Vec<Violation>>>,
}

impl Violations {
    pub fn new(trace: Arc<Trace>) -> Self {
        Self { trace, found: Arc::default() }
    }

    pub fn report(&self, invariant: &'static str, detail: impl Into<String>) {
        let violation = Violation { invariant, detail: detail.into() };
        self.trace.line(format_args!("VIOLATION {violation}"));
        self.found.lock().push(violation);
    }

    pub fn any(&self) -> bool {
        !self.found.lock().is_empty()
    }

    pub fn list(&self) -> Vec<Violation> {
        self.found.lock().clone()
    }
}
