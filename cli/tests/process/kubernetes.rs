//! What `xebec up` makes for the Kubernetes API: addresses, certificates, a kubeconfig.

use crate::harness::{Cluster, has_etcdctl, succeed, text};
use crate::kubectl::{has_kubectl, kubectl};
use std::path::Path;

#[test]
fn every_replica_serves_its_own_clients() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&["--agents", "none"]);
    let ask = |arguments: &[&str]| succeed(kubectl(&cluster).args(arguments));
    assert!(ask(&["get", "--raw", "/version"]).contains("\"gitVersion\": \"v1.36."));
    let versions = ask(&["api-versions"]);
    for version in ["v1", "apps/v1", "rbac.authorization.k8s.io/v1"] {
        assert!(versions.lines().any(|line| line == version), "{version} not in {versions}");
    }
    let resources = ask(&["api-resources"]);
    for resource in ["deployments", "customresourcedefinitions", "pods"] {
        assert!(resources.contains(resource), "{resource} not in {resources}");
    }
    let explained = ask(&["explain", "pod.spec.containers"]);
    assert!(explained.contains("imagePullPolicy"), "{explained}");

    // Every replica serves at its own address too.
    for number in 1..=3 {
        let server = format!("https://{}:6443", cluster.network.address(10 + number));
        assert_eq!(ask(&["--server", &server, "get", "--raw", "/readyz"]), "ok");
    }

    // Who may read and write all of etcd is nobody here, and the other way round.
    let pki = |file: &str| cluster.path().join("pki").join(file);
    let mut stranger = kubectl(&cluster);
    stranger.arg("--client-certificate").arg(pki("admin.crt"));
    stranger.arg("--client-key").arg(pki("admin.key")).args(["get", "--raw", "/api"]);
    let refused = stranger.output().expect("kubectl starts");
    assert!(!refused.status.success(), "{}", text(&refused));
    if has_etcdctl() {
        let mut stranger = cluster.etcdctl_at(&cluster.endpoint(1));
        stranger.env("ETCDCTL_CERT", pki("kube-admin.crt"));
        stranger.env("ETCDCTL_KEY", pki("kube-admin.key"));
        let refused = stranger.args(["--command-timeout=2s", "get", "x"]).output();
        let refused = refused.expect("etcdctl starts");
        assert!(!refused.status.success(), "{}", text(&refused));
    }
}

/// A cluster of a version that did not serve Kubernetes gets what it lacks.
#[test]
fn missing_pieces_are_made() {
    let (dir, network) = Cluster::start(&[]).stop();
    let remove = |path: &Path| std::fs::remove_file(path).expect("was there");
    for entry in std::fs::read_dir(dir.path().join("pki")).expect("is there") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name.contains("kube") || name.contains("service-account") {
            remove(&path);
        }
    }
    remove(&dir.path().join("admin.kubeconfig"));
    let file = dir.path().join("cluster.toml");
    let text = std::fs::read_to_string(&file).expect("readable");
    let (before, rest) = text.split_once("[api]").expect("has the section");
    let (_, after) = rest.split_once("\n[[").expect("members follow");
    std::fs::write(&file, format!("{before}\n[[{after}")).expect("writable");
    let cluster = Cluster::start_in(dir, network, &[]);
    assert!(cluster.path().join("admin.kubeconfig").is_file());
    assert!(cluster.up.printed().contains("kubectl get namespaces"));
}
