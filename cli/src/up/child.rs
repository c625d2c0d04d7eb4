//! [`Child`]: one replica as a process of its own.

use crate::failure::Failure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::task::JoinHandle;

/// What a replica may take to stop; then it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Lines of standard error kept to explain an exit.
const TAIL_LINES: usize = 20;

/// A running `xebec server`. It ends when its parent does, whatever becomes of the parent.
pub struct Child {
    process: tokio::process::Child,
    tail: JoinHandle<VecDeque<String>>,
}

/// How a replica ended.
#[derive(Debug)]
pub struct Exit {
    pub status: ExitStatus,
    /// The end of its standard error.
    pub tail: Vec<String>,
}

impl Child {
    /// Starts the server with the given configuration file.
    ///
    /// The calling thread must live as long as the child should: the kernel tells the child when
    /// that thread ends.
    pub fn start(config: &Path) -> Result<Self, Failure> {
        let binary = std::env::current_exe().map_err(|error| Failure::io("xebec", &error))?;
        let mut process = Command::new(&binary)
            .arg("server")
            .arg("--config")
            .arg(config)
            .arg(format!("--parent-pid={}", std::process::id()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C reaches the parent alone, which then stops its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::io(binary.display(), &error))?;
        let stderr = process.stderr.take().expect("standard error is piped");
        Ok(Self { process, tail: tokio::spawn(read_tail(stderr)) })
    }

    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Returns when the process has ended. May be dropped and called again.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// What it said last; to be called when it has ended.
    pub async fn into_exit(self, status: ExitStatus) -> Exit {
        let tail = self.tail.await.unwrap_or_default();
        Exit { status, tail: tail.into() }
    }

    /// Asks the process to stop, as one of all, and kills it if it does not in time.
    pub async fn stop(&mut self) -> std::io::Result<ExitStatus> {
        if let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended by itself: then there is nobody to tell.
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
        match tokio::time::timeout(STOP_TIMEOUT, self.process.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.process.start_kill()?;
                self.process.wait().await
            }
        }
    }
}

async fn read_tail(stderr: ChildStderr) -> VecDeque<String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut tail = VecDeque::with_capacity(TAIL_LINES);
    while let Ok(Some(line)) = lines.next_line().await {
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    tail
}

impl Exit {
    /// "stopped", "died (exit code 3)", "died (signal 9)".
    pub fn describe(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(0), _) => "stopped".to_owned(),
            (Some(code), _) => format!("died (exit code {code})"),
            (None, Some(signal)) => format!("died (signal {signal})"),
            (None, None) => format!("died ({})", self.status),
        }
    }
}
