//! etcd's errors: the codes and texts that clients match on (etcd `api/v3rpc/rpctypes`).

use tonic::{Code, Status};
use xebec_raft::errors::{LeaseError, MemberError, ProposeError, ReadIndexError, TransferError};
use xebec_store::{ApplyError, ReadError};

/// One of etcd's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EtcdError {
    pub code: Code,
    pub text: &'static str,
}

impl From<EtcdError> for Status {
    fn from(error: EtcdError) -> Self {
        Status::new(error.code, error.text)
    }
}

macro_rules! errors {
    ($($name:ident = $code:ident, $text:literal;)+) => {
        $(pub const $name: EtcdError = EtcdError { code: Code::$code, text: $text };)+
        /// All of them.
        #[cfg(test)]
        pub const ALL: &[(&str, EtcdError)] = &[$((stringify!($name), $name)),+];
    };
}

errors! {
    EMPTY_KEY = InvalidArgument, "etcdserver: key is not provided";
    KEY_NOT_FOUND = InvalidArgument, "etcdserver: key not found";
    VALUE_PROVIDED = InvalidArgument, "etcdserver: value is provided";
    LEASE_PROVIDED = InvalidArgument, "etcdserver: lease is provided";
    TOO_MANY_OPS = InvalidArgument, "etcdserver: too many operations in txn request";
    DUPLICATE_KEY = InvalidArgument, "etcdserver: duplicate key given in txn request";
    INVALID_CLIENT_API_VERSION = InvalidArgument, "etcdserver: invalid client api version";
    INVALID_SORT_OPTION = InvalidArgument, "etcdserver: invalid sort option";
    // Ours: etcd takes a compare that no version of it knows for one that holds.
    INVALID_COMPARE = InvalidArgument, "etcdserver: invalid compare option";
    COMPACTED = OutOfRange, "etcdserver: mvcc: required revision has been compacted";
    FUTURE_REVISION = OutOfRange, "etcdserver: mvcc: required revision is a future revision";
    NO_SPACE = ResourceExhausted, "etcdserver: mvcc: database space exceeded";
    LEASE_NOT_FOUND = NotFound, "etcdserver: requested lease not found";
    LEASE_EXISTS = FailedPrecondition, "etcdserver: lease already exists";
    LEASE_TTL_TOO_LARGE = OutOfRange, "etcdserver: too large lease TTL";
    MEMBER_EXISTS = FailedPrecondition, "etcdserver: member ID already exist";
    PEER_URL_EXISTS = FailedPrecondition, "etcdserver: Peer URLs already exists";
    NOT_ENOUGH_STARTED = FailedPrecondition,
        "etcdserver: re-configuration failed due to not enough started members";
    BAD_MEMBER_URLS = InvalidArgument, "etcdserver: given member URLs are invalid";
    MEMBER_NOT_FOUND = NotFound, "etcdserver: member not found";
    MEMBER_NOT_LEARNER = FailedPrecondition, "etcdserver: can only promote a learner member";
    LEARNER_NOT_READY = FailedPrecondition,
        "etcdserver: can only promote a learner member which is in sync with leader";
    TOO_MANY_LEARNERS = FailedPrecondition, "etcdserver: too many learner members in cluster";
    REQUEST_TOO_LARGE = InvalidArgument, "etcdserver: request is too large";
    TOO_MANY_REQUESTS = ResourceExhausted, "etcdserver: too many requests";
    AUTH_NOT_ENABLED = FailedPrecondition, "etcdserver: authentication is not enabled";
    NO_LEADER = Unavailable, "etcdserver: no leader";
    NOT_LEADER = FailedPrecondition, "etcdserver: not leader";
    LEADER_CHANGED = Unavailable, "etcdserver: leader changed";
    STOPPED = Unavailable, "etcdserver: server stopped";
    TIMEOUT = Unavailable, "etcdserver: request timed out";
    TIMEOUT_LEADER_FAILURE = Unavailable,
        "etcdserver: request timed out, possibly due to previous leader failure";
    TIMEOUT_CONNECTION_LOST = Unavailable,
        "etcdserver: request timed out, possibly due to connection lost";
    UNHEALTHY = Unavailable, "etcdserver: unhealthy cluster";
    CORRUPT = DataLoss, "etcdserver: corrupt cluster";
    NOT_SUPPORTED_FOR_LEARNER = FailedPrecondition, "etcdserver: rpc not supported for learner";
    BAD_LEADER_TRANSFEREE = FailedPrecondition, "etcdserver: bad leader transferee";
    WRONG_DOWNGRADE_FORMAT = InvalidArgument,
        "etcdserver: wrong downgrade target version format";
    INVALID_DOWNGRADE_TARGET = InvalidArgument, "etcdserver: invalid downgrade target version";
    NO_INFLIGHT_DOWNGRADE = FailedPrecondition, "etcdserver: no inflight downgrade job";
    DEADLINE_EXCEEDED = DeadlineExceeded, "context deadline exceeded";
    // etcd reports these through its own client, which makes plain errors of them.
    TRANSFER_TIMEOUT = Unknown, "etcdserver: request timed out, leader transfer took too long";
    ELECTION_NOT_LEADER = Unknown, "election: not leader";
    ELECTION_NO_LEADER = Unknown, "election: no leader";
    ELECTION_NO_LEADER_KEY = Unknown, "\"leader\" field must be provided";
    LOCK_SESSION_EXPIRED = Unknown, "mutex: session is expired";
}

/// Reasons in a cancelled watch's response, which carries no code.
pub const WATCH_EMPTY_RANGE: &str = "mvcc: watcher range is empty";
pub const WATCH_DUPLICATE_ID: &str = "mvcc: duplicate watch ID provided on the WatchStream";

pub fn propose(error: &ProposeError) -> Status {
    match error {
        ProposeError::TooManyRequests => TOO_MANY_REQUESTS,
        ProposeError::TooLarge => REQUEST_TOO_LARGE,
        ProposeError::NoLeader => NO_LEADER,
        ProposeError::Timeout => TIMEOUT,
        ProposeError::TimeoutLeaderFailure => TIMEOUT_LEADER_FAILURE,
        ProposeError::TimeoutConnectionLost => TIMEOUT_CONNECTION_LOST,
        ProposeError::Stopped => STOPPED,
        ProposeError::Corrupt => CORRUPT,
    }
    .into()
}

pub fn apply(error: ApplyError) -> Status {
    match error {
        ApplyError::Compacted => COMPACTED,
        ApplyError::FutureRevision => FUTURE_REVISION,
        ApplyError::LeaseNotFound => LEASE_NOT_FOUND,
        ApplyError::LeaseExists => LEASE_EXISTS,
        ApplyError::LeaseTtlTooLarge => LEASE_TTL_TOO_LARGE,
        ApplyError::KeyNotFound => KEY_NOT_FOUND,
        ApplyError::NoSpace => NO_SPACE,
        ApplyError::DuplicateKey => DUPLICATE_KEY,
        ApplyError::CorruptCluster => CORRUPT,
    }
    .into()
}

pub fn read_index(error: &ReadIndexError) -> Status {
    match error {
        ReadIndexError::TooManyRequests => TOO_MANY_REQUESTS,
        ReadIndexError::NoLeader => NO_LEADER,
        ReadIndexError::Timeout => TIMEOUT,
        ReadIndexError::LeaderChanged => LEADER_CHANGED,
        ReadIndexError::Stopped => STOPPED,
        ReadIndexError::Corrupt => CORRUPT,
    }
    .into()
}

pub fn read(error: &ReadError) -> Status {
    match error {
        ReadError::Compacted => COMPACTED.into(),
        ReadError::FutureRevision => FUTURE_REVISION.into(),
        ReadError::Engine(error) => Status::data_loss(format!("etcdserver: {error}")),
    }
}

/// `LeaseError::NotFound` is no error to most callers: they look at it first.
pub fn lease(error: &LeaseError) -> Status {
    match error {
        LeaseError::NotFound => LEASE_NOT_FOUND,
        LeaseError::NoLeader => NO_LEADER,
        LeaseError::Timeout => TIMEOUT,
        LeaseError::Stopped => STOPPED,
    }
    .into()
}

pub fn member(error: &MemberError) -> Status {
    match error {
        MemberError::NotFound => MEMBER_NOT_FOUND,
        MemberError::IdExists => MEMBER_EXISTS,
        MemberError::PeerUrlExists => PEER_URL_EXISTS,
        MemberError::BadUrls => BAD_MEMBER_URLS,
        MemberError::NotLearner => MEMBER_NOT_LEARNER,
        MemberError::LearnerNotReady => LEARNER_NOT_READY,
        MemberError::TooManyLearners => TOO_MANY_LEARNERS,
        MemberError::UnhealthyCluster => UNHEALTHY,
        MemberError::NotEnoughStarted => NOT_ENOUGH_STARTED,
        MemberError::NoLeader => NO_LEADER,
        MemberError::Timeout => TIMEOUT,
        MemberError::Stopped => STOPPED,
    }
    .into()
}

pub fn transfer(error: &TransferError) -> Status {
    match error {
        TransferError::NotLeader => NOT_LEADER,
        TransferError::BadTransferee => BAD_LEADER_TRANSFEREE,
        TransferError::NoLeader => NO_LEADER,
        TransferError::Timeout => TRANSFER_TIMEOUT,
        TransferError::Stopped => STOPPED,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The consensus layer says the same in its own messages, so that logs and clients agree.
    #[test]
    fn texts_agree_with_the_consensus_layer() {
        for error in [
            ProposeError::TooManyRequests,
            ProposeError::TooLarge,
            ProposeError::NoLeader,
            ProposeError::Timeout,
            ProposeError::TimeoutLeaderFailure,
            ProposeError::TimeoutConnectionLost,
            ProposeError::Stopped,
            ProposeError::Corrupt,
        ] {
            let text = error.to_string();
            assert_eq!(propose(&error).message(), text);
        }
        for error in [MemberError::NotFound, MemberError::LearnerNotReady, MemberError::BadUrls] {
            let text = error.to_string();
            assert_eq!(member(&error).message(), text);
        }
    }

    #[test]
    fn every_text_has_etcds_form_and_is_unique() {
        let mut texts: Vec<&str> = ALL.iter().map(|(_, error)| error.text).collect();
        texts.sort_unstable();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count);
        for (name, error) in ALL {
            let plain = error.code == Code::Unknown || error.code == Code::DeadlineExceeded;
            assert!(plain || error.text.starts_with("etcdserver: "), "{name}");
        }
    }
}
