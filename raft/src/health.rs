//! Whether this replica may serve: the one place where it takes itself out.
//!
//! A replica that cannot write its log, cannot read its data or has left the cluster fails for
//! good: it says why, once, and the process is told to end. A replica whose keyspace differs from
//! that of the others stays up to say so, but serves nobody.

use crate::options::FatalHook;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The verdict over one replica.
pub struct Health {
    hook: Arc<dyn FatalHook>,
    reason: Mutex<Option<String>>,
    failed: AtomicBool,
    corrupt: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    pub fn new(hook: Arc<dyn FatalHook>) -> Self {
        Self {
            hook,
            reason: Mutex::new(None),
            failed: AtomicBool::new(false),
            corrupt: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Ends this replica. Only the first reason counts.
    pub fn fail(&self, reason: &str) {
        if self.failed.swap(true, Ordering::AcqRel) || self.is_stopping() {
            return;
        }
        tracing::error!(reason, "this replica stops");
        *self.reason.lock() = Some(reason.to_string());
        self.hook.stop(reason);
    }

    pub fn mark_corrupt(&self) {
        self.corrupt.store(true, Ordering::Release);
    }

    pub fn clear_corrupt(&self) {
        self.corrupt.store(false, Ordering::Release);
    }

    /// A planned stop: errors from here on are not failures.
    pub fn mark_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// True if this replica must not answer any more.
    pub fn is_stopped(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.is_stopping()
    }

    pub fn is_corrupt(&self) -> bool {
        self.corrupt.load(Ordering::Acquire)
    }

    pub fn reason(&self) -> Option<String> {
        self.reason.lock().clone()
    }
}
