//! The lessor: when leases expire, kept by the leader alone.
//!
//! Deadlines are not replicated. A new leader gives every lease its full time to live again, plus
//! an allowance for the time without a leader, so a lease may live longer than asked, never
//! shorter. Pure: the caller passes `now_ms`, of a clock that never goes back.

use std::collections::{BTreeSet, HashMap};

/// After so long without its revocation being applied, an expired lease is named again.
pub const REVOKE_RETRY_MS: u64 = 3_000;
/// Leases that a new leader lets expire within one second, so that they do not all fall due at
/// once: etcd's three quarters of 1,000 revocations a second.
pub const EXPIRIES_PER_S: usize = 750;

/// Deadlines of all leases while this member leads.
#[derive(Debug, Default)]
pub struct Lessor {
    /// None while this member does not lead.
    primary: Option<Primary>,
}

#[derive(Debug, Default)]
struct Primary {
    leases: HashMap<i64, Deadline>,
    /// When to look at each lease, soonest first: its deadline, or the next retry.
    queue: BTreeSet<(u64, i64)>,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    ttl_s: i64,
    at_ms: u64,
    /// Its place in the queue.
    due_ms: u64,
}

/// Why a lease was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    /// Leases are renewed by the leader.
    #[error("not a primary lessor")]
    NotPrimary,
    /// No such lease, or it has expired and awaits its revocation.
    #[error("requested lease not found")]
    NotFound,
}

impl Lessor {
    pub fn is_primary(&self) -> bool {
        self.primary.is_some()
    }

    /// Begins to lead: `leases` are (id, ttl_s) as applied; each gets its full time and
    /// `extend_ms` more. Where too many would expire within a second, later ones get longer.
    pub fn promote(&mut self, now_ms: u64, leases: &[(i64, i64)], extend_ms: u64) {
        let mut primary = Primary::default();
        let mut sorted = leases.to_vec();
        sorted.sort_by_key(|(id, ttl_s)| (*ttl_s, *id));
        let (mut window_ms, mut in_window) = (0, 0);
        for (id, ttl_s) in sorted {
            let wanted_ms = deadline_ms(now_ms, ttl_s).saturating_add(extend_ms);
            if wanted_ms >= window_ms + 1_000 {
                (window_ms, in_window) = (wanted_ms, 0);
            } else if in_window == EXPIRIES_PER_S {
                (window_ms, in_window) = (window_ms + 1_000, 0);
            }
            in_window += 1;
            primary.set(id, ttl_s, wanted_ms.max(window_ms));
        }
        self.primary = Some(primary);
    }

    /// Stops leading: deadlines are forgotten, nothing expires.
    pub fn demote(&mut self) {
        self.primary = None;
    }

    /// Takes up leases granted since the last call and forgets revoked ones: `leases` are all
    /// (id, ttl_s) as applied. A lease counts its time from the call that first names it.
    pub fn reconcile(&mut self, now_ms: u64, leases: impl IntoIterator<Item = (i64, i64)>) {
        let Some(primary) = &mut self.primary else { return };
        let mut known = std::mem::take(&mut primary.leases);
        for (id, ttl_s) in leases {
            match known.remove(&id) {
                Some(deadline) => {
                    primary.leases.insert(id, deadline);
                }
                None => primary.set(id, ttl_s, deadline_ms(now_ms, ttl_s)),
            }
        }
        for (id, deadline) in known {
            primary.queue.remove(&(deadline.due_ms, id));
        }
    }

    /// Gives the lease its full time again and returns it, in seconds.
    pub fn renew(&mut self, id: i64, now_ms: u64) -> Result<i64, RenewError> {
        let primary = self.primary.as_mut().ok_or(RenewError::NotPrimary)?;
        match primary.leases.get(&id).copied() {
            Some(lease) if lease.at_ms > now_ms => {
                primary.set(id, lease.ttl_s, deadline_ms(now_ms, lease.ttl_s));
                Ok(lease.ttl_s)
            }
            _ => Err(RenewError::NotFound),
        }
    }

    /// Time left, in milliseconds; 0 if expired. None if unknown, or while not leading.
    pub fn remaining_ms(&self, id: i64, now_ms: u64) -> Option<u64> {
        let lease = self.primary.as_ref()?.leases.get(&id)?;
        Some(lease.at_ms.saturating_sub(now_ms))
    }

    /// Up to `max` leases to revoke now. Each is named again after [`REVOKE_RETRY_MS`], should
    /// its revocation have been lost.
    pub fn expired(&mut self, now_ms: u64, max: usize) -> Vec<i64> {
        let Some(primary) = &mut self.primary else { return Vec::new() };
        let mut expired = Vec::new();
        while expired.len() < max
            && let Some(&(due_ms, id)) = primary.queue.first()
            && due_ms <= now_ms
        {
            primary.queue.pop_first();
            let lease = primary.leases.get_mut(&id).expect("the queue names known leases");
            lease.due_ms = now_ms + REVOKE_RETRY_MS;
            primary.queue.insert((lease.due_ms, id));
            expired.push(id);
        }
        expired
    }

    /// When [`Self::expired`] will next have something, if ever.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.primary.as_ref()?.queue.first().map(|(due_ms, _)| *due_ms)
    }
}

impl Primary {
    fn set(&mut self, id: i64, ttl_s: i64, at_ms: u64) {
        let deadline = Deadline { ttl_s, at_ms, due_ms: at_ms };
        if let Some(old) = self.leases.insert(id, deadline) {
            self.queue.remove(&(old.due_ms, id));
        }
        self.queue.insert((at_ms, id));
    }
}

fn deadline_ms(now_ms: u64, ttl_s: i64) -> u64 {
    now_ms.saturating_add(u64::try_from(ttl_s).unwrap_or(0).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(leases: &[(i64, i64)]) -> Lessor {
        let mut lessor = Lessor::default();
        lessor.promote(1_000, leases, 0);
        lessor
    }

    #[test]
    fn a_new_leader_gives_the_full_time_and_the_allowance() {
        let mut lessor = Lessor::default();
        lessor.promote(50_000, &[(7, 10)], 500);
        assert_eq!(lessor.remaining_ms(7, 50_000), Some(10_500));
        assert!(lessor.expired(60_499, 10).is_empty());
        assert_eq!(lessor.expired(60_500, 10), [7]);
    }

    #[test]
    fn a_follower_neither_renews_nor_expires() {
        let mut lessor = leading(&[(7, 10)]);
        lessor.demote();
        assert_eq!(lessor.renew(7, 2_000), Err(RenewError::NotPrimary));
        assert!(lessor.expired(u64::MAX, 10).is_empty());
        assert_eq!(lessor.remaining_ms(7, 2_000), None);
    }

    #[test]
    fn renewal_moves_the_deadline_until_it_has_passed() {
        let mut lessor = leading(&[(7, 10)]);
        assert_eq!(lessor.renew(7, 10_000), Ok(10));
        assert!(lessor.expired(19_999, 10).is_empty());
        assert_eq!(lessor.renew(7, 20_000), Err(RenewError::NotFound));
        assert_eq!(lessor.expired(20_000, 10), [7]);
        assert_eq!(lessor.remaining_ms(7, 25_000), Some(0));
    }

    #[test]
    fn an_expired_lease_is_named_again_until_it_is_revoked() {
        let mut lessor = leading(&[(7, 10)]);
        assert_eq!(lessor.expired(11_000, 10), [7]);
        assert!(lessor.expired(11_000 + REVOKE_RETRY_MS - 1, 10).is_empty());
        assert_eq!(lessor.next_due_ms(), Some(11_000 + REVOKE_RETRY_MS));
        assert_eq!(lessor.expired(11_000 + REVOKE_RETRY_MS, 10), [7]);
        lessor.reconcile(15_000, []);
        assert!(lessor.expired(u64::MAX, 10).is_empty());
        assert_eq!(lessor.next_due_ms(), None);
    }

    #[test]
    fn granted_leases_are_taken_up_with_their_full_time() {
        let mut lessor = leading(&[(7, 10)]);
        lessor.reconcile(4_000, [(7, 10), (8, 3)]);
        assert_eq!(lessor.remaining_ms(7, 4_000), Some(7_000));
        assert_eq!(lessor.remaining_ms(8, 4_000), Some(3_000));
        assert_eq!(lessor.expired(30_000, 1), [8]);
        assert_eq!(lessor.expired(30_000, 1), [7]);
    }

    #[test]
    fn a_pile_of_leases_is_spread_out_and_none_is_shortened() {
        let leases: Vec<_> = (1..=3 * EXPIRIES_PER_S as i64).map(|id| (id, 5)).collect();
        let mut lessor = leading(&leases);
        assert_eq!(lessor.expired(6_000, usize::MAX).len(), EXPIRIES_PER_S);
        assert_eq!(lessor.expired(7_000, usize::MAX).len(), EXPIRIES_PER_S);
        assert!(leases.iter().all(|(id, _)| lessor.remaining_ms(*id, 1_000) >= Some(5_000)));
    }
}
