//! The real `kubectl` as upstream's conformance suite uses it. Where the suite waits for pods to
//! run, the tests write the status that a node would.

use crate::harness::{Cluster, Process, has, succeed, text};
use crate::kubectl::{feed, has_kubectl, kubectl, run};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

const ACCOUNT: &str = "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}";

fn start() -> Option<Cluster> {
    if !has_kubectl() {
        return None;
    }
    let cluster = Cluster::start(&["--agents", "none"]);
    feed(&cluster, &["apply", "-f", "-"], ACCOUNT);
    Some(cluster)
}

/// The body of the answer to a GET of `/api`.
fn ask(mut connection: impl Read + Write) -> serde_json::Value {
    let request = b"GET /api/ HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.write_all(request).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(" 200 "), "{head}");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn kubectl_tells_versions_and_addresses() {
    let Some(cluster) = start() else { return };
    assert!(run(&cluster, &["api-versions"]).lines().any(|line| line == "v1"));
    let info = run(&cluster, &["cluster-info"]);
    assert!(info.contains("Kubernetes control plane") && info.contains("is running at"), "{info}");
    let versions = run(&cluster, &["version"]);
    for side in ["Client", "Server"] {
        let prefix = format!("{side} Version: v1.");
        assert!(versions.lines().any(|line| line.starts_with(&prefix)), "{versions}");
    }
}

#[test]
fn kubectl_is_a_proxy() {
    let Some(cluster) = start() else { return };
    let mut command = kubectl(&cluster);
    let mut proxy = Process::start(command.args(["proxy", "-p", "0", "--disable-filter"]));
    let printed = proxy.wait_for("Starting to serve on 127.0.0.1:");
    let port = printed.lines().find_map(|line| line.rsplit_once("127.0.0.1:"));
    let port: u16 = port.and_then(|(_, port)| port.trim().parse().ok()).expect("a port");
    let versions = ask(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens"));
    assert_eq!(versions["versions"], serde_json::json!(["v1"]));

    let socket = cluster.path().join("proxy.sock");
    let mut command = kubectl(&cluster);
    let mut proxy = Process::start(command.arg("proxy").arg("--unix-socket").arg(&socket));
    proxy.wait_for("Starting to serve on ");
    let versions = ask(UnixStream::connect(&socket).expect("it listens"));
    assert_eq!(versions["versions"], serde_json::json!(["v1"]));
}

fn image(cluster: &Cluster, pod: &str) -> String {
    run(cluster, &["get", "pod", pod, "-o", "jsonpath={.spec.containers[*].image}"])
}

#[test]
fn kubectl_runs_and_changes_pods() {
    let Some(cluster) = start() else { return };
    run(&cluster, &["run", "once", "--restart=Never", "--image=httpd:2.4"]);
    assert_eq!(image(&cluster, "once"), "httpd:2.4");
    let policy = ["get", "pod", "once", "-o", "jsonpath={.spec.restartPolicy}"];
    assert_eq!(run(&cluster, &policy), "Never");
    run(&cluster, &["delete", "pods", "once"]);

    run(&cluster, &["run", "web", "--image=httpd:2.4", "--labels=run=web"]);
    let patch = r#"{"spec":{"containers":[{"name":"web","image":"busybox:1.37"}]}}"#;
    run(&cluster, &["patch", "pod", "web", "-p", patch, "--dry-run=server"]);
    assert_eq!(image(&cluster, "web"), "httpd:2.4");
    let json = run(&cluster, &["get", "pod", "web", "-o", "json"]);
    let changed = json.replacen("httpd:2.4", "busybox:1.37", 1);
    feed(&cluster, &["replace", "-f", "-"], &changed);
    assert_eq!(image(&cluster, "web"), "busybox:1.37");

    assert_eq!(run(&cluster, &["logs", "web"]), "", "what has not begun has said nothing");

    run(&cluster, &["label", "pods", "web", "testing-label=testing-label-value"]);
    let column = ["get", "pod", "web", "-L", "testing-label"];
    assert!(run(&cluster, &column).contains("testing-label-value"));
    run(&cluster, &["label", "pods", "web", "testing-label-"]);
    assert!(!run(&cluster, &column).contains("testing-label-value"));
    run(&cluster, &["patch", "pod", "web", "-p", r#"{"metadata":{"annotations":{"x":"y"}}}"#]);
    let annotation = ["get", "pod", "web", "-o", "jsonpath={.metadata.annotations.x}"];
    assert_eq!(run(&cluster, &annotation), "y");
    run(&cluster, &["delete", "pods", "web"]);
}

fn deployment(replicas: &str, image: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: httpd-deployment}}
spec:
  {replicas}
  selector: {{matchLabels: {{app: httpd}}}}
  template:
    metadata: {{labels: {{app: httpd}}}}
    spec: {{containers: [{{name: httpd, image: '{image}', ports: [{{containerPort: 80}}]}}]}}
"
    )
}

#[test]
fn kubectl_finds_differences() {
    let Some(cluster) = start() else { return };
    if !has("diff", "diffutils") {
        return;
    }
    feed(&cluster, &["create", "-f", "-"], &deployment("", "httpd:2.4"));
    let changed = deployment("", "busybox:1.37");
    let mut diff = kubectl(&cluster);
    diff.args(["diff", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut diff = diff.stderr(Stdio::piped()).spawn().expect("kubectl starts");
    diff.stdin.take().expect("piped").write_all(changed.as_bytes()).expect("it reads");
    let output = diff.wait_with_output().expect("it ends");
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("httpd:2.4") && shown.contains("busybox:1.37"), "{shown}");
    feed(&cluster, &["delete", "-f", "-"], &changed);

    let view = ["apply", "view-last-applied", "-f", "-", "-o", "json"];
    let first = deployment("replicas: 2", "httpd:2.4");
    feed(&cluster, &["apply", "-f", "-"], &first);
    assert!(feed(&cluster, &view, &first).contains("\"replicas\": 2"));
    let silent = deployment("", "httpd:2.4");
    feed(&cluster, &["apply", "set-last-applied", "-f", "-"], &silent);
    assert!(!feed(&cluster, &view, &first).contains("\"replicas\": 2"));
    run(&cluster, &["scale", "deployment", "httpd-deployment", "--replicas=3"]);
    feed(&cluster, &["apply", "-f", "-"], &deployment("", "httpd:2.5"));
    let json = run(&cluster, &["get", "deployment", "httpd-deployment", "-o", "json"]);
    assert!(json.contains("\"replicas\": 3") && json.contains("httpd:2.5"), "{json}");

    run(&cluster, &["create", "quota", "million", "--hard=pods=1000000,services=1000000"]);
    let hard = run(&cluster, &["get", "quota", "million", "-o", "jsonpath={.spec.hard}"]);
    assert_eq!(hard, r#"{"pods":"1M","services":"1M"}"#);
    let scopes = ["--hard=pods=1000000", "--scopes=BestEffort,NotTerminating"];
    run(&cluster, &[&["create", "quota", "scopes"], &scopes[..]].concat());
    let scopes = run(&cluster, &["get", "quota", "scopes", "-o", "jsonpath={.spec.scopes}"]);
    assert_eq!(scopes, r#"["BestEffort","NotTerminating"]"#);
    let mut invalid = kubectl(&cluster);
    invalid.args(["create", "quota", "none", "--hard=pods=1", "--scopes=Foo"]);
    assert!(!invalid.output().expect("kubectl starts").status.success());
    run(&cluster, &["wait", "--for=delete", "pod/doesnotexist"]);
}

const CONTROLLER: &str = "
apiVersion: v1
kind: ReplicationController
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec:
  replicas: 1
  selector: {app: agnhost, role: primary}
  template:
    metadata: {labels: {app: agnhost, role: primary}}
    spec: {containers: [{name: agnhost-primary, image: agnhost, ports: [{containerPort: 6379}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec: {selector: {app: agnhost, role: primary}, ports: [{port: 6379, targetPort: 6379}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
status:
  addresses: [{type: InternalIP, address: 10.0.0.1}]
  capacity: {cpu: 2, memory: 4Gi, pods: 110}
  conditions: [{type: Ready, status: 'True', reason: Fine, message: fine}]
  nodeInfo: {kubeletVersion: v1.36.0, osImage: Debian, kernelVersion: '6.1',
    containerRuntimeVersion: 'containerd://2', kubeProxyVersion: '', architecture: amd64,
    bootID: a, machineID: b, operatingSystem: linux, systemUUID: c}
";

/// A pod as the controller would make it, and as a node would run it.
fn pod(uid: &str) -> String {
    let owner = format!(
        "{{apiVersion: v1, kind: ReplicationController, name: agnhost-primary, uid: {uid}, \
         controller: true}}"
    );
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: agnhost-primary-x, labels: {{app: agnhost, role: primary}},
  ownerReferences: [{owner}]}}
spec: {{nodeName: node-1, containers: [{{name: agnhost-primary, image: agnhost}}]}}
"
    )
}

const RUNNING: &str = r#"{"status":{"phase":"Running","podIP":"10.1.2.3","containerStatuses":[
    {"name":"agnhost-primary","image":"agnhost","imageID":"","ready":true,"restartCount":0,
    "state":{"running":{"startedAt":"2026-01-02T03:04:05Z"}}}]}}"#;

/// Whether lines with these words come in this order.
fn shows(output: &str, wanted: &[&[&str]]) {
    let mut lines = output.lines();
    let mut line = lines.next();
    for words in wanted {
        while line.is_some_and(|line| !line.contains(words[0])) {
            line = lines.next();
        }
        let found = line.unwrap_or_else(|| panic!("no {words:?} in\n{output}"));
        assert!(words.iter().all(|word| found.contains(word)), "{words:?}: {found}\n{output}");
    }
}

#[test]
fn kubectl_describes_and_exposes() {
    let Some(cluster) = start() else { return };
    feed(&cluster, &["create", "-f", "-"], CONTROLLER);
    let uid = ["get", "rc", "agnhost-primary", "-o", "jsonpath={.metadata.uid}"];
    feed(&cluster, &["create", "-f", "-"], &pod(&run(&cluster, &uid)));
    let status = ["--subresource=status", "--type=merge", "-p"];
    run(&cluster, &[&["patch", "pod", "agnhost-primary-x"], &status[..], &[RUNNING]].concat());
    let replicas = r#"{"status":{"replicas":1,"readyReplicas":1}}"#;
    run(&cluster, &[&["patch", "rc", "agnhost-primary"], &status[..], &[replicas]].concat());
    describes(&cluster);

    run(
        &cluster,
        &["expose", "rc", "agnhost-primary", "--name=rm2", "--port=1234", "--target-port=6379"],
    );
    run(&cluster, &["expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379"]);
    for (name, port) in [("rm2", "1234"), ("rm3", "2345")] {
        let path = "jsonpath={.spec.ports[*].port} {.spec.ports[*].targetPort}";
        let ports = run(&cluster, &["get", "service", name, "-o", path]);
        assert_eq!(ports, format!("{port} 6379"));
        let path = "jsonpath={.spec.selector}";
        let selector = run(&cluster, &["get", "service", name, "-o", path]);
        assert_eq!(selector, r#"{"app":"agnhost","role":"primary"}"#);
    }
}

fn describes(cluster: &Cluster) {
    let describe = |what: &[&str]| succeed(kubectl(cluster).arg("describe").args(what));
    shows(
        &describe(&["pod", "agnhost-primary-x"]),
        &[
            &["Name:", "agnhost-primary-"],
            &["Namespace:", "default"],
            &["Node:"],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Status:", "Running"],
            &["IP:"],
            &["Controlled By:", "ReplicationController/agnhost-primary"],
            &["Image:", "agnhost"],
            &["State:", "Running"],
            &["QoS Class:", "BestEffort"],
        ],
    );
    shows(
        &describe(&["rc", "agnhost-primary"]),
        &[
            &["Name:", "agnhost-primary"],
            &["Namespace:", "default"],
            &["Selector:", "app=agnhost,role=primary"],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Replicas:", "1 current", "1 desired"],
            &["Pods Status:", "1 Running", "0 Waiting", "0 Succeeded", "0 Failed"],
            &["Pod Template:"],
            &["Image:", "agnhost"],
            &["Events:"],
        ],
    );
    shows(
        &describe(&["service", "agnhost-primary"]),
        &[
            &["Name:", "agnhost-primary"],
            &["Namespace:", "default"],
            &["Labels:", "app=agnhost"],
            &["role=primary"],
            &["Annotations:"],
            &["Selector:", "app=agnhost", "role=primary"],
            &["Type:", "ClusterIP"],
            &["IP:"],
            &["Port:", "<unset>", "6379/TCP"],
            &["Endpoints:"],
            &["Session Affinity:", "None"],
        ],
    );
    describes_the_rest(cluster);
}

fn describes_the_rest(cluster: &Cluster) {
    let describe = |what: &[&str]| succeed(kubectl(cluster).arg("describe").args(what));
    shows(
        &describe(&["node", "node-1"]),
        &[
            &["Name:", "node-1"],
            &["Labels:"],
            &["Annotations:"],
            &["CreationTimestamp:"],
            &["Conditions:"],
            &["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
            &["Addresses:"],
            &["Capacity:"],
            &["Kernel Version:"],
            &["OS Image:"],
            &["Container Runtime Version:"],
            &["Kubelet Version:"],
            &["Pods:"],
        ],
    );
    shows(
        &describe(&["namespace", "default"]),
        &[&["Name:", "default"], &["Labels:"], &["Annotations:"], &["Status:", "Active"]],
    );
}
