//! Failures of the store as a client of the Kubernetes API hears of them.

use xebec_core::status::{Cause, Status};
use xebec_raft::errors::{ProposeError, ReadIndexError};
use xebec_store::kv::Revision;
use xebec_store::{ApplyError, ReadError};

/// Seconds after which a client may try again while there is no leader.
const RETRY_S: u32 = 1;

/// A write that was not, or perhaps not, applied.
pub fn propose(error: &ProposeError) -> Status {
    match error {
        ProposeError::TooLarge => Status::too_large(error),
        ProposeError::TooManyRequests => Status::too_many_requests(error.to_string(), RETRY_S),
        ProposeError::Timeout
        | ProposeError::TimeoutLeaderFailure
        | ProposeError::TimeoutConnectionLost => Status::timeout(error, RETRY_S),
        ProposeError::NoLeader | ProposeError::Stopped | ProposeError::Corrupt => {
            Status::unavailable(error.to_string()).retry_after(RETRY_S)
        }
    }
}

/// A read that could not be made sure to be current.
pub fn read_index(error: &ReadIndexError) -> Status {
    match error {
        ReadIndexError::TooManyRequests => Status::too_many_requests(error.to_string(), RETRY_S),
        ReadIndexError::Timeout => Status::timeout(error, RETRY_S),
        _ => Status::unavailable(error.to_string()).retry_after(RETRY_S),
    }
}

/// A command that every replica refused.
pub fn apply(error: ApplyError) -> Status {
    match error {
        ApplyError::NoSpace => Status::unavailable(format!("etcdserver: mvcc: {error}")),
        _ => Status::internal(format!("etcdserver: {error}")),
    }
}

/// A read at a revision that is gone or yet to come.
pub fn read(error: &ReadError, asked: Revision, current: Revision) -> Status {
    match error {
        ReadError::Compacted => expired(asked),
        ReadError::FutureRevision => too_large_resource_version(asked, current),
        ReadError::Engine(error) => Status::internal(error),
    }
}

/// 410: the client has to list anew.
pub fn expired(asked: Revision) -> Status {
    Status::expired(format!(
        "The provided continue parameter or resource version {asked} is too old to display a consistent list result."
    ))
}

/// 504 with a cause that clients look for.
pub fn too_large_resource_version(asked: Revision, current: Revision) -> Status {
    let message = format!("Too large resource version: {asked}, current: {current}");
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    Status::timeout(message, RETRY_S).with_cause(cause)
}
