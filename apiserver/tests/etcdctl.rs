//! The real `etcdctl` (Debian's etcd-client) against a cluster in this process.

mod support;

use std::path::Path;
use std::process::{Output, Stdio};
use support::{Authority, Cluster, PATIENCE, eventually};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use xebec_apiserver::Options;

struct Etcdctl {
    endpoints: String,
    /// Options of every command.
    options: Vec<String>,
}

impl Etcdctl {
    fn of(cluster: &Cluster) -> Self {
        Self { endpoints: cluster.endpoints(), options: vec![] }
    }

    fn only(cluster: &Cluster, node: usize) -> Self {
        Self { endpoints: cluster.endpoint(node), options: vec![] }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("etcdctl");
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints={}", self.endpoints))
            .args(&self.options)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("etcdctl (Debian's etcd-client) is installed")
    }

    async fn output(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = self.spawn(arguments);
        let mut pipe = child.stdin.take().expect("piped");
        // A command that does not read is gone before it is written to.
        let _ = pipe.write_all(stdin.as_bytes()).await;
        drop(pipe);
        tokio::time::timeout(2 * PATIENCE, child.wait_with_output())
            .await
            .expect("etcdctl ends")
            .expect("etcdctl runs")
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, "").await
    }

    async fn run_with(&self, arguments: &[&str], stdin: &str) -> String {
        let output = self.output(arguments, stdin).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The last line of what a command that must fail complains about.
    async fn fails(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments, "").await;
        assert!(!output.status.success(), "{arguments:?} succeeds");
        let error = String::from_utf8(output.stderr).expect("text");
        error.trim().lines().last().expect("a reason").to_owned()
    }
}

/// Reads lines until so many have come.
async fn lines(child: &mut Child, count: usize) -> Vec<String> {
    let mut reader = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut found = Vec::new();
    while found.len() < count {
        let line = tokio::time::timeout(PATIENCE, reader.next_line()).await.expect("in time");
        found.push(line.expect("text").expect("more lines"));
    }
    found
}

fn word(text: &str, at: usize) -> String {
    text.split_whitespace().nth(at).expect("so many words").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    assert_eq!(ctl.run(&["put", "a", "1"]).await, "OK\n");
    assert_eq!(ctl.run(&["put", "a", "2", "--prev-kv"]).await, "OK\na\n1\n");
    assert_eq!(ctl.run(&["put", "a", "--ignore-value"]).await, "OK\n");
    ctl.run(&["put", "ab", "x"]).await;
    ctl.run(&["put", "b", "y"]).await;
    assert_eq!(ctl.run(&["get", "a"]).await, "a\n2\n");
    assert_eq!(ctl.run(&["get", "a", "--rev=2"]).await, "a\n1\n");
    assert_eq!(ctl.run(&["get", "a", "b"]).await, "a\n2\nab\nx\n");
    assert_eq!(ctl.run(&["get", "--prefix", "a", "--keys-only"]).await, "a\n\nab\n\n");
    assert_eq!(ctl.run(&["get", "--from-key", "ab", "--print-value-only"]).await, "x\ny\n");
    let sorted = ["get", "--prefix", "", "--limit=1", "--order=DESCEND", "--sort-by=MODIFY"];
    assert_eq!(ctl.run(&sorted).await, "b\ny\n");
    assert_eq!(ctl.run(&["get", "a", "--consistency=s"]).await, "a\n2\n");
    let json = ctl.run(&["get", "a", "-w", "json"]).await;
    assert!(
        json.contains(r#""kvs":[{"key":"YQ==","create_revision":2,"mod_revision":4"#),
        "{json}"
    );
    let future = ctl.fails(&["get", "a", "--rev=99"]).await;
    assert_eq!(future, "Error: etcdserver: mvcc: required revision is a future revision");
    assert_eq!(ctl.run(&["del", "a", "--prev-kv"]).await, "1\na\n2\n");
    assert_eq!(ctl.run(&["del", "--prefix", ""]).await, "2\n");
    assert_eq!(ctl.run(&["compaction", "5"]).await, "compacted revision 5\n");
    assert_eq!(ctl.run(&["compaction", "7", "--physical"]).await, "compacted revision 7\n");
    let again = ctl.fails(&["compaction", "7"]).await;
    assert_eq!(again, "Error: etcdserver: mvcc: required revision has been compacted");
    let past = ctl.fails(&["get", "a", "--rev=3"]).await;
    assert_eq!(past, "Error: etcdserver: mvcc: required revision has been compacted");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions() {
    let cluster = Cluster::start(1).await;
    let ctl = Etcdctl::of(&cluster);
    let script = "mod(\"k\") = \"0\"\n\nput k new\nget k\n\ndel k\n\n";
    assert_eq!(ctl.run_with(&["txn"], script).await, "SUCCESS\n\nOK\n\nk\nnew\n");
    assert_eq!(ctl.run_with(&["txn"], script).await, "FAILURE\n\n1\n");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        ctl.run(&["put", key, value]).await;
    }
    let mut past = ctl.spawn(&["watch", "a", "--rev=2", "--prev-kv"]);
    assert_eq!(lines(&mut past, 8).await, ["PUT", "a", "1", "PUT", "a", "1", "a", "3"]);
    let mut prefix = ctl.spawn(&["watch", "--prefix", "", "--rev=3"]);
    ctl.run(&["del", "b"]).await;
    let seen = lines(&mut prefix, 9).await;
    assert_eq!(seen, ["PUT", "b", "2", "PUT", "a", "3", "DELETE", "b", ""]);
    ctl.run(&["compaction", "5"]).await;
    let old = ctl.fails(&["watch", "a", "--rev=2"]).await;
    let compacted = "Error: watch is canceled by the server";
    assert!(old.contains("required revision has been compacted") || old == compacted, "{old}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    let granted = ctl.run(&["lease", "grant", "100"]).await;
    assert!(granted.ends_with("granted with TTL(100s)\n"), "{granted}");
    let id = word(&granted, 1);
    ctl.run(&["put", "k", "v", &format!("--lease={id}")]).await;
    let ttl = ctl.run(&["lease", "timetolive", &id, "--keys"]).await;
    assert!(ttl.contains("granted with TTL(100s)") && ttl.contains("attached keys([k])"), "{ttl}");
    assert_eq!(ctl.run(&["lease", "list"]).await, format!("found 1 leases\n{id}\n"));
    let alive = ctl.run(&["lease", "keep-alive", "--once", &id]).await;
    assert_eq!(alive, format!("lease {id} keepalived with TTL(100)\n"));
    assert_eq!(ctl.run(&["lease", "revoke", &id]).await, format!("lease {id} revoked\n"));
    assert_eq!(ctl.run(&["get", "k"]).await, "");
    let gone = ctl.run(&["lease", "timetolive", &id]).await;
    assert_eq!(gone, format!("lease {id} already expired\n"));
    let short = word(&ctl.run(&["lease", "grant", "1"]).await, 1);
    ctl.run(&["put", "short", "v", &format!("--lease={short}")]).await;
    eventually(async || ctl.run(&["get", "short"]).await.is_empty().then_some(())).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_elections() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    assert_eq!(ctl.run(&["lock", "l", "echo", "mine"]).await, "mine\n");
    let mut holder = ctl.spawn(&["lock", "l"]);
    let key = lines(&mut holder, 1).await.remove(0);
    assert!(key.starts_with("l/"), "{key}");
    let mut waiter = ctl.spawn(&["lock", "l"]);
    eventually(async || {
        let keys = ctl.run(&["get", "--prefix", "l/", "--keys-only"]).await;
        (keys.lines().filter(|line| !line.is_empty()).count() == 2).then_some(())
    })
    .await;
    ctl.run(&["del", &key]).await;
    let next = lines(&mut waiter, 1).await.remove(0);
    assert!(next.starts_with("l/") && next != key, "{next}");
    let mut leader = ctl.spawn(&["elect", "e", "v1"]);
    let elected = lines(&mut leader, 2).await;
    assert!(elected[0].starts_with("e/") && elected[1] == "v1", "{elected:?}");
    let mut observer = ctl.spawn(&["elect", "-l", "e"]);
    assert_eq!(lines(&mut observer, 2).await, elected);
    for mut child in [holder, waiter, leader, observer] {
        child.kill().await.expect("ours");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    let list = ctl.run(&["member", "list"]).await;
    assert_eq!(list.lines().filter(|line| line.contains(", started, m")).count(), 3, "{list}");
    let urls = "--peer-urls=http://nobody:2380";
    let added = ctl.run(&["member", "add", "m9", urls, "--learner"]).await;
    let id = word(&added, 1);
    let list = ctl.run(&["member", "list"]).await;
    assert!(list.contains(&format!("{id}, unstarted, , http://nobody:2380, , true")), "{list}");
    let again = ctl.fails(&["member", "add", "m9", urls]).await;
    assert_eq!(again, "Error: etcdserver: Peer URLs already exists");
    ctl.run(&["member", "update", &id, "--peer-urls=http://nowhere:2380"]).await;
    assert!(ctl.run(&["member", "list"]).await.contains("http://nowhere:2380"));
    let early = ctl.fails(&["member", "promote", &id]).await;
    assert_eq!(
        early,
        "Error: etcdserver: can only promote a learner member which is in sync with leader"
    );
    ctl.run(&["member", "remove", &id]).await;
    let gone = ctl.fails(&["member", "remove", &id]).await;
    assert_eq!(gone, "Error: etcdserver: member not found");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance() {
    let cluster = Cluster::start(3).await;
    let ctl = Etcdctl::of(&cluster);
    ctl.run(&["put", "k", "v"]).await;
    let status = ctl.run(&["endpoint", "status"]).await;
    assert_eq!(status.lines().filter(|line| line.contains(", 3.6.0, ")).count(), 3, "{status}");
    let health = ctl.output(&["endpoint", "health"], "").await;
    let healthy = [health.stdout, health.stderr].concat();
    let healthy = String::from_utf8(healthy).expect("text");
    assert_eq!(healthy.matches(" is healthy: ").count(), 3, "{healthy}");
    let hashes = eventually(async || {
        let hashes = ctl.run(&["endpoint", "hashkv"]).await;
        let all: Vec<String> = hashes.lines().map(|line| word(line, 1)).collect();
        all.iter().all(|hash| *hash == all[0]).then_some(all)
    })
    .await;
    assert_eq!(hashes.len(), 3, "all replicas agree");
    let defrag = ctl.run(&["defrag"]).await;
    assert_eq!(defrag.lines().count(), 3);
    assert_eq!(ctl.run(&["alarm", "list"]).await, "");
    assert_eq!(ctl.run(&["alarm", "disarm"]).await, "");
    let leader = cluster.leader().await;
    let target = cluster.nodes[(leader + 1) % 3].replica.status().member_id;
    let moved = ctl.run(&["move-leader", &format!("{target:x}")]).await;
    assert!(moved.starts_with("Leadership transferred from "), "{moved}");
    let auth = ctl.fails(&["auth", "enable"]).await;
    assert!(auth.contains("code = Unimplemented"), "{auth}");
    assert_eq!(ctl.run(&["--user=a:b", "get", "k"]).await, "k\nv\n");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots() {
    let cluster = Cluster::start(1).await;
    let ctl = Etcdctl::only(&cluster, 0);
    for n in 0..50 {
        ctl.run(&["put", &format!("k{n}"), &"v".repeat(1_000)]).await;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("snapshot.db");
    let saved = ctl.run(&["snapshot", "save", path.to_str().expect("text")]).await;
    assert!(saved.starts_with("Snapshot saved at "), "{saved}");
    let read = |path: &Path| xebec_apiserver::etcd::snapshot::SnapshotFile::open(path);
    let snapshot = read(&path).expect("a whole snapshot");
    let manifest = snapshot.manifest();
    assert_eq!((manifest.key_count, manifest.revision), (50, 51));
    assert!(manifest.content_bytes() > 50_000 && !manifest.files.is_empty());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_scale() {
    let cluster = Cluster::start(1).await;
    let ctl = Etcdctl::only(&cluster, 0);
    let checked = ctl.run(&["check", "datascale", "--load=s"]).await;
    assert!(checked.contains("PASS: Approximate system memory used"), "{checked}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls() {
    let authority = Authority::new();
    let options = Options { tls: Some(authority.server()), ..Options::default() };
    let cluster = Cluster::start_with(1, options).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let (certificate, key) = authority.issue();
    let options = vec![
        format!("--cacert={}", file("ca.pem", &authority.pem())),
        format!("--cert={}", file("client.pem", &certificate)),
        format!("--key={}", file("client.key", &key)),
    ];
    let endpoints = cluster.endpoint(0).replace("http://", "https://");
    let ctl = Etcdctl { endpoints: endpoints.clone(), options };
    assert_eq!(ctl.run(&["put", "k", "v"]).await, "OK\n");
    assert_eq!(ctl.run(&["get", "k"]).await, "k\nv\n");
    assert!(ctl.run(&["endpoint", "status"]).await.contains(", 3.6.0, "));
    assert_eq!(ctl.run(&["endpoint", "hashkv"]).await.lines().count(), 1);
    let path = file("snapshot.db", "");
    assert!(ctl.run(&["snapshot", "save", &path]).await.starts_with("Snapshot saved at "));
    let stranger = Etcdctl { endpoints, options: ctl.options[..1].to_vec() };
    stranger.fails(&["get", "k"]).await;
    cluster.stop().await;
}
