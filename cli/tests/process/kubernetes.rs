//! What `xebec up` makes for the Kubernetes API: addresses, certificates, a kubeconfig.

use crate::harness::{Cluster, eventually, has_etcdctl, succeed, text};
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

/// A file of tokens says who somebody is; roles say what the user may do.
#[test]
fn a_file_of_tokens_names_users() {
    if !has_kubectl() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let tokens = dir.path().join("tokens.csv");
    std::fs::write(&tokens, "t-0123456789,ann,7,\"devs,ops\"\n").expect("writable");
    let cluster = Cluster::start(&["--token-file", tokens.to_str().expect("UTF-8")]);
    let with = |token: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new("kubectl");
        command.env("KUBECONFIG", "/dev/null").args(["--token", token]);
        command.arg(format!("--server=https://{}:6443", cluster.network.address(11)));
        command.arg("--certificate-authority").arg(cluster.path().join("pki/kube-ca.crt"));
        text(&command.args(arguments).output().expect("kubectl starts"))
    };
    let whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo}"];
    let user = with("t-0123456789", &whoami);
    assert!(user.contains(r#""groups":["devs","ops","system:authenticated"]"#), "{user}");
    assert!(user.contains(r#""uid":"7","username":"ann""#), "{user}");
    let refused = with("t-0123456780", &whoami);
    assert!(refused.contains("Unauthorized"), "{refused}");
    succeed(
        kubectl(&cluster)
            .args(["create", "clusterrolebinding", "b", "--clusterrole=view"])
            .arg("--group=devs"),
    );
    let may = || with("t-0123456789", &["auth", "can-i", "get", "pods"]).contains("yes");
    eventually("the roles are gathered", || may().then_some(()));
    let secrets = with("t-0123456789", &["get", "secrets"]);
    assert!(secrets.contains(r#"secrets is forbidden: User "ann""#), "{secrets}");
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
