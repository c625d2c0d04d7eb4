//! One replica's process: started, signalled, watched.

use super::ProcessError;
use super::disk::RESERVE_MIB;
use super::network::Node;
use super::stage::Stage;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How `xebec server` ends when its disk has no room (`docs/operations.md`).
const NO_SPACE_EXIT_CODE: i32 = 6;

/// How long a replica may take to stop by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Server {
    pub node: Node,
    child: Option<Child>,
    /// Taken down by the run, rather than by itself.
    expected_down: bool,
    /// A fault filled the disk when the process was started.
    started_on_full_disk: bool,
    joins: bool,
}

/// `name=peer-URL,…` of all members.
pub fn initial_cluster(stage: &Stage, nodes: &[Node]) -> String {
    let members: Vec<String> =
        nodes.iter().map(|node| format!("r{node}={}", stage.peer_url(*node))).collect();
    members.join(",")
}

impl Server {
    /// A replica of a new cluster, or one that joins a running one.
    pub fn new(node: Node, joins: bool) -> Self {
        Self { node, child: None, expected_down: true, started_on_full_disk: false, joins }
    }

    pub fn start(&mut self, stage: &Stage, members: &str) -> Result<(), ProcessError> {
        let log = self.log_file(stage)?;
        let again = log.try_clone().map_err(ProcessError::io("log of a replica"))?;
        let mut command = stage.network.command(self.node, &stage.binary);
        self.arguments(stage, members, &mut command)?;
        command.stdin(Stdio::null()).stdout(log).stderr(again).kill_on_drop(true);
        let child = command.spawn().map_err(ProcessError::io("starting a replica"))?;
        self.child = Some(child);
        self.expected_down = false;
        self.started_on_full_disk = stage.disks.is_filled(self.node);
        Ok(())
    }

    pub fn log_path(&self, stage: &Stage) -> PathBuf {
        stage.out.join(format!("r{}.log", self.node))
    }

    fn log_file(&self, stage: &Stage) -> Result<File, ProcessError> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path(stage))
            .map_err(ProcessError::io("log of a replica"))
    }

    /// etcd's flags, which xebec takes too.
    fn arguments(
        &self,
        stage: &Stage,
        members: &str,
        command: &mut Command,
    ) -> Result<(), ProcessError> {
        let is_etcd = stage.is_etcd();
        let files = stage.server_files(self.node)?;
        let (client, peer) = (stage.client_url(self.node), stage.peer_url(self.node));
        if !is_etcd {
            command.arg("server");
            command.arg("--storage-disk-reserve").arg(format!("{RESERVE_MIB}MiB"));
            command.arg(format!("--join={}", self.joins));
        } else {
            command.args(["--client-cert-auth", "--peer-client-cert-auth", "--logger=zap"]);
            let state = if self.joins { "existing" } else { "new" };
            command.args(["--initial-cluster-state", state]);
        }
        command
            .args(["--name", &format!("r{}", self.node)])
            .arg("--data-dir")
            .arg(stage.disks.data(self.node))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", members, "--initial-cluster-token", "chaos"]);
        for (flag, path) in [
            ("--cert-file", &files.cert),
            ("--key-file", &files.key),
            ("--trusted-ca-file", &files.ca),
            ("--peer-cert-file", &files.cert),
            ("--peer-key-file", &files.key),
            ("--peer-trusted-ca-file", &files.ca),
        ] {
            command.arg(flag).arg(path);
        }
        if stage.serves_kube {
            command.args(["--api-listen", &stage.kube_url(self.node)]);
            command.arg("--api-cert").arg(&files.cert).arg("--api-key").arg(&files.key);
            command.arg("--api-client-ca").arg(&files.ca);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        let Some(id) = self.child.as_ref().and_then(Child::id) else { return };
        let Ok(id) = i32::try_from(id) else { return };
        // It may have ended by itself; then there is nobody to signal, which is found out later.
        let _ = kill(Pid::from_raw(id), signal);
    }

    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    pub async fn kill(&mut self) {
        self.expected_down = true;
        self.signal(Signal::SIGKILL);
        if let Some(mut child) = self.child.take() {
            // An error means that it is gone already.
            let _ = child.wait().await;
        }
    }

    /// Asks the replica to stop; false if it had to be killed.
    pub async fn stop(&mut self) -> bool {
        self.expected_down = true;
        self.signal(Signal::SIGTERM);
        let Some(child) = &mut self.child else { return true };
        let stopped = tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_ok();
        self.kill().await;
        stopped
    }

    pub fn is_down(&mut self) -> bool {
        match &mut self.child {
            None => true,
            Some(child) => !matches!(child.try_wait(), Ok(None)),
        }
    }

    /// How the replica ended, if it ended by itself since the last start.
    pub fn unexpected_end(&mut self) -> Option<String> {
        if self.expected_down {
            return None;
        }
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.expected_down = true;
        self.child = None;
        // No database opens without a byte of room: the replica says so, and is started again.
        if self.started_on_full_disk && status.code() == Some(NO_SPACE_EXIT_CODE) {
            return None;
        }
        Some(format!("r{} ended by itself: {status}", self.node))
    }
}
