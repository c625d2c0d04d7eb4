//! The real `kubectl` against a cluster, through its VIP and against single replicas.

use crate::harness::{Cluster, eventually, has, signal, succeed, text};
use std::io::Write;
use std::process::{Command, Stdio};

pub fn has_kubectl() -> bool {
    has("kubectl", "kubernetes-client")
}

pub fn kubectl(cluster: &Cluster) -> Command {
    let mut command = Command::new("kubectl");
    command.env("KUBECONFIG", cluster.path().join("admin.kubeconfig"));
    // Its cache of discovery is by address, and addresses are used again.
    command.arg("--cache-dir").arg(cluster.path().join("kubectl-cache"));
    command
}

pub fn run(cluster: &Cluster, arguments: &[&str]) -> String {
    succeed(kubectl(cluster).args(arguments))
}

pub fn feed(cluster: &Cluster, arguments: &[&str], input: &str) -> String {
    let mut command = kubectl(cluster);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kubectl starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}\n{}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: nginx, ports: [{containerPort: 80}]}
";

#[test]
fn people_can_work() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    assert!(run(&cluster, &["get", "namespaces", "-o", "name"]).contains("namespace/default"));
    assert!(run(&cluster, &["api-resources"]).contains("deployments"));
    assert!(run(&cluster, &["explain", "pod.spec.containers"]).contains("FIELDS"));

    let applied = feed(&cluster, &["apply", "-f", "-"], DEPLOYMENT);
    assert_eq!(applied, "deployment.apps/web created\n");
    let same = feed(&cluster, &["apply", "-f", "-"], DEPLOYMENT);
    assert_eq!(same, "deployment.apps/web unchanged\n");
    let table = run(&cluster, &["get", "deployments"]);
    assert!(
        table.starts_with("NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    0/2"),
        "{table}"
    );
    let wide = run(&cluster, &["get", "deployments", "-o", "wide"]);
    assert!(wide.contains("CONTAINERS") && wide.contains("nginx"), "{wide}");

    run(&cluster, &["scale", "deployment", "web", "--replicas=5"]);
    run(&cluster, &["label", "deployment", "web", "tier=front"]);
    run(&cluster, &["annotate", "deployment", "web", "note=x"]);
    run(&cluster, &["set", "image", "deployment/web", "c=nginx:2"]);
    run(&cluster, &["patch", "deployment", "web", "-p", r#"{"spec":{"paused":true}}"#]);
    let path = "{.spec.replicas} {.metadata.labels.tier} {.spec.template.spec.containers[0].image}";
    let shown = run(&cluster, &["get", "deployment", "web", "-o", &format!("jsonpath={path}")]);
    assert_eq!(shown, "5 front nginx:2");
    let chosen = run(&cluster, &["get", "deployments", "-l", "tier=front", "-o", "name"]);
    assert_eq!(chosen, "deployment.apps/web\n");
    assert!(run(&cluster, &["describe", "deployment", "web"]).contains("tier=front"));

    let server_side =
        feed(&cluster, &["apply", "--server-side", "--force-conflicts", "-f", "-"], DEPLOYMENT);
    assert_eq!(server_side, "deployment.apps/web serverside-applied\n");
    run(&cluster, &["delete", "deployment", "web", "--wait=false"]);
    assert_eq!(run(&cluster, &["get", "deployments", "-o", "name"]), "");
}

#[test]
fn the_vip_goes_to_the_next_leader() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&["--no-restart"]);
    run(&cluster, &["create", "configmap", "kept", "--from-literal=a=1"]);
    let leader = cluster.leader();
    signal(cluster.replica(&leader), "KILL");
    let value = eventually("the VIP answers again", || {
        let get = ["get", "configmap", "kept", "-o", "jsonpath={.data.a}"];
        let output = kubectl(&cluster).args(get).output().expect("kubectl starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    assert_eq!(value, "1");
}
