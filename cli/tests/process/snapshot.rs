//! Backups: saved from a running cluster, checked, and restored as a new one.

use crate::harness::{
    Cluster, Network, PlainCluster, Process, eventually, has_etcdctl, succeed, text, xebec,
};
use std::process::Command;

#[test]
fn a_saved_snapshot_is_restored_as_a_new_cluster() {
    if !has_etcdctl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    for number in 0..20 {
        cluster.etcdctl(&["put", &format!("key{number:02}"), &format!("value{number}")]);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("backup.xsnap");
    let path = file.to_str().expect("UTF-8");
    succeed(&mut cluster.xebec(&["snapshot", "save", path]));
    cluster.etcdctl(&["put", "key00", "later"]);

    let status = succeed(xebec().args(["snapshot", "status", path]));

    let network = Network::reserve();
    let ip = network.address(11);
    let data = dir.path().join("restored");
    let mut restore = xebec();
    restore.args(["snapshot", "restore", path, "--name", "new", "--data-dir"]).arg(&data);
    restore.arg(format!("--cluster-initial=new=http://{ip}:2380"));
    succeed(&mut restore);
    let refused = restore.output().expect("the binary starts");
    assert_eq!(refused.status.code(), Some(3), "never over data: {}", text(&refused));

    let mut server = xebec();
    server.args(["server", "--insecure", "--name", "new", "--data-dir"]).arg(&data);
    server.arg(format!("--client-listen=http://{ip}:2379"));
    server.arg(format!("--peer-listen=http://{ip}:2380"));
    let mut process = Process::start(&mut server);
    process.wait_for("serving");
    let get = |arguments: &[&str]| {
        let mut get = Command::new("etcdctl");
        get.env("ETCDCTL_API", "3").arg(format!("--endpoints=http://{ip}:2379"));
        let output = get.args(["get", "--prefix"]).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let value = eventually("it serves", || get(&["key", "--print-value-only"]));
    assert_eq!(value.lines().count(), 20);
    assert!(value.starts_with("value0\n"), "as it was when saved: {value}");

    // The cluster has objects of its own too, and nothing writes to the restored one.
    let fields = get(&["", "--keys-only", "--write-out=fields"]).expect("it serves");
    let count = fields.lines().find_map(|line| line.strip_prefix("\"Count\" : "));
    let count = count.unwrap_or_else(|| panic!("a count: {fields}"));
    let counted = |line: &str| line.split_whitespace().nth(1) == Some(count);
    assert!(status.lines().any(counted), "it counts the keys, {count}: {status}");
}

#[test]
fn three_restored_members_agree_and_newcomers_get_the_data() {
    if !has_etcdctl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    cluster.etcdctl(&["put", "kept", "value"]);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("backup.xsnap");
    succeed(cluster.xebec(&["snapshot", "save"]).arg(&file));
    drop(cluster);

    let network = Network::reserve();
    let initial = PlainCluster::initial(&network, 3);
    for name in ["m1", "m2", "m3"] {
        let mut restore = xebec();
        restore.args(["snapshot", "restore", "--name", name]).arg(&file);
        restore.arg("--cluster-initial").arg(&initial);
        succeed(restore.arg("--data-dir").arg(dir.path().join(name)));
    }
    let (fourth_url, fourth_client) = (
        format!("http://{}:2380", network.address(14)),
        format!("http://{}:2379", network.address(14)),
    );
    let fourth_data = dir.path().join("m4");
    let restored = PlainCluster::start_in(dir, network, 3);
    let status = || xebec().args(["status", "--endpoints", &restored.endpoints()]).output();
    eventually("all are up and agree", || status().ok()?.status.success().then_some(()));

    let add = ["member", "add", "m4", "--peer-urls", &fourth_url, "--endpoints"];
    let said = succeed(xebec().args(add).arg(restored.endpoints()));
    assert!(said.contains("--join") && said.contains("--insecure"), "{said}");
    let mut server = xebec();
    let words = said.split_whitespace().filter(|word| *word != "\\");
    let flags = words.skip_while(|word| *word != "server").take_while(|word| *word != "When");
    let mut fourth = Process::start(server.args(flags).arg("--data-dir").arg(&fourth_data));
    fourth.wait_for("serving");
    let value = eventually("the newcomer has the data", || {
        let mut get = Command::new("etcdctl");
        get.env("ETCDCTL_API", "3").args(["--endpoints", &fourth_client, "get", "kept"]);
        let output = get.args(["--consistency=s", "--print-value-only"]).output().ok()?;
        let value = String::from_utf8_lossy(&output.stdout).into_owned();
        (!value.is_empty()).then_some(value)
    });
    assert_eq!(value, "value\n");
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let cluster = Cluster::start(&[]);
    let file = cluster.path().join("backup.xsnap");
    let path = file.to_str().expect("UTF-8");
    succeed(&mut cluster.xebec(&["snapshot", "save", path]));
    let mut bytes = std::fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("writable");
    let output = xebec().args(["snapshot", "status", path]).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("digest"), "{}", text(&output));
}
