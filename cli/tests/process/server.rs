//! One replica by itself: insecure on loopback, its exits, its restarts.

use crate::harness::{Network, Process, eventually, has_etcdctl, succeed, text, xebec};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Flags of a replica that is a cluster of its own.
fn alone(network: &Network, data: &Path) -> Vec<String> {
    let ip = network.address(11);
    let flags = ["server", "--insecure", "--name", "alone"].map(str::to_owned);
    let addresses = [
        format!("--client-listen=http://{ip}:2379"),
        format!("--peer-listen=http://{ip}:2380"),
        format!("--data-dir={}", data.display()),
    ];
    flags.into_iter().chain(addresses).collect()
}

fn etcdctl(network: &Network, arguments: &[&str]) -> Command {
    let mut command = Command::new("etcdctl");
    command.env("ETCDCTL_API", "3");
    command.arg("--endpoints").arg(format!("http://{}:2379", network.address(11)));
    command.args(arguments);
    command
}

#[test]
fn one_replica_serves_stops_and_resumes() {
    if !has_etcdctl() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let network = Network::reserve();
    let flags = alone(&network, dir.path());
    for (round, expected) in [("1", ""), ("2", "1\n")] {
        let mut process = Process::start(xebec().args(&flags));
        process.wait_for("serving");
        let value = eventually("the replica answers", || {
            let output =
                etcdctl(&network, &["get", "round", "--print-value-only"]).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        });
        assert_eq!(value, expected);
        succeed(&mut etcdctl(&network, &["put", "round", round]));
        process.signal("TERM");
        let status = process.wait();
        assert!(status.success(), "{status}\n{}", process.printed());
    }
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let network = Network::reserve();
    let _taken = TcpListener::bind((network.address(11), 2379)).expect("free");
    let output = xebec().args(alone(&network, dir.path())).output().expect("the binary starts");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(":2379") && said.contains("choose another address"), "{said}");
}

#[test]
fn data_of_another_member_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let network = Network::reserve();
    let mut flags = alone(&network, dir.path());
    let mut process = Process::start(xebec().args(&flags));
    process.wait_for("serving");
    let second = xebec().args(&flags).output().expect("the binary starts");
    assert_eq!(second.status.code(), Some(4), "the directory is in use: {}", text(&second));
    process.signal("TERM");
    process.wait();
    let name = flags.iter().position(|flag| flag == "alone").expect("the name is there");
    flags[name] = "other".to_owned();
    let output = xebec().args(&flags).output().expect("the binary starts");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the data of alone, not of other"), "{said}");
}

#[test]
fn a_damaged_log_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let network = Network::reserve();
    let flags = alone(&network, dir.path());
    let mut process = Process::start(xebec().args(&flags));
    process.wait_for("serving");
    process.signal("TERM");
    process.wait();
    damage(&dir.path().join("log"));
    let output = xebec().args(&flags).output().expect("the binary starts");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("->"), "it says what to do: {said}");
}

/// Overwrites every manifest of the database below `dir`.
fn damage(dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("readable")) {
        let path = entry.path();
        if path.is_dir() {
            damage(&path);
        } else if entry.file_name().to_string_lossy().starts_with("MANIFEST") {
            std::fs::write(&path, b"this is no manifest").expect("writable");
        }
    }
}
