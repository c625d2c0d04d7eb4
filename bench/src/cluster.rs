//! [`Cluster`]: three members of etcd or of Xebec, started for a measurement and stopped after it.
//!
//! Both get the same certificates, TLS to clients and between members, an fsync for every write
//! (neither can be told otherwise here), and the same addresses, one after the other.

use crate::BenchError;
use crate::measure::Processes;
use crate::target::{Target, TlsFiles};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How a cluster is laid out on this machine.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The `xebec` binary.
    pub xebec: PathBuf,
    /// Where data and logs go; a directory for each cluster.
    pub dir: PathBuf,
    /// First of three loopback addresses.
    pub base_ip: std::net::Ipv4Addr,
    pub client_port: u16,
    pub peer_port: u16,
}

/// A running cluster. Dropping it kills what [`Cluster::stop`] has not stopped.
pub struct Cluster {
    pub target: Target,
    children: Vec<Child>,
}

const MEMBERS: usize = 3;
const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(20);

impl Layout {
    fn ips(&self) -> [std::net::Ipv4Addr; MEMBERS] {
        let base = u32::from(self.base_ip);
        [0, 1, 2].map(|offset| std::net::Ipv4Addr::from(base + offset))
    }

    fn endpoints(&self) -> Vec<String> {
        self.ips().iter().map(|ip| format!("https://{ip}:{}", self.client_port)).collect()
    }

    fn xebec_dir(&self) -> PathBuf {
        self.dir.join("xebec")
    }

    /// `xebec up` makes the certificates, so Xebec starts first; etcd then uses them too.
    fn pki(&self) -> PathBuf {
        self.xebec_dir().join("pki")
    }

    fn client_tls(&self) -> TlsFiles {
        let pki = self.pki();
        TlsFiles { ca: pki.join("ca.crt"), cert: pki.join("admin.crt"), key: pki.join("admin.key") }
    }

    /// Starts three Xebec replicas under `xebec up`; with data of an earlier start, resumes it.
    pub async fn start_xebec(&self) -> Result<Cluster, BenchError> {
        let dir = self.xebec_dir();
        make_dir(&dir)?;
        let mut command = Command::new(&self.xebec);
        command
            .arg("up")
            .arg("--data")
            .arg(&dir)
            .arg(format!("--base-ip={}", self.base_ip))
            .arg(format!("--client-port={}", self.client_port))
            .arg(format!("--peer-port={}", self.peer_port));
        let log = self.dir.join("xebec-up.log");
        let supervisor = spawn(command, &log)?;
        let mut cluster = self.cluster("xebec", vec![supervisor]);
        cluster.ready(&log).await?;
        let supervisor = cluster.children[0].id().unwrap_or_default();
        cluster.target.processes = Processes::new(children_of(supervisor)?);
        Ok(cluster)
    }

    /// Starts three members of Debian's etcd.
    pub async fn start_etcd(&self) -> Result<Cluster, BenchError> {
        let log = self.dir.join("etcd.log");
        let mut children = Vec::new();
        for member in 0..MEMBERS {
            children.push(spawn(self.etcd_command(member)?, &log)?);
        }
        let pids = children.iter().filter_map(Child::id).collect();
        let mut cluster = self.cluster("etcd", children);
        cluster.target.processes = Processes::new(pids);
        cluster.ready(&log).await?;
        Ok(cluster)
    }

    fn etcd_command(&self, member: usize) -> Result<Command, BenchError> {
        let ips = self.ips();
        let peer = |at: usize| format!("https://{}:{}", ips[at], self.peer_port);
        let client = format!("https://{}:{}", ips[member], self.client_port);
        let members: Vec<_> = (0..MEMBERS).map(|at| format!("bench{at}={}", peer(at))).collect();
        let data = self.dir.join(format!("etcd-{member}"));
        make_dir(&data)?;
        let pki = self.pki();
        let file = |name: &str| pki.join(name).display().to_string();
        let own = |suffix: &str| file(&format!("m{}{suffix}", member + 1));
        let mut command = Command::new("etcd");
        command.arg(format!("--name=bench{member}")).arg("--data-dir").arg(data);
        command.args([
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={}", peer(member)),
            format!("--initial-advertise-peer-urls={}", peer(member)),
            format!("--initial-cluster={}", members.join(",")),
            "--initial-cluster-token=xebec-bench".into(),
            "--client-cert-auth".into(),
            "--peer-client-cert-auth".into(),
            format!("--trusted-ca-file={}", file("ca.crt")),
            format!("--peer-trusted-ca-file={}", file("peer-ca.crt")),
            format!("--cert-file={}", own(".crt")),
            format!("--key-file={}", own(".key")),
            format!("--peer-cert-file={}", own("-peer.crt")),
            format!("--peer-key-file={}", own("-peer.key")),
            "--quota-backend-bytes=8589934592".into(),
        ]);
        Ok(command)
    }

    fn cluster(&self, name: &str, children: Vec<Child>) -> Cluster {
        let target = Target {
            name: name.to_owned(),
            endpoints: self.endpoints(),
            tls: Some(self.client_tls()),
            processes: Processes::default(),
        };
        Cluster { target, children }
    }
}

impl Cluster {
    /// Waits until every member answers a linearizable read.
    async fn ready(&mut self, log: &Path) -> Result<(), BenchError> {
        let end = Instant::now() + READY_MAX;
        loop {
            if answers(&self.target).await {
                return Ok(());
            }
            let ended = self.children.iter_mut().any(|c| matches!(c.try_wait(), Ok(Some(_))));
            if ended || Instant::now() > end {
                return Err(BenchError::NotReady {
                    program: self.target.name.clone(),
                    seconds: READY_MAX.as_secs(),
                    log: log.display().to_string(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks the processes to end, and waits until they have.
    pub async fn stop(mut self) {
        for child in &self.children {
            if let Some(pid) = child.id() {
                terminate(pid).await;
            }
        }
        for child in &mut self.children {
            // One that does not end in time is killed when it is dropped.
            let _ = tokio::time::timeout(STOP_MAX, child.wait()).await;
        }
    }
}

async fn answers(target: &Target) -> bool {
    use xebec_apiserver::etcd::proto::etcdserverpb::{RangeRequest, kv_client::KvClient};
    let Ok(channels) = target.connect(target.endpoints.len()).await else { return false };
    for channel in channels {
        let request = RangeRequest { key: "ready".into(), ..RangeRequest::default() };
        let mut client = KvClient::new(channel);
        let answer = client.range(request);
        if !matches!(tokio::time::timeout(Duration::from_secs(2), answer).await, Ok(Ok(_))) {
            return false;
        }
    }
    true
}

fn spawn(mut command: Command, log: &Path) -> Result<Child, BenchError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let file = File::options().create(true).append(true).open(log);
    let out =
        file.map_err(|source| BenchError::Read { path: log.display().to_string(), source })?;
    let err = out.try_clone();
    let err = err.map_err(|source| BenchError::Read { path: log.display().to_string(), source })?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
    command.spawn().map_err(|source| BenchError::Spawn { program, source })
}

fn make_dir(path: &Path) -> Result<(), BenchError> {
    let made = std::fs::create_dir_all(path).and_then(|()| {
        // etcd insists on a directory that nobody else can read.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
    });
    made.map_err(|source| BenchError::Read { path: path.display().to_string(), source })
}

/// The processes that `pid` started.
fn children_of(pid: u32) -> Result<Vec<u32>, BenchError> {
    let mut found = Vec::new();
    let tasks = format!("/proc/{pid}/task");
    let entries = std::fs::read_dir(&tasks);
    for entry in entries.map_err(|source| BenchError::Read { path: tasks, source })?.flatten() {
        let children = std::fs::read_to_string(entry.path().join("children")).unwrap_or_default();
        found.extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(found)
}

async fn terminate(pid: u32) {
    // A process that is gone already is what we want.
    let _ = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
}
