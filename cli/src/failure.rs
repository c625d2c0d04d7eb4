//! [`Failure`]: how a command ends when it does not succeed: what happened, what to do about it,
//! and an exit code that scripts (and `xebec up`) can tell apart.

use std::fmt;
use std::process::ExitCode;

/// Kinds of failure; the number is the exit code (see `docs/operations.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Anything that fits nowhere else.
    Failed = 1,
    /// Flags or the configuration file are wrong.
    Configuration = 2,
    /// The data cannot be used: corrupt, of another member or cluster, or of a newer version.
    Data = 3,
    /// A port or the data directory is in use by another process.
    InUse = 4,
    /// The operating system refuses access.
    Permission = 5,
    /// No space left on the device.
    DiskFull = 6,
    /// The member has been removed from its cluster.
    Removed = 7,
    /// The replica stopped by itself because it could not go on safely.
    Fatal = 8,
    /// A server could not be reached or did not answer.
    Unavailable = 9,
}

impl Kind {
    /// True if starting the same replica again may help.
    pub fn may_pass(code: i32) -> bool {
        ![Self::Configuration, Self::Data, Self::Removed].iter().any(|kind| *kind as i32 == code)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    /// What to do, as an imperative.
    pub remedy: Option<String>,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A failed call of the operating system, by its kind.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (kind, remedy) = match error.kind() {
            ErrorKind::PermissionDenied => {
                (Kind::Permission, Some("run as a user who may, or change the owner or the mode"))
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (Kind::DiskFull, Some("free some space on that disk, then start again"))
            }
            ErrorKind::AddrInUse => (
                Kind::InUse,
                Some("stop the process that listens there (ss -ltnp), or choose another address"),
            ),
            ErrorKind::AddrNotAvailable => {
                (Kind::Configuration, Some("use an address of this machine (ip address)"))
            }
            _ => (Kind::Failed, None),
        };
        let failure = Self::new(kind, format!("{what}: {error}"));
        match remedy {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n  -> {remedy}"),
            None => Ok(()),
        }
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(Kind::Configuration, error.to_string().trim_end())
            .remedy("see docs/configuration.md, or xebec server --print-config")
    }
}

impl From<crate::pki::PkiError> for Failure {
    fn from(error: crate::pki::PkiError) -> Self {
        match &error {
            crate::pki::PkiError::Io { path, source } => Self::io(path.display(), source),
            _ => Self::new(Kind::Failed, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_say_what_to_do() {
        let failure = Failure::io("127.0.0.1:2379", &std::io::ErrorKind::AddrInUse.into());
        assert_eq!(failure.kind, Kind::InUse);
        assert!(failure.to_string().contains("-> stop the process"), "{failure}");
    }

    #[test]
    fn only_lasting_failures_forbid_a_restart() {
        assert!(Kind::may_pass(1) && Kind::may_pass(4) && Kind::may_pass(6) && Kind::may_pass(8));
        assert!(!Kind::may_pass(2) && !Kind::may_pass(3) && !Kind::may_pass(7));
    }
}
