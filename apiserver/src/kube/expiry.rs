//! [`Expiry`]: objects of a prefix that are there for a while only, as Events are.
//!
//! Their keys are attached to leases, each of which serves many keys: a lease lives as long as an
//! object must, and a little longer, during which it is given to further objects. So no object
//! goes early, and none stays much longer than it must.

use super::storage::Storage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use xebec_core::status::Status;

/// A lease serves further objects for this long at most, and for this part of a lifetime.
const REUSE_MAX_S: u64 = 60;
const REUSE_PART: u64 = 20;
/// Objects that one lease serves: its end deletes them all at one revision.
const OBJECTS_MAX: u32 = 1_000;

/// A cheap handle.
#[derive(Debug, Clone)]
pub struct Expiry {
    prefix: &'static str,
    ttl_s: u64,
    current: Arc<Mutex<Option<Current>>>,
}

/// The lease that is being given out.
#[derive(Debug, Clone, Copy)]
struct Current {
    id: i64,
    until: Instant,
    left: u32,
}

impl Expiry {
    /// Objects whose keys begin so live for `ttl`, counted in whole seconds, and one at least.
    pub fn new(prefix: &'static str, ttl: Duration) -> Self {
        Self { prefix, ttl_s: ttl.as_secs().max(1), current: Arc::default() }
    }

    pub fn concerns(&self, key: &str) -> bool {
        key.starts_with(self.prefix)
    }

    /// Gives the current lease to no further object: a write with it failed, perhaps because
    /// somebody has revoked it.
    pub async fn forget(&self) {
        *self.current.lock().await = None;
    }

    /// A lease for one more object.
    pub async fn lease(&self, storage: &Storage) -> Result<i64, Status> {
        let mut current = self.current.lock().await;
        if let Some(current) = current.as_mut()
            && current.left > 0
            && Instant::now() < current.until
        {
            current.left -= 1;
            return Ok(current.id);
        }
        let reuse_s = (self.ttl_s / REUSE_PART).min(REUSE_MAX_S);
        // Counted from before the grant, and so on the safe side.
        let until = Instant::now() + Duration::from_secs(reuse_s);
        let ttl_s = i64::try_from(self.ttl_s + reuse_s).unwrap_or(i64::MAX);
        let id = storage.grant_lease(ttl_s).await?;
        *current = Some(Current { id, until, left: OBJECTS_MAX - 1 });
        Ok(id)
    }
}
