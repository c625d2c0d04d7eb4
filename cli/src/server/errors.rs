//! What a failed start or a fatal stop means to the one who runs the replica.

use crate::failure::{Failure, Kind};
use std::error::Error;
use std::path::Path;
use xebec_raft::errors::{JoinError, StartError};
use xebec_raft::log::LogError;
use xebec_store::OpenError;
use xebec_store::engine::EngineError;

const REPLACE: &str = "replace this member (docs/operations.md): remove it, move its directory away, \
     add it anew; or restore a snapshot";

/// The message of an error and of all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// The first fault of an engine among the causes.
fn engine_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a EngineError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<EngineError>() {
            return Some(fault);
        }
        cause = error.source();
    }
    None
}

pub fn engine_failure(dir: &Path, error: &EngineError) -> Failure {
    data_failure(dir, error)
}

fn data_failure(dir: &Path, error: &(dyn Error + 'static)) -> Failure {
    let message = format!("{}: {}", dir.display(), chain(error));
    match engine_fault(error) {
        Some(EngineError::NoSpace { .. }) => Failure::new(Kind::DiskFull, message)
            .remedy("free some space on that disk, then start again"),
        Some(EngineError::Corrupt { .. }) => Failure::new(Kind::Data, message).remedy(REPLACE),
        Some(EngineError::Io { message: said }) if said.contains("ermission denied") => {
            Failure::new(Kind::Permission, message)
                .remedy("run as a user who may, or change the owner or the mode")
        }
        _ => Failure::new(Kind::Failed, message).remedy("check the disk and the directory"),
    }
}

pub fn open_failure(dir: &Path, error: &OpenError) -> Failure {
    match error {
        OpenError::Format { .. } => Failure::new(Kind::Data, format!("{}: {error}", dir.display()))
            .remedy("start the newer version of xebec that wrote it"),
        error => data_failure(dir, error),
    }
}

pub fn start_failure(dir: &Path, error: &StartError) -> Failure {
    match error {
        StartError::Log(LogError::Engine(fault)) => data_failure(dir, fault),
        StartError::Log(fault) => {
            Failure::new(Kind::Data, format!("{}: {}", dir.display(), chain(fault))).remedy(REPLACE)
        }
        StartError::Config { .. } => Failure::new(Kind::Configuration, chain(error)),
        error => Failure::new(Kind::Failed, format!("{}: {}", dir.display(), chain(error))),
    }
}

pub fn join_failure(error: &JoinError) -> Failure {
    match error {
        JoinError::Unreachable { .. } => Failure::new(Kind::Unavailable, error.to_string()).remedy(
            "is the cluster running, and are --cluster-initial and the peer certificates right?",
        ),
        JoinError::Unknown { .. } => Failure::new(Kind::Configuration, error.to_string())
            .remedy("add it first: xebec member add NAME --peer-urls URL"),
    }
}

/// Settings of a server that do not fit together.
pub fn configuration_failure(what: &str, error: &dyn Error) -> Failure {
    Failure::new(Kind::Configuration, format!("{what}: {}", chain(error)))
}

pub fn tls_failure(what: &str, error: &(dyn Error + 'static)) -> Failure {
    Failure::new(Kind::Configuration, chain(error))
        .remedy(format!("check the files of {what}.cert, {what}.key and {what}.ca"))
}

/// Why a running replica ended by itself.
pub fn fatal_failure(reason: &str) -> Failure {
    let lower = reason.to_lowercase();
    if lower.contains("removed from the cluster") {
        return Failure::new(Kind::Removed, reason)
            .remedy("its data is of no more use: remove the directory, or add it as a new member");
    }
    if lower.contains("no space") {
        return Failure::new(Kind::DiskFull, reason)
            .remedy("free some space on that disk, then start again");
    }
    Failure::new(Kind::Fatal, reason)
        .remedy("nothing acknowledged is lost; see the log, then start again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_get_their_exit_codes() {
        let dir = Path::new("/data");
        let kind = |error| engine_failure(dir, &error).kind;
        let message = || "x".to_owned();
        assert_eq!(kind(EngineError::NoSpace { message: message() }), Kind::DiskFull);
        assert_eq!(kind(EngineError::Corrupt { message: message() }), Kind::Data);
        assert_eq!(kind(EngineError::Io { message: "Permission denied".into() }), Kind::Permission);
        assert_eq!(kind(EngineError::Io { message: message() }), Kind::Failed);
        assert_eq!(
            fatal_failure("this member has been removed from the cluster").kind,
            Kind::Removed
        );
        assert_eq!(fatal_failure("No space left on device").kind, Kind::DiskFull);
        assert_eq!(fatal_failure("the log differs").kind, Kind::Fatal);
    }
}
