//! The real `kubectl` against a cluster, through its VIP and against single replicas.

use crate::harness::{Cluster, Process, eventually, has, signal, succeed, text};
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

const ACCOUNT: &str = "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}";

#[test]
fn people_can_look_in_every_way() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let kubectl_fails = |arguments: &[&str]| {
        let output = kubectl(&cluster).args(arguments).output().expect("kubectl starts");
        assert!(!output.status.success(), "{arguments:?}\n{}", text(&output));
        text(&output)
    };
    feed(&cluster, &["apply", "-f", "-"], ACCOUNT);
    run(&cluster, &["run", "p", "--image=busybox", "--labels=a=b"]);
    feed(&cluster, &["apply", "-f", "-"], DEPLOYMENT);

    assert_eq!(run(&cluster, &["get", "pod", "p", "-o", "name"]), "pod/p\n");
    let json = run(&cluster, &["get", "pod", "p", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["spec"]["containers"][0]["image"], "busybox");
    assert!(run(&cluster, &["get", "pod", "p", "-o", "yaml"]).contains("phase: Pending"));
    let columns = "custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image";
    let table = run(&cluster, &["get", "pods", "-o", columns]);
    assert_eq!(table, "NAME   IMAGE\np      busybox\n");
    let template = "go-template={{range .items}}{{.metadata.name}}{{end}}";
    assert_eq!(run(&cluster, &["get", "pods", "-o", template]), "p");
    let wide = run(&cluster, &["get", "pods", "-A", "-o", "wide", "--show-labels"]);
    assert!(wide.starts_with("NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE"), "{wide}");
    assert!(wide.contains("0/1     Pending") && wide.contains("a=b"), "{wide}");
    let chosen = ["get", "pods", "--field-selector=status.phase=Running", "-o", "name"];
    assert_eq!(run(&cluster, &chosen), "");
    let raw = run(&cluster, &["get", "--raw", "/api/v1/namespaces/default/pods/p"]);
    assert!(raw.contains("busybox"));
    let explained = run(&cluster, &["explain", "deployments.spec.strategy.rollingUpdate"]);
    assert!(explained.contains("maxSurge"), "{explained}");
    assert!(run(&cluster, &["api-versions"]).contains("apps/v1\n"));
    assert!(run(&cluster, &["cluster-info"]).contains("is running at"));

    let missing = kubectl_fails(&["get", "pod", "nobody"]);
    assert!(missing.contains(r#"Error from server (NotFound): pods "nobody" not found"#));
    let changed = DEPLOYMENT.replace("nginx", "nginx:3");
    let mut diff = kubectl(&cluster);
    diff.args(["diff", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut diff = diff.spawn().expect("kubectl starts");
    diff.stdin.take().expect("piped").write_all(changed.as_bytes()).expect("it reads");
    let difference = diff.wait_with_output().expect("it ends");
    assert_eq!(difference.status.code(), Some(1), "{}", text(&difference));
    assert!(text(&difference).contains("+      - image: nginx:3"), "{}", text(&difference));
}

#[test]
fn people_can_change_in_every_way() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let succeeds = |arguments: &[&str]| run(&cluster, arguments);
    feed(&cluster, &["apply", "-f", "-"], ACCOUNT);
    feed(&cluster, &["create", "-f", "-"], DEPLOYMENT);

    let mut edit = kubectl(&cluster);
    edit.env("KUBE_EDITOR", r"sed -i s/replicas:.*/replicas:\ 4/");
    assert_eq!(succeed(edit.args(["edit", "deploy", "web"])), "deployment.apps/web edited\n");
    succeeds(&["rollout", "pause", "deployment/web"]);
    succeeds(&["rollout", "resume", "deployment/web"]);
    succeeds(&["rollout", "restart", "deployment/web"]);
    let status = r#"[{"op":"replace","path":"/status","value":{"observedGeneration":99,
        "replicas":4,"updatedReplicas":4,"readyReplicas":4,"availableReplicas":4,
        "conditions":[{"type":"Available","status":"True"}]}}]"#;
    succeeds(&["patch", "deploy", "web", "--subresource=status", "--type=json", "-p", status]);
    let rolled = succeeds(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    assert_eq!(rolled, "deployment \"web\" successfully rolled out\n");
    let waited = ["wait", "--for=condition=Available", "deploy/web", "--timeout=60s"];
    assert_eq!(succeeds(&waited), "deployment.apps/web condition met\n");
    assert_eq!(succeeds(&["expose", "deploy", "web", "--port=80"]), "service/web exposed\n");
    succeeds(&["autoscale", "deploy", "web", "--min=1", "--max=3"]);
    let all = succeeds(&["get", "all"]);
    for name in ["service/web", "deployment.apps/web", "horizontalpodautoscaler.autoscaling/web"] {
        assert!(all.contains(name), "{name}: {all}");
    }

    succeeds(&["create", "job", "once", "--image=busybox"]);
    succeeds(&["create", "cronjob", "often", "--image=busybox", "--schedule=* * * * *"]);
    assert_eq!(
        succeeds(&["create", "job", "now", "--from=cronjob/often"]),
        "job.batch/now created\n"
    );
    succeeds(&["create", "secret", "generic", "s", "--from-literal=a=b"]);
    succeeds(&["create", "role", "reader", "--verb=get", "--resource=pods"]);
    succeeds(&["create", "rolebinding", "reads", "--role=reader", "--user=ann"]);
    assert_eq!(succeeds(&["auth", "can-i", "get", "pods", "--as=ann"]), "yes\n");
    let refused = kubectl(&cluster).args(["auth", "can-i", "list", "pods", "--as=ann"]).output();
    assert_eq!(refused.expect("kubectl starts").stdout, b"no\n");
    let list = succeeds(&["auth", "can-i", "--list", "--as=ann"]);
    assert!(list.lines().any(|line| line.starts_with("pods ") && line.contains("[get]")), "{list}");
    assert!(succeeds(&["auth", "whoami"]).contains("system:masters"));
    let reconciled = feed(&cluster, &["auth", "reconcile", "-f", "-"], ROLE);
    assert!(reconciled.contains("clusterrole.rbac.authorization.k8s.io/deployers reconciled"));
    let token = succeeds(&["create", "token", "default"]);
    let review = format!(
        "---\n{{apiVersion: authentication.k8s.io/v1, kind: TokenReview, metadata: {{}}, \
         spec: {{token: {}}}}}",
        token.trim()
    );
    let name = ["create", "-f", "-", "-o", "jsonpath={.status.user.username}"];
    assert_eq!(feed(&cluster, &name, &review), "system:serviceaccount:default:default");

    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, finalizers: [xebec.example/wait]}, \
               spec: {containers: [{name: c, image: busybox}]}}";
    feed(&cluster, &["apply", "-f", "-"], pod);
    succeeds(&["delete", "pod", "p", "--wait=false"]);
    let going = succeeds(&["get", "pod", "p"]);
    assert!(going.contains("Terminating"), "{going}");
    succeeds(&["patch", "pod", "p", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    succeeds(&["delete", "pod", "p", "--ignore-not-found", "--grace-period=0", "--force"]);
    let replaced = feed(&cluster, &["replace", "--force", "-f", "-"], DEPLOYMENT);
    assert!(replaced.ends_with("deployment.apps/web replaced\n"), "{replaced}");
    succeeds(&["delete", "deploy,svc,hpa,jobs,cronjobs", "--all", "--wait=false"]);
}

const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: deployers}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, list, update]}]
";

#[test]
fn the_roles_of_people_grant_what_they_say() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    run(&cluster, &["create", "rolebinding", "b", "--clusterrole=edit", "--user=eve"]);
    let may = |arguments: &[&str]| {
        let mut command = kubectl(&cluster);
        let output = command.args(["auth", "can-i", "--as=eve"]).args(arguments).output();
        String::from_utf8_lossy(&output.expect("kubectl starts").stdout).trim().to_owned()
    };
    eventually("the roles are gathered", || (may(&["create", "pods"]) == "yes").then_some(()));
    assert_eq!(may(&["create", "rolebindings"]), "no");
    assert_eq!(may(&["create", "pods", "-n", "kube-system"]), "no");
}

#[test]
fn a_watch_prints_what_happens() {
    if !has_kubectl() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let mut command = kubectl(&cluster);
    let shown = r#"jsonpath={.type} {.object.metadata.name}{"\n"}"#;
    command.args(["get", "configmaps", "--watch", "--output-watch-events", "-o", shown]);
    let mut watch = Process::start(&mut command);
    for (text, seen) in [("created", "ADDED m\n"), ("changed", "MODIFIED m\n")] {
        let map = format!(
            "---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m}}, data: {{a: {text}}}}}"
        );
        feed(&cluster, &["apply", "-f", "-"], &map);
        watch.wait_for(seen);
    }
    run(&cluster, &["delete", "configmap", "m"]);
    let printed = watch.wait_for("DELETED m\n");
    let last: Vec<&str> = printed.lines().rev().take(2).collect();
    assert_eq!(last, ["DELETED m", "MODIFIED m"], "{printed}");
}
