//! Namespaces of the run's own.
//!
//! The program starts itself again under `unshare` in new network, mount and process namespaces:
//! whatever the run makes there (bridges, namespaces, mounts, processes) is the kernel's to clean
//! up when the run ends, however it ends, and is never seen outside.

use super::ProcessError;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const UNSHARE: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// What a sandbox must be able to do for the run.
const PROBE: &str = "mount -t tmpfs tmpfs /run && ip link set lo up && ip netns add probe \
                     && ip link add probe0 type veth peer name probe1 && ip link add probe2 type bridge";

/// Why this machine has no sandbox, if so.
pub fn missing() -> Option<String> {
    let output = Command::new("unshare")
        .args(UNSHARE)
        .args(["sh", "-c", PROBE])
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// Replaces this process by the same program in a sandbox, with `environment` added. Returns only
/// if that fails.
pub fn enter(environment: &[(&str, OsString)]) -> ProcessError {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(source) => return ProcessError::Io { what: "this program".to_owned(), source },
    };
    let error = Command::new("unshare")
        .args(UNSHARE)
        .arg(program)
        .args(std::env::args_os().skip(1))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .exec();
    ProcessError::NoNamespaces(error.to_string())
}

/// Within the sandbox, before anything else: a `/run` of its own for namespaces and disks.
pub async fn prepare() -> Result<(), ProcessError> {
    super::shell::run("mount -t tmpfs -o size=16m tmpfs /run").await?;
    super::shell::run("ip link set lo up").await
}
