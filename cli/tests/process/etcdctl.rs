//! Real `etcdctl` (Debian's etcd-client) against three replicas behind mutual TLS.

use crate::harness::{Cluster, PATIENCE, PlainCluster, Process, eventually, has_etcdctl, text};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// A cluster, or None (with a loud message) without etcdctl.
fn cluster() -> Option<Cluster> {
    has_etcdctl().then(|| Cluster::start(&[]))
}

fn json(cluster: &Cluster, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["-w", "json"]].concat();
    let printed = cluster.etcdctl(&arguments);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// Runs with `input` on standard input.
fn with_input(command: &mut Command, input: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("etcdctl starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?}\n{}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command that must fail prints.
fn refused(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.etcdctl_at(&cluster.endpoints()).args(arguments).output();
    let output = output.expect("etcdctl starts");
    assert!(!output.status.success(), "{arguments:?} should fail\n{}", text(&output));
    text(&output)
}

/// A command that goes on, towards all replicas.
fn start(cluster: &Cluster, arguments: &[&str]) -> Process {
    Process::start(cluster.etcdctl_at(&cluster.endpoints()).args(arguments))
}

#[test]
fn put_and_get_with_every_option() {
    let Some(cluster) = cluster() else { return };
    let etcdctl = |arguments: &[&str]| cluster.etcdctl(arguments);
    assert_eq!(etcdctl(&["put", "a", "1"]), "OK\n");
    assert_eq!(etcdctl(&["put", "--prev-kv", "a", "2"]), "OK\na\n1\n");
    let lease = etcdctl(&["lease", "grant", "600"]);
    let lease = lease.split(' ').nth(1).expect("lease <id> granted ...");
    etcdctl(&["put", &format!("--lease={lease}"), "a", "3"]);
    etcdctl(&["put", "--ignore-lease", "a", "4"]);
    etcdctl(&["put", "--ignore-value", "a"]);
    let kv = &json(&cluster, &["get", "a"])["kvs"][0];
    assert_eq!(kv["version"], 5);
    assert_eq!(kv["lease"].as_i64().unwrap_or(0), 0, "ignore-value took the lease off: {kv}");
    assert!(refused(&cluster, &["put", "--ignore-value", "none"]).contains("key not found"));
    assert!(refused(&cluster, &["put", "--lease=beef", "a", "1"]).contains("lease not found"));
    with_input(cluster.etcdctl_at(&cluster.endpoints()).args(["put", "stdin"]), "piped");
    assert_eq!(etcdctl(&["get", "stdin", "--print-value-only"]), "piped\n");

    for (key, value) in [("b", "9"), ("c", "8"), ("d", "7")] {
        etcdctl(&["put", key, value]);
    }
    assert_eq!(etcdctl(&["get", "a"]), "a\n4\n");
    assert_eq!(etcdctl(&["get", "b", "d", "--keys-only"]), "b\n\nc\n\n");
    assert_eq!(etcdctl(&["get", "--from-key", "c", "--print-value-only"]), "8\n7\npiped\n");
    assert_eq!(etcdctl(&["get", "--from-key", "a", "--limit=2"]), "a\n4\nb\n9\n");
    let descending = ["get", "b", "e", "--order=DESCEND", "--sort-by=KEY", "--print-value-only"];
    assert_eq!(etcdctl(&descending), "7\n8\n9\n");
    let by_value = ["get", "b", "e", "--order=ASCEND", "--sort-by=VALUE", "--print-value-only"];
    assert_eq!(etcdctl(&by_value), "7\n8\n9\n");
    for target in ["CREATE", "MODIFY", "VERSION"] {
        let by = format!("--sort-by={target}");
        assert_eq!(etcdctl(&["get", "b", "e", &by, "--print-value-only"]), "9\n8\n7\n", "{by}");
    }
    assert_eq!(etcdctl(&["get", "--consistency=s", "a", "--print-value-only"]), "4\n");
    assert!(etcdctl(&["get", "a", "-w", "fields"]).contains("\"ModRevision\" : "));
    let revision = kv["create_revision"].as_i64().expect("a number").to_string();
    assert_eq!(etcdctl(&["get", "a", &format!("--rev={revision}")]), "a\n1\n");
    assert!(refused(&cluster, &["get", "a", "--rev=999999"]).contains("future revision"));
}

#[test]
fn delete_and_transactions() {
    let Some(cluster) = cluster() else { return };
    let etcdctl = |arguments: &[&str]| cluster.etcdctl(arguments);
    for key in ["k1", "k2", "k3", "other"] {
        etcdctl(&["put", key, "v"]);
    }
    assert_eq!(etcdctl(&["del", "--prev-kv", "k1"]), "1\nk1\nv\n");
    assert_eq!(etcdctl(&["del", "--prefix", "k"]), "2\n");
    assert_eq!(etcdctl(&["del", "none"]), "0\n");
    assert_eq!(etcdctl(&["del", "--from-key", "o"]), "1\n");

    let txn =
        |script: &str| with_input(cluster.etcdctl_at(&cluster.endpoints()).arg("txn"), script);
    let script = "version(\"t\") = \"0\"\n\nput t 1\nget t\n\nget t\n\n";
    let first = txn(script);
    assert!(first.contains("SUCCESS") && first.ends_with("t\n1\n"), "{first}");
    assert!(txn(script).contains("FAILURE"));
    let compares = "mod(\"t\") > \"1\"\nvalue(\"t\") = \"1\"\ncreate(\"t\") > \"0\"\n\ndel t\n\n\n";
    assert!(txn(compares).contains("SUCCESS"));
    assert_eq!(etcdctl(&["get", "t"]), "");
    // Two changes of one key in one transaction have no order.
    let mut twice = cluster.etcdctl_at(&cluster.endpoints());
    let mut child = twice.arg("txn").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("etcdctl starts");
    let input = child.stdin.take().expect("piped").write_all(b"\nput x 1\nput x 2\n\n\n");
    input.expect("it reads");
    assert!(!child.wait().expect("it ends").success());
}

#[test]
fn watch_from_a_revision_and_by_prefix() {
    let Some(cluster) = cluster() else { return };
    cluster.etcdctl(&["put", "w/1", "one"]);
    let revision = json(&cluster, &["get", "w/1"])["header"]["revision"].as_i64();
    let from = format!("--rev={}", revision.expect("a number"));
    let mut past = start(&cluster, &["watch", &from, "--prefix", "w/", "--prev-kv"]);
    past.wait_for("PUT\nw/1\none\n");
    cluster.etcdctl(&["put", "w/1", "two"]);
    past.wait_for("PUT\nw/1\none\nw/1\ntwo\n");
    cluster.etcdctl(&["del", "w/1"]);
    past.wait_for("DELETE\nw/1\ntwo\nw/1\n");
    cluster.etcdctl(&["put", "elsewhere", "x"]);
    cluster.etcdctl(&["put", "w/2", "three"]);
    assert!(!past.wait_for("w/2\nthree\n").contains("elsewhere"));

    // A watch outlives the replica that served it.
    let steady = start(&cluster, &["watch", "steady"]);
    eventually("the watch has begun", || {
        cluster.etcdctl(&["put", "steady", "before"]);
        steady.printed().contains("before").then_some(())
    });
    crate::harness::signal(cluster.replica("m1"), "KILL");
    eventually("it goes on elsewhere", || {
        cluster.etcdctl(&["put", "steady", "after"]);
        steady.printed().contains("after").then_some(())
    });

    // What is compacted cannot be watched.
    let now = json(&cluster, &["get", "steady"])["header"]["revision"].as_i64();
    cluster.etcdctl(&["compact", &now.expect("a number").to_string()]);
    let output =
        cluster.etcdctl_at(&cluster.endpoints()).args(["watch", "--rev=2", "w/1"]).output();
    let said = text(&output.expect("etcdctl starts"));
    assert!(said.contains("required revision has been compacted"), "{said}");
}

#[test]
fn leases_end_and_are_kept() {
    let Some(cluster) = cluster() else { return };
    let grant = |ttl: &str| {
        let printed = cluster.etcdctl(&["lease", "grant", ttl]);
        printed.split(' ').nth(1).expect("lease <id> granted ...").to_owned()
    };
    let long = grant("500");
    cluster.etcdctl(&["put", "held", "x", &format!("--lease={long}")]);
    let left = cluster.etcdctl(&["lease", "timetolive", "--keys", &long]);
    assert!(left.contains("granted with TTL(500s)") && left.contains("[held]"), "{left}");
    assert!(cluster.etcdctl(&["lease", "list"]).contains(&long));
    let kept = cluster.etcdctl(&["lease", "keep-alive", "--once", &long]);
    assert!(kept.contains("TTL(500)"), "{kept}");
    cluster.etcdctl(&["lease", "revoke", &long]);
    assert_eq!(cluster.etcdctl(&["get", "held"]), "");
    assert!(cluster.etcdctl(&["lease", "timetolive", &long]).contains("already expired"));

    let short = grant("1");
    cluster.etcdctl(&["put", "brief", "x", &format!("--lease={short}")]);
    eventually("the lease expires", || cluster.etcdctl(&["get", "brief"]).is_empty().then_some(()));
}

#[test]
fn locks_and_elections() {
    let Some(cluster) = cluster() else { return };
    let mut first = start(&cluster, &["lock", "mutex"]);
    first.wait_for("mutex/");
    let mut second = start(&cluster, &["lock", "mutex"]);
    eventually("the second waits in the queue", || {
        let keys = cluster.etcdctl(&["get", "--prefix", "mutex/", "--keys-only"]);
        (keys.matches("mutex/").count() == 2).then_some(())
    });
    assert_eq!(second.printed(), "", "one holder at a time");
    first.signal("INT");
    second.wait_for("mutex/");
    assert_eq!(cluster.etcdctl(&["lock", "another", "echo", "inside"]), "inside\n");

    let mut leader = start(&cluster, &["elect", "office", "alice"]);
    leader.wait_for("alice");
    let mut observer = start(&cluster, &["elect", "--listen", "office"]);
    observer.wait_for("alice");
    let mut next = start(&cluster, &["elect", "office", "bob"]);
    leader.signal("INT");
    next.wait_for("bob");
    observer.wait_for("bob");
}

#[test]
fn endpoints_and_members() {
    let Some(cluster) = cluster() else { return };
    cluster.etcdctl(&["put", "a", "b"]);
    let health = cluster.etcdctl(&["endpoint", "health", "--cluster"]);
    // etcdctl 3.4 prints health to standard error or output, by version: success is what counts.
    drop(health);
    let status = json(&cluster, &["endpoint", "status"]);
    let rows = status.as_array().expect("a list");
    assert_eq!(rows.len(), 3);
    let leaders: Vec<&Value> = rows.iter().map(|row| &row["Status"]["leader"]).collect();
    assert!(leaders.iter().all(|leader| *leader == leaders[0] && !leader.is_null()), "{status}");
    assert!(rows.iter().all(|row| row["Status"]["dbSize"].as_i64() > Some(0)), "{status}");

    let hashes = eventually("all replicas have applied the same", || {
        let hashes = json(&cluster, &["endpoint", "hashkv", "--rev=2"]);
        let hashes: Vec<i64> =
            hashes.as_array()?.iter().filter_map(|row| row["HashKV"]["hash"].as_i64()).collect();
        (hashes.len() == 3).then_some(hashes)
    });
    assert!(hashes.iter().all(|hash| *hash == hashes[0] && *hash != 0), "{hashes:?}");

    let members = json(&cluster, &["member", "list"]);
    let names: Vec<&str> = members["members"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|m| m["name"].as_str())
        .collect();
    assert_eq!(names.len(), 3, "{members}");

    let ip = cluster.network.address(14);
    let added = cluster.etcdctl(&[
        "member",
        "add",
        "m4",
        "--learner",
        &format!("--peer-urls=https://{ip}:2380"),
    ]);
    assert!(added.contains("added to cluster"), "{added}");
    let id = added.split_whitespace().nth(1).expect("Member <id> added").to_owned();
    assert!(refused(&cluster, &["member", "promote", &id]).contains("in sync with leader"));
    let url = format!("--peer-urls=https://{ip}:2390");
    assert!(cluster.etcdctl(&["member", "update", &id, &url]).contains("updated"));
    assert!(cluster.etcdctl(&["member", "list"]).contains(":2390"));
    assert!(cluster.etcdctl(&["member", "remove", &id]).contains("removed"));
    assert!(refused(&cluster, &["member", "remove", &id]).contains("not found"));
}

#[test]
fn maintenance() {
    let Some(cluster) = cluster() else { return };
    cluster.etcdctl(&["put", "a", "1"]);
    cluster.etcdctl(&["put", "a", "2"]);
    let revision = json(&cluster, &["get", "a"])["header"]["revision"].as_i64().expect("a number");
    assert!(cluster.etcdctl(&["compact", &revision.to_string()]).contains("compacted revision"));
    assert!(refused(&cluster, &["get", "a", "--rev=2"]).contains("has been compacted"));
    assert!(refused(&cluster, &["compact", "2"]).contains("has been compacted"));
    assert!(cluster.etcdctl(&["defrag"]).contains("Finished defragmenting"));
    assert_eq!(cluster.etcdctl(&["alarm", "list"]), "");
    cluster.etcdctl(&["alarm", "disarm"]);

    let status = json(&cluster, &["endpoint", "status"]);
    let member = |row: &Value| row["Status"]["header"]["member_id"].as_u64().expect("an id");
    let leader = status[0]["Status"]["leader"].as_u64().expect("an id");
    let rows = status.as_array().expect("a list");
    let at_leader = rows.iter().find(|row| member(row) == leader).expect("it is one of them");
    let follower = rows.iter().map(member).find(|id| *id != leader).expect("there are two");
    let endpoint = at_leader["Endpoint"].as_str().expect("a URL").to_owned();
    let mut transfer = cluster.etcdctl_at(&endpoint);
    let output = transfer.args(["move-leader", &format!("{follower:x}")]).output();
    let said = text(&output.expect("etcdctl starts"));
    assert!(said.contains("Leadership transferred"), "{said}");
    eventually("the other leads", || {
        let status = json(&cluster, &["endpoint", "status"]);
        (status[0]["Status"]["leader"].as_u64() == Some(follower)).then_some(())
    });

    let file = cluster.path().join("by-etcdctl.db");
    let path = file.to_str().expect("UTF-8");
    let mut save = cluster.etcdctl_at(&cluster.endpoint(1));
    let output = save.args(["snapshot", "save", path]).output().expect("etcdctl starts");
    assert!(output.status.success(), "{}", text(&output));
    let status = crate::harness::xebec().args(["snapshot", "status", path]).output();
    let status = status.expect("the binary starts");
    assert!(status.status.success(), "xebec reads what etcdctl saved: {}", text(&status));
}

/// Without TLS: etcdctl asks for the metrics with neither its certificate nor its authority.
#[test]
fn check_datascale() {
    if !has_etcdctl() {
        return;
    }
    let cluster = PlainCluster::start(3);
    let mut etcdctl = Command::new("etcdctl");
    etcdctl.env("ETCDCTL_API", "3").arg("--endpoints").arg(cluster.endpoints());
    let mut check = Process::start(etcdctl.args(["check", "datascale", "--load=s"]));
    assert!(check.wait().success(), "{}", check.printed());
    assert!(check.printed().contains("PASS"), "{}", check.printed());
}

/// Takes a minute by its nature.
#[test]
fn check_perf() {
    let Some(cluster) = cluster() else { return };
    let mut check = start(&cluster, &["check", "perf", "--load=s"]);
    check.wait_for("Throughput");
    assert!(PATIENCE.as_secs() > 75, "it writes for 60 s");
    check.wait();
    let printed = check.printed();
    assert!(printed.contains("PASS: Throughput"), "{printed}");
}
