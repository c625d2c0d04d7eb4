//! [`Cluster`]: `xebec up` in a temporary directory on loopback addresses that no other test has.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before the test fails. Generous: it is a guard, not a measurement.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The binary under test: the one that cargo has built, or another (an optimised one, say).
pub fn xebec() -> Command {
    let other = std::env::var_os("XEBEC_BIN");
    let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_xebec").into()));
    for name in ["ETCDCTL_ENDPOINTS", "ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"] {
        command.env_remove(name);
    }
    command
}

/// False, with a loud message, where a program is missing that is in a package of Debian.
pub fn has(program: &str, package: &str) -> bool {
    let found = Command::new(program).arg("--help").output().is_ok();
    if !found {
        eprintln!("SKIPPED: {program} is not installed; `make deps` installs {package}");
    }
    found
}

pub fn has_etcdctl() -> bool {
    has("etcdctl", "etcd-client")
}

/// Runs to the end and returns what it printed; fails the test unless it succeeds.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}\n{}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Polls until `check` has a value.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A /24 of 127.0.0.0/8, held by a listening socket for as long as the value lives.
pub struct Network {
    _held: TcpListener,
    second: u8,
    third: u8,
}

impl Network {
    pub fn reserve() -> Self {
        let start = std::process::id();
        for step in 0..60_000_u32 {
            let at = start.wrapping_mul(37).wrapping_add(step);
            // 127.0.x.x is what people use by hand.
            let second = u8::try_from(at / 250 % 200 + 20).expect("at most 219");
            let third = u8::try_from(at % 250 + 1).expect("at most 250");
            if let Ok(held) = TcpListener::bind((Ipv4Addr::new(127, second, third, 1), 9)) {
                return Self { _held: held, second, third };
            }
        }
        panic!("no loopback network is free");
    }

    pub fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, self.third, last)
    }
}

/// A process and everything it has printed so far.
pub struct Process {
    child: Child,
    printed: Arc<Mutex<String>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let printed = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped"), printed.clone());
        collect(child.stderr.take().expect("piped"), printed.clone());
        Self { child, printed }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn printed(&self) -> String {
        self.printed.lock().expect("no panic while printing").clone()
    }

    /// Waits until the output contains `wanted`, and returns all of it.
    pub fn wait_for(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let printed = self.printed();
            if printed.contains(wanted) {
                return printed;
            }
            let ended = self.child.try_wait().expect("waitable");
            assert!(ended.is_none(), "ended ({ended:?}) before {wanted:?}:\n{}", self.printed());
            assert!(Instant::now() < deadline, "timed out before {wanted:?}:\n{printed}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    pub fn wait(&mut self) -> ExitStatus {
        let printed = self.printed.clone();
        let child = &mut self.child;
        let status = eventually("the process ends", || child.try_wait().expect("waitable"));
        // Its pipes are closed now: let the collectors see the rest.
        std::thread::sleep(Duration::from_millis(50));
        drop(printed);
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM");
            let deadline = Instant::now() + Duration::from_secs(20);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn collect(stream: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut printed = into.lock().expect("no panic while printing");
            printed.push_str(&line);
            printed.push('\n');
        }
    });
}

pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(status.expect("kill runs").success(), "kill -{name} {pid}");
}

pub fn is_alive(pid: u32) -> bool {
    // A zombie is dead: its parent has not looked yet.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A running `xebec up`. Fields drop in order: first the processes, then their data.
pub struct Cluster {
    pub up: Process,
    pub network: Network,
    pub dir: Arc<tempfile::TempDir>,
}

impl Cluster {
    /// A new cluster; returns when its table has been printed.
    pub fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("xebec-test-").tempdir();
        Self::start_in(Arc::new(dir.expect("a directory")), Network::reserve(), arguments)
    }

    pub fn start_in(dir: Arc<tempfile::TempDir>, network: Network, arguments: &[&str]) -> Self {
        let mut command = xebec();
        command.arg("up").arg("--data").arg(dir.path());
        command.arg("--base-ip").arg(network.address(11).to_string()).args(arguments);
        let up = Process::start(&mut command);
        let mut cluster = Self { up, network, dir };
        cluster.up.wait_for("Ctrl-C stops all replicas");
        cluster
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Stops it as Ctrl-C does; the data stays.
    pub fn stop(mut self) -> (Arc<tempfile::TempDir>, Network) {
        self.up.signal("INT");
        let status = self.up.wait();
        assert!(status.success(), "{status}\n{}", self.up.printed());
        (self.dir, self.network)
    }

    pub fn endpoint(&self, number: u8) -> String {
        format!("https://{}:2379", self.network.address(10 + number))
    }

    pub fn endpoints(&self) -> String {
        [1, 2, 3].map(|number| self.endpoint(number)).join(",")
    }

    fn pki(&self, file: &str) -> PathBuf {
        self.path().join("pki").join(file)
    }

    /// `etcdctl` with this cluster's certificates, towards one endpoint or all.
    pub fn etcdctl_at(&self, endpoints: &str) -> Command {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").env("ETCDCTL_ENDPOINTS", endpoints);
        command.env("ETCDCTL_CACERT", self.pki("ca.crt"));
        command.env("ETCDCTL_CERT", self.pki("admin.crt"));
        command.env("ETCDCTL_KEY", self.pki("admin.key"));
        command
    }

    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        succeed(self.etcdctl_at(&self.endpoints()).args(arguments))
    }

    /// One of xebec's own client commands on this cluster.
    pub fn xebec(&self, arguments: &[&str]) -> Command {
        let mut command = xebec();
        command.args(arguments).arg("--data").arg(self.path());
        command
    }

    /// The process of a replica, as announced last.
    pub fn replica(&self, name: &str) -> u32 {
        let printed = self.up.printed();
        let prefix = format!("{name} started (process ");
        let last = printed.lines().rev().find_map(|line| line.strip_prefix(&prefix));
        let pid = last.and_then(|rest| rest.strip_suffix(')')).expect("it was announced");
        pid.parse().expect("a process id")
    }

    /// The member that leads, by name.
    pub fn leader(&self) -> String {
        eventually("there is a leader", || {
            let output = self.xebec(&["status"]).output().ok()?;
            let table = String::from_utf8_lossy(&output.stdout).into_owned();
            let row = table.lines().find(|line| line.contains(" leader "))?;
            row.split_whitespace().next().map(str::to_owned)
        })
    }
}

/// Replicas of `xebec server` without TLS, side by side.
pub struct PlainCluster {
    replicas: Vec<Process>,
    network: Network,
    _dir: tempfile::TempDir,
}

impl PlainCluster {
    pub fn start(count: u8) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::start_in(dir, Network::reserve(), count)
    }

    /// The list of members that such a cluster begins with.
    pub fn initial(network: &Network, count: u8) -> String {
        let member = |number| format!("m{number}=http://{}:2380", network.address(10 + number));
        (1..=count).map(member).collect::<Vec<_>>().join(",")
    }

    /// On data directories that may exist: `m1`, `m2`, ...
    pub fn start_in(dir: tempfile::TempDir, network: Network, count: u8) -> Self {
        let url = |number: u8, port: u16| format!("http://{}:{port}", network.address(10 + number));
        let initial = Self::initial(&network, count);
        let start = |number: u8| {
            let mut server = xebec();
            server.args(["server", "--insecure"]).arg(format!("--name=m{number}"));
            server.arg(format!("--cluster-initial={initial}"));
            server.arg(format!("--peer-listen={}", url(number, 2380)));
            server.arg(format!("--client-listen={}", url(number, 2379)));
            server.arg("--data-dir").arg(dir.path().join(format!("m{number}")));
            Process::start(&mut server)
        };
        let mut replicas: Vec<Process> = (1..=count).map(start).collect();
        replicas.iter_mut().for_each(|replica| _ = replica.wait_for("serving"));
        Self { replicas, network, _dir: dir }
    }

    pub fn endpoints(&self) -> String {
        let numbers = 1..=u8::try_from(self.replicas.len()).expect("a few");
        let urls =
            numbers.map(|number| format!("http://{}:2379", self.network.address(10 + number)));
        urls.collect::<Vec<_>>().join(",")
    }
}
