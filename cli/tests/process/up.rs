//! `xebec up`: starting, dying, stopping and resuming.

use crate::harness::{Cluster, eventually, has_etcdctl, is_alive, signal, succeed, text, xebec};
use std::process::Command;

#[test]
fn comes_up_serves_over_tls_and_resumes() {
    if !has_etcdctl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let printed = cluster.up.printed();
    for expected in ["m1", "m2", "m3", "leader", "follower", "healthy", "etcdctl put", "--cacert="]
    {
        assert!(printed.contains(expected), "{expected:?} not in:\n{printed}");
    }
    cluster.etcdctl(&["put", "greeting", "hello"]);
    for number in 1..=3 {
        let mut get = cluster.etcdctl_at(&cluster.endpoint(number));
        let value = succeed(get.args(["get", "greeting", "--print-value-only"]));
        assert_eq!(value, "hello\n", "at replica {number}");
    }

    // The file to source is enough for etcdctl and for xebec.
    let script = format!(". {}/etcdctl.env && etcdctl get greeting", cluster.path().display());
    assert!(succeed(Command::new("sh").args(["-c", &script])).contains("hello"));

    // Without a certificate nobody gets in.
    let mut bare = Command::new("etcdctl");
    bare.env("ETCDCTL_API", "3").args(["--endpoints", &cluster.endpoint(1), "--cacert"]);
    bare.arg(cluster.path().join("pki/ca.crt")).args(["--command-timeout=2s", "get", "greeting"]);
    let refused = bare.output().expect("etcdctl starts");
    assert!(!refused.status.success(), "{}", text(&refused));

    let pids = ["m1", "m2", "m3"].map(|name| cluster.replica(name));
    let (dir, network) = cluster.stop();
    assert!(pids.into_iter().all(|pid| !is_alive(pid)), "all replicas have stopped");

    let again = Cluster::start_in(dir, network, &[]);
    assert_eq!(again.etcdctl(&["get", "greeting", "--print-value-only"]), "hello\n");
}

#[test]
fn a_dead_replica_is_started_again_with_its_data() {
    if !has_etcdctl() {
        return;
    }
    let mut cluster = Cluster::start(&[]);
    cluster.etcdctl(&["put", "before", "1"]);
    let leader = cluster.leader();
    let old = cluster.replica(&leader);
    signal(old, "KILL");
    cluster.up.wait_for(&format!("{leader} died (signal 9): starting it again in 200 ms"));
    let new = eventually("it is announced anew", || {
        Some(cluster.replica(&leader)).filter(|pid| *pid != old)
    });
    assert!(is_alive(new));
    let number = leader[1..].parse().expect("m1 to m3");
    let value = eventually("it serves again", || {
        let mut get = cluster.etcdctl_at(&cluster.endpoint(number));
        let output = get.args(["get", "before", "--print-value-only"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    assert_eq!(value, "1\n");
}

#[test]
fn a_leader_that_is_stopped_hands_over_first() {
    let mut cluster = Cluster::start(&["--no-restart"]);
    let leader = cluster.leader();
    signal(cluster.replica(&leader), "TERM");
    cluster.up.wait_for(&format!("{leader} stopped: not starting it again"));
    let log = cluster.path().join(format!("logs/{leader}.log"));
    let log = std::fs::read_to_string(log).expect("readable");
    assert!(log.contains("handed_over=true"), "{log}");
    let next =
        eventually("another leads", || Some(cluster.leader()).filter(|name| *name != leader));
    assert_ne!(next, leader);
}

#[test]
fn no_restart_leaves_the_dead_alone_and_the_rest_serving() {
    if !has_etcdctl() {
        return;
    }
    let mut cluster = Cluster::start(&["--no-restart"]);
    signal(cluster.replica("m3"), "KILL");
    cluster.up.wait_for("m3 died (signal 9): not starting it again");
    let two = [cluster.endpoint(1), cluster.endpoint(2)].join(",");
    eventually("two of three serve", || {
        let mut put = cluster.etcdctl_at(&two);
        put.args(["put", "a", "b"]).output().ok()?.status.success().then_some(())
    });
    let status = cluster.xebec(&["status"]).output().expect("the binary starts");
    assert_eq!(status.status.code(), Some(9), "{}", text(&status));
    assert!(text(&status).contains("1 of 3 endpoints do not answer"), "{}", text(&status));
}

#[test]
fn a_second_up_on_the_same_data_is_refused() {
    let cluster = Cluster::start(&[]);
    let second = cluster.xebec(&["up"]).output().expect("the binary starts");
    let said = text(&second);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(said.contains(&cluster.up.pid().to_string()), "it names the process: {said}");
}

#[test]
fn replicas_do_not_outlive_a_killed_parent() {
    let mut cluster = Cluster::start(&[]);
    let pids = ["m1", "m2", "m3"].map(|name| cluster.replica(name));
    cluster.up.signal("KILL");
    cluster.up.wait();
    eventually("all replicas end", || pids.iter().all(|pid| !is_alive(*pid)).then_some(()));
}

#[test]
fn other_addresses_than_the_first_time_are_refused() {
    let (dir, network) = Cluster::start(&[]).stop();
    let other = network.address(21).to_string();
    let mut up = xebec();
    up.args(["up", "--base-ip", &other, "--data"]).arg(dir.path());
    let output = up.output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_member_that_lost_its_data_is_not_started_under_its_id() {
    let (dir, network) = Cluster::start(&[]).stop();
    std::fs::remove_dir_all(dir.path().join("m2")).expect("was there");
    let cluster = Cluster::start_in(dir, network, &[]);
    let printed = cluster.up.printed();
    assert!(printed.contains("m2 has lost its data"), "{printed}");
    assert!(printed.contains("xebec member remove m2"), "{printed}");
    assert!(!printed.contains("m2 started"), "{printed}");
}
