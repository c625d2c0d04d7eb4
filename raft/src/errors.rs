//! What can go wrong, one enum per operation. Where etcd has a text for it, the text is etcd's:
//! clients match on it.

use crate::log::LogError;

/// A command was not, or perhaps not, applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    #[error("etcdserver: too many requests")]
    TooManyRequests,
    #[error("etcdserver: request is too large")]
    TooLarge,
    #[error("etcdserver: no leader")]
    NoLeader,
    /// The command may be applied yet.
    #[error("etcdserver: request timed out")]
    Timeout,
    /// The command may have been applied.
    #[error("etcdserver: request timed out, possibly due to previous leader failure")]
    TimeoutLeaderFailure,
    /// The command may be applied yet.
    #[error("etcdserver: request timed out, possibly due to connection lost")]
    TimeoutConnectionLost,
    #[error("etcdserver: server stopped")]
    Stopped,
    /// This replica differs from the others and has taken itself out.
    #[error("etcdserver: corrupt cluster")]
    Corrupt,
}

/// It could not be shown that this replica has seen everything acknowledged before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadIndexError {
    #[error("etcdserver: too many requests")]
    TooManyRequests,
    #[error("etcdserver: no leader")]
    NoLeader,
    #[error("etcdserver: request timed out")]
    Timeout,
    #[error("etcdserver: leader changed")]
    LeaderChanged,
    #[error("etcdserver: server stopped")]
    Stopped,
    #[error("etcdserver: corrupt cluster")]
    Corrupt,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    #[error("etcdserver: requested lease not found")]
    NotFound,
    #[error("etcdserver: no leader")]
    NoLeader,
    #[error("etcdserver: request timed out")]
    Timeout,
    #[error("etcdserver: server stopped")]
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    #[error("etcdserver: member not found")]
    NotFound,
    #[error("etcdserver: member ID already exist")]
    IdExists,
    #[error("etcdserver: Peer URLs already exists")]
    PeerUrlExists,
    #[error("etcdserver: given member URLs are invalid")]
    BadUrls,
    #[error("etcdserver: can only promote a learner member")]
    NotLearner,
    #[error("etcdserver: can only promote a learner member which is in sync with leader")]
    LearnerNotReady,
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    #[error("etcdserver: unhealthy cluster")]
    UnhealthyCluster,
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    #[error("etcdserver: no leader")]
    NoLeader,
    #[error("etcdserver: request timed out")]
    Timeout,
    #[error("etcdserver: server stopped")]
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    #[error("etcdserver: not leader")]
    NotLeader,
    #[error("etcdserver: bad leader transferee")]
    BadTransferee,
    #[error("etcdserver: no leader")]
    NoLeader,
    #[error("etcdserver: request timed out, leader transfer took too long")]
    Timeout,
    #[error("etcdserver: server stopped")]
    Stopped,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the log does not open")]
    Log(#[source] LogError),
    #[error("consensus does not start: {message}")]
    Consensus { message: String },
    #[error("invalid configuration: {message}")]
    Config { message: String },
    #[error("the runtime does not start: {0}")]
    Runtime(#[source] std::io::Error),
}

/// A replica that wants to join found no way in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("no existing member answered: {message}")]
    Unreachable { message: String },
    #[error("the cluster does not know the peer URLs {peer_urls}: add this member first")]
    Unknown { peer_urls: String },
}
