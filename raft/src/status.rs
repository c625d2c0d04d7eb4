//! What a replica says about itself.

/// One replica's view of the cluster, for `etcdctl endpoint status` and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    pub cluster_id: u64,
    pub member_id: u64,
    pub leader: Option<u64>,
    pub term: u64,
    pub last_log_index: u64,
    pub committed_index: u64,
    pub applied_index: u64,
    pub is_learner: bool,
    pub db_size_bytes: u64,
    pub db_size_in_use_bytes: u64,
    /// Alarms and faults, as text.
    pub errors: Vec<String>,
}

/// What the leader knows of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTtl {
    pub id: i64,
    pub granted_ttl_s: i64,
    /// -1 when the lease has expired or does not exist, as in etcd.
    pub remaining_ttl_s: i64,
}
