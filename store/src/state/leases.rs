//! Leases: which are granted, and which keys hang on each.

use super::State;
use super::change::Change;
use crate::command::{LeaseGrant, LeaseRevoke};
use crate::disk::LEASES;
use crate::disk::leases::{LeaseRecord, ser_key, ser_lease};
use crate::outcome::ApplyError;
use bytes::Bytes;

/// etcd's `MaxLeaseTTL`.
pub const LEASE_TTL_S_MAX: i64 = 9_000_000_000;
/// What a shorter time to live becomes: etcd's floor at its default election timeout.
pub const LEASE_TTL_S_MIN: i64 = 2;

/// A lease that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub ttl_s: i64,
    /// The keys attached.
    pub keys: imbl::OrdSet<Bytes>,
}

impl Lease {
    pub(crate) fn new(ttl_s: i64) -> Self {
        Self { ttl_s, keys: imbl::OrdSet::new() }
    }
}

impl State {
    /// False if there is no such lease.
    pub(super) fn attach(&mut self, lease: i64, key: &Bytes) -> bool {
        match self.leases.get_mut(&lease) {
            Some(lease) => lease.keys.insert(key.clone()).is_none(),
            None => false,
        }
    }

    pub(super) fn detach(&mut self, lease: i64, key: &Bytes) {
        // The lease itself may be on its way out.
        if lease != 0
            && let Some(lease) = self.leases.get_mut(&lease)
        {
            lease.keys.remove(key);
        }
    }
}

impl Change<'_> {
    /// Returns the time to live granted.
    pub(super) fn lease_grant(&mut self, grant: &LeaseGrant) -> Result<i64, ApplyError> {
        if grant.id == 0 {
            return Err(ApplyError::LeaseNotFound);
        }
        if grant.ttl_s > LEASE_TTL_S_MAX {
            return Err(ApplyError::LeaseTtlTooLarge);
        }
        if self.state.leases.contains_key(&grant.id) {
            return Err(ApplyError::LeaseExists);
        }
        let ttl_s = grant.ttl_s.max(LEASE_TTL_S_MIN);
        self.state.leases.insert(grant.id, Lease::new(ttl_s));
        let record = ser_lease(&LeaseRecord { ttl_s });
        self.effects.batch.put(LEASES, ser_key(grant.id), record);
        Ok(ttl_s)
    }

    /// Deletes the attached keys, in key order, in one revision.
    pub(super) fn lease_revoke(&mut self, revoke: &LeaseRevoke) -> Result<(), ApplyError> {
        let lease = self.state.leases.remove(&revoke.id).ok_or(ApplyError::LeaseNotFound)?;
        for key in &lease.keys {
            let prev = self.state.map.get(key).cloned();
            let prev = prev.expect("a key attached to a lease exists");
            assert_eq!(prev.lease, revoke.id, "a key hangs on the lease that it names");
            self.delete(&prev);
        }
        self.effects.batch.delete(LEASES, ser_key(revoke.id));
        Ok(())
    }
}
