//! A fourth replica: added as a learner, promoted, removed; and a dead one replaced.

use crate::harness::{Cluster, Process, eventually, has_etcdctl, succeed, text, xebec};

/// The line of `xebec member list` with this text.
fn listed(cluster: &Cluster, wanted: &str) -> Option<String> {
    let output = cluster.xebec(&["member", "list"]).output().ok()?;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    table.lines().find(|line| line.contains(wanted)).map(str::to_owned)
}

#[test]
fn a_fourth_replica_joins_votes_and_leaves() {
    if !has_etcdctl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    cluster.etcdctl(&["put", "old", "data"]);
    let ip = cluster.network.address(14);
    let peer_url = format!("https://{ip}:2380");
    let said = succeed(&mut cluster.xebec(&["member", "add", "m4", "--peer-urls", &peer_url]));
    let command = said.lines().find_map(|line| line.trim().strip_prefix("xebec server "));
    let command = command.unwrap_or_else(|| panic!("no command line in:\n{said}"));

    let mut fourth = Process::start(xebec().arg("server").args(command.split(' ')));
    fourth.wait_for("serving");
    eventually("it has a name and no vote yet", || {
        listed(&cluster, "m4").filter(|line| line.contains("learner"))
    });
    let promoted = eventually("it has caught up", || {
        let output = cluster.xebec(&["member", "promote", "m4"]).output().ok()?;
        output.status.success().then_some(output)
    });
    assert!(text(&promoted).contains("has a vote now"), "{}", text(&promoted));
    assert!(listed(&cluster, "m4").is_some_and(|line| !line.contains("learner")));
    let value = eventually("it knows that it is no learner any more", || {
        let mut get = cluster.etcdctl_at(&format!("https://{ip}:2379"));
        let output = get.args(["get", "old", "--print-value-only"]).output().ok()?;
        output.status.success().then_some(output.stdout)
    });
    assert_eq!(value, b"data\n");

    succeed(&mut cluster.xebec(&["member", "remove", "m4"]));
    let status = fourth.wait();
    assert_eq!(status.code(), Some(7), "it knows that it was removed: {}", fourth.printed());
    assert_eq!(listed(&cluster, "m4"), None);
    cluster.etcdctl(&["put", "after", "all"]);
}

#[test]
fn a_member_can_move() {
    let cluster = Cluster::start(&[]);
    // A follower: nobody listens at the new place yet, and the others must reach the leader.
    let (name, last) = if cluster.leader() == "m3" { ("m2", 12) } else { ("m3", 13) };
    let url = format!("https://{}:2390", cluster.network.address(last));
    succeed(&mut cluster.xebec(&["member", "update", name, "--peer-urls", &url]));
    eventually("it is listed there", || listed(&cluster, &url));
    let output = cluster.xebec(&["member", "remove", "m9"]).output().expect("the binary starts");
    assert!(text(&output).contains("there is no member \"m9\""), "{}", text(&output));
}
