//! `xebec bench api` on a cluster: every row is measured, and the chart is drawn.

use crate::harness::{Cluster, succeed, text, xebec};
use crate::kubectl::{has_kubectl, kubectl};
use std::process::Command;

const ROWS: [&str; 8] =
    ["configmaps", "leases", "pods", "get", "list-json", "list-protobuf", "watch-100", "paced-100"];

fn bench(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut bench = xebec();
    bench.args(["bench", "api", "--kubeconfig"]).arg(cluster.path().join("admin.kubeconfig"));
    let server = |number: u8| format!("https://{}:6443", cluster.network.address(10 + number));
    bench.arg("--server").arg([1, 2, 3].map(server).join(",")).args(arguments);
    bench
}

#[test]
fn every_row_is_measured_and_the_fan_out_is_drawn() {
    let cluster = Cluster::start(&[]);
    let svg = cluster.path().join("fan-out.svg");
    let pids = ["m1", "m2", "m3"].map(|name| cluster.replica(name).to_string()).join(",");
    let mut command = bench(&cluster, &["--seconds", "1", "--clients", "4", "--connections", "3"]);
    command.args(["--objects", "60", "--watch-connections", "6", "--only", &ROWS.join(",")]);
    let table = succeed(command.args(["--pids", &pids, "--svg"]).arg(&svg));
    for row in ROWS {
        let begins = |line: &&str| line.split_whitespace().nth(1) == Some(row);
        let line = table.lines().find(begins).unwrap_or_else(|| panic!("no {row} in\n{table}"));
        let cells: Vec<&str> = line.split(['│', '┆']).map(str::trim).collect();
        let column = |at: usize| cells.get(at).copied().unwrap_or_default();
        let rate: f64 = column(3).parse().unwrap_or_default();
        assert!(rate > 0.0, "{row} did nothing:\n{table}");
        // A busy machine may lose its leader for a moment.
        let failed: f64 = column(13).parse().expect("a number");
        assert!(failed <= rate / 4.0, "{row} failed:\n{table}");
        assert!(column(11).ends_with("MiB"), "memory of {row}:\n{table}");
        assert_ne!(column(4) == "–", row.starts_with("list"), "bytes of {row}:\n{table}");
    }
    let svg = std::fs::read_to_string(svg).expect("the chart is there");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("watchers") && !svg.contains("not measured"), "{svg}");

    let mut protobuf = bench(&cluster, &["--seconds", "1", "--clients", "2", "--connections", "1"]);
    let table = succeed(protobuf.args(["--only=watch-100", "--watch-encoding=protobuf"]));
    assert!(table.contains("watch-100"), "{table}");
    if has_kubectl() {
        let namespaces = succeed(kubectl(&cluster).args(["get", "namespaces", "-o", "name"]));
        assert!(!namespaces.contains("xebec-bench"), "left behind: {namespaces}");
    }
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("kubeconfig");
    std::fs::write(&config, "contexts: []\ncurrent-context: gone\n").expect("writable");
    let mut command = xebec();
    command.args(["bench", "api", "--kubeconfig"]).arg(&config);
    let output = command.output().expect("the binary starts");
    assert!(!output.status.success());
    assert!(text(&output).contains("no context is named \"gone\""), "{}", text(&output));
}
