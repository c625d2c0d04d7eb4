//! Runs the system's tools (`ip`, `tc`, `mount`).

use super::ProcessError;
use std::process::Stdio;
use tokio::process::Command;

/// Runs `line`, split at spaces, and fails with its output unless it succeeds.
pub async fn run(line: &str) -> Result<(), ProcessError> {
    let failed = |output: String| ProcessError::Command { command: line.to_owned(), output };
    let mut words = line.split_whitespace();
    let program = words.next().ok_or_else(|| failed("no command".to_owned()))?;
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

pub async fn succeeds(line: &str) -> bool {
    run(line).await.is_ok()
}
