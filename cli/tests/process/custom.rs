//! Custom resources of the size that real projects define, with `kubectl`, on three replicas.

use crate::harness::{Cluster, Process, eventually, succeed, text};
use crate::kubectl::{feed, has_kubectl, kubectl, run};
use std::path::Path;

const CERTIFICATE: &str = "
apiVersion: pki.example.com/v1
kind: Certificate
metadata: {name: web}
spec:
  secretName: web-tls
  dnsNames: [web.example.com]
  issuerRef: {name: letters}
  subject: {organizations: [Example]}
";

const WORKFLOW: &str = "
apiVersion: flow.example.com/v1alpha1
kind: Workflow
metadata: {name: build}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: work, withItems: [1, two, {three: 3}]}
      - {name: b, template: work, dependencies: [a], unknown: dropped}
  - name: work
    container: {image: busybox, resources: {limits: {cpu: 1, memory: 1Gi}}}
  - name: make
    resource:
      action: create
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: made, labels: {a: b}}
        data: {any: thing}
";

const COLLECTOR: &str = "
apiVersion: monitoring.example.com/v1
kind: Collector
metadata: {name: fleet}
spec:
  version: v3.1.0
  shards: 2
  externalLabels: {region: north}
  remoteWrite: [{url: 'https://metrics.example.com', queueConfig: {capacity: 100}}]
";

fn definitions(file: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/definitions");
    dir.join(file).to_string_lossy().into_owned()
}

fn define(cluster: &Cluster, file: &str) {
    let file = definitions(file);
    run(cluster, &["apply", "-f", &file]);
    run(cluster, &["wait", "--for=condition=Established", "--timeout=60s", "-f", &file]);
    // What was applied is what is there.
    assert!(run(cluster, &["apply", "-f", &file]).contains(" unchanged"));
}

/// What a command that must fail says.
fn refused(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = kubectl(cluster).args(arguments).output().expect("kubectl starts");
    assert!(!output.status.success(), "{arguments:?}\n{}", text(&output));
    text(&output)
}

#[test]
fn definitions_of_projects_are_served() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&["--agents", "none"]);
    certificates(&cluster);
    workflows(&cluster);
    collectors(&cluster);
    changes_are_everywhere(&cluster);
    let cluster = restarted(cluster);
    everything_goes(&cluster);
}

fn certificates(cluster: &Cluster) {
    define(cluster, "certificates.yaml");
    assert_eq!(
        feed(cluster, &["apply", "-f", "-"], CERTIFICATE),
        "certificate.pki.example.com/web created\n"
    );
    let spec = run(cluster, &["get", "crt", "web", "-o", "jsonpath={.spec}"]);
    let spec: serde_json::Value = serde_json::from_str(&spec).expect("JSON");
    assert_eq!(spec["issuerRef"]["kind"], "Issuer");
    assert_eq!(spec["privateKey"]["encoding"], "PKCS1");
    let status = r#"{"status":{"conditions":[{"type":"Ready","status":"True","message":"fine"}]}}"#;
    run(cluster, &["patch", "crt", "web", "--subresource=status", "--type=merge", "-p", status]);
    run(cluster, &["wait", "--for=condition=Ready", "--timeout=60s", "crt/web"]);
    let table = run(cluster, &["get", "certificates"]);
    assert!(
        table.starts_with("NAME   READY   SECRET    AGE\nweb    True    web-tls   "),
        "{table}"
    );
    let wide = run(cluster, &["get", "crt", "-o", "wide"]);
    assert!(wide.starts_with("NAME   READY   SECRET    ISSUER    STATUS   AGE\n"), "{wide}");
    assert!(wide.contains("letters   fine"), "{wide}");
    for (field, found) in [("letters", "web"), ("others", "")] {
        let selector = format!("--field-selector=spec.issuerRef.name={field}");
        let names = ["get", "crt", &selector, "-o", "jsonpath={.items[*].metadata.name}"];
        assert_eq!(run(cluster, &names), found);
    }
    let explained = run(cluster, &["explain", "certificates.spec.issuerRef"]);
    assert!(explained.contains("Who signs.") && explained.contains("-required-"), "{explained}");
    let invalid = r#"{"spec":{"privateKey":{"algorithm":"ROT13"},"secretName":""}}"#;
    let why = refused(cluster, &["patch", "crt", "web", "--type=merge", "-p", invalid]);
    assert!(
        why.contains("Unsupported value: \"ROT13\"") && why.contains("spec.secretName"),
        "{why}"
    );
    let none = r#"{"spec":{"dnsNames":null}}"#;
    let why = refused(cluster, &["patch", "crt", "web", "--type=merge", "-p", none]);
    assert!(why.contains("must validate at least one schema (anyOf)"), "{why}");
    let old = run(cluster, &["get", "certificates.v1alpha2.pki.example.com", "web", "-o", "yaml"]);
    assert!(old.contains("pki.example.com/v1alpha2") && !old.contains("privateKey"), "{old}");
    let listed = run(cluster, &["get", "pki", "-A", "-o", "name"]);
    assert_eq!(listed, "certificate.pki.example.com/web\n");
    let resources = run(cluster, &["api-resources", "--api-group=pki.example.com", "--no-headers"]);
    assert!(resources.contains("crt,crts") && resources.contains("clusterissuers"), "{resources}");
}

fn workflows(cluster: &Cluster) {
    define(cluster, "workflows.yaml");
    let strict = kubectl_with_input(cluster, &["create", "-f", "-"], WORKFLOW);
    let unknown = "unknown field \"spec.templates[0].dag.tasks[1].unknown\"";
    assert!(strict.contains(unknown), "{strict}");
    feed(cluster, &["create", "--validate=false", "-f", "-"], WORKFLOW);
    let path = "jsonpath={.spec.templates[0].dag.tasks[1]}{.spec.templates[2].resource.manifest}";
    let shown = run(cluster, &["get", "wf", "build", "-o", path]);
    assert!(!shown.contains("dropped") && shown.contains(r#""any":"thing""#), "{shown}");
    // Lists are merged by their keys, each manager with what is its own.
    let one = "
apiVersion: flow.example.com/v1alpha1
kind: Workflow
metadata: {name: build}
spec: {templates: [{name: more, suspend: {duration: 1h}}]}
";
    let apply = ["apply", "--server-side", "--field-manager=other", "-f", "-"];
    feed(cluster, &apply, one);
    let names = "jsonpath={.spec.templates[*].name}";
    assert_eq!(run(cluster, &["get", "wf", "build", "-o", names]), "main work make more");
    let none = one.replace("{name: more, suspend: {duration: 1h}}", "");
    feed(cluster, &apply, &none);
    assert_eq!(run(cluster, &["get", "wf", "build", "-o", names]), "main work make");
    let strategic = refused(cluster, &["patch", "wf", "build", "-p", "{}", "--type=strategic"]);
    assert!(strategic.contains("is not supported") || strategic.contains("415"), "{strategic}");
}

fn kubectl_with_input(cluster: &Cluster, arguments: &[&str], input: &str) -> String {
    let file = cluster.path().join("input.yaml");
    std::fs::write(&file, input).expect("writable");
    let file = file.to_string_lossy().into_owned();
    let arguments: Vec<&str> =
        arguments.iter().map(|one| if *one == "-" { file.as_str() } else { one }).collect();
    refused(cluster, &arguments)
}

fn collectors(cluster: &Cluster) {
    define(cluster, "monitors.yaml");
    feed(cluster, &["apply", "-f", "-"], COLLECTOR);
    let mut watching = kubectl(cluster);
    watching.args(["get", "collectors", "--watch", "-o", "name"]);
    let mut watching = Process::start(&mut watching);
    watching.wait_for("collector.monitoring.example.com/fleet");
    assert!(run(cluster, &["scale", "collector", "fleet", "--replicas=5"]).contains("scaled"));
    eventually("the watch tells of the change", || {
        (watching.printed().lines().count() >= 2).then_some(())
    });
    drop(watching);
    let path = "jsonpath={.spec.shards} {.spec.replicas} {.metadata.generation}";
    assert_eq!(run(cluster, &["get", "coll", "fleet", "-o", path]), "5 1 2");
    let why = refused(cluster, &["scale", "collector", "fleet", "--replicas=500"]);
    assert!(why.contains("should be less than or equal to 100"), "{why}");
    let table = run(cluster, &["get", "coll"]);
    assert!(
        table.starts_with(
            "NAME    VERSION   DESIRED   READY   RECONCILED   AGE\nfleet   v3.1.0    1"
        ),
        "{table}"
    );
    let changed = COLLECTOR.replace("region: north", "region: south");
    assert!(feed(cluster, &["apply", "-f", "-"], &changed).contains("configured"));
    let port = r#"{"spec":{"alerting":{"endpoints":[{"name":"a","port":[]}]}}}"#;
    let why = refused(cluster, &["patch", "coll", "fleet", "--type=merge", "-p", port]);
    assert!(why.contains("spec.alerting.endpoints[0].port"), "{why}");
}

/// A change of a schema shows on every replica.
fn changes_are_everywhere(cluster: &Cluster) {
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/added";
    let add = format!(
        r#"[{{"op":"add","path":"{path}","value":{{"type":"string","default":"x","description":"New here."}}}}]"#
    );
    run(cluster, &["patch", "crd", "collectors.monitoring.example.com", "--type=json", "-p", &add]);
    for number in 1..=3 {
        let server = format!("https://{}:6443", cluster.network.address(10 + number));
        let ask = |arguments: &[&str]| {
            succeed(kubectl(cluster).args(["--server", &server]).args(arguments))
        };
        eventually("a replica has the new schema", || {
            let shown = ask(&["get", "coll", "fleet", "-o", "jsonpath={.spec.added}"]);
            (shown == "x").then_some(())
        });
        let explained = ask(&["explain", "collectors.spec.added"]);
        assert!(explained.contains("New here."), "{explained}");
    }
}

fn restarted(cluster: Cluster) -> Cluster {
    let (dir, network) = cluster.stop();
    let cluster = Cluster::start_in(dir, network, &["--agents", "none"]);
    for number in 1..=3 {
        let server = format!("https://{}:6443", cluster.network.address(10 + number));
        let names = run(&cluster, &["--server", &server, "get", "crt,wf,coll", "-o", "name"]);
        assert_eq!(names.lines().count(), 3, "{names}");
    }
    cluster
}

fn everything_goes(cluster: &Cluster) {
    for file in ["certificates.yaml", "workflows.yaml", "monitors.yaml"] {
        run(cluster, &["delete", "--timeout=60s", "-f", &definitions(file)]);
    }
    assert_eq!(run(cluster, &["get", "crd", "-o", "name"]), "");
    let resources = run(cluster, &["api-resources", "--no-headers"]);
    assert!(!resources.contains(".example.com"), "{resources}");
    // The same names again are others: what was there is gone.
    define(cluster, "monitors.yaml");
    assert_eq!(run(cluster, &["get", "coll", "-A", "-o", "name"]), "");
}
