//! The plug-ins of admission, through the API: limits, levels of security, and the smaller ones.

mod support;

use serde_json::{Value, json};
use support::servers::{Servers, admin, pod, request};
use xebec_apiserver::kube::api::Settings;
use xebec_apiserver::kube::user::User;

const PODS: &str = "/api/v1/namespaces/n/pods";

#[tokio::test]
async fn limit_ranges_complete_and_bound_what_is_made() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let range = json!({"metadata": {"name": "lr"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"},
         "max": {"cpu": "1"}, "min": {"cpu": "50m"}},
        {"type": "Pod", "max": {"cpu": "2"}},
        {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]}});
    servers.post("/api/v1/namespaces/n/limitranges", &range).await.done();

    let made = servers.post(PODS, &pod("a", &json!({}))).await.done().body;
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}})
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
    let small = json!({"resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "20m"}}});
    assert_eq!(
        servers.post(PODS, &pod("b", &small)).await.refused(403),
        "pods \"b\" is forbidden: minimum cpu usage per Container is 50m, but request is 10m"
    );
    let mut several = pod("b", &json!({"resources": {"limits": {"cpu": "2"}}}));
    several["spec"]["containers"][0]["resources"]["requests"] = json!({"cpu": "2"});
    let mut other = several["spec"]["containers"][0].clone();
    other["name"] = "d".into();
    several["spec"]["containers"].as_array_mut().expect("a list").push(other);
    assert_eq!(
        servers.post(PODS, &several).await.refused(403),
        "pods \"b\" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum \
         cpu usage per Pod is 2, but limit is 4]"
    );
    let claim = json!({"metadata": {"name": "p"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "2Gi"}}}});
    assert_eq!(
        servers.post("/api/v1/namespaces/n/persistentvolumeclaims", &claim).await.refused(403),
        "persistentvolumeclaims \"p\" is forbidden: maximum storage usage per \
         PersistentVolumeClaim is 1Gi, but request is 2Gi"
    );
    servers.stop().await;
}

fn labels(enforce: &str) -> Value {
    json!({"pod-security.kubernetes.io/enforce": enforce})
}

#[tokio::test]
async fn pods_are_as_secure_as_their_namespace_asks() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &labels("baseline")).await;
    let privileged = json!({"securityContext": {"privileged": true}});
    assert_eq!(
        servers.post(PODS, &pod("p", &privileged)).await.refused(403),
        "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \
         \"c\" must not set securityContext.privileged=true)"
    );
    servers.post(PODS, &pod("p", &json!({}))).await.done();

    let template = json!({"metadata": {"labels": {"a": "b"}},
        "spec": pod("", &privileged)["spec"]});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let made = servers.post("/apis/apps/v1/namespaces/n/deployments", &deployment).await.done();
    assert_eq!(
        made.warnings,
        ["299 - \"would violate PodSecurity \\\"baseline:latest\\\": privileged (container \
          \\\"c\\\" must not set securityContext.privileged=true)\""]
    );
    let stricter = json!({"metadata": {"labels": labels("restricted")}});
    let changed = servers.patch("/api/v1/namespaces/n", &stricter).await.done();
    assert_eq!(
        changed.warnings,
        [
            "299 - \"existing pods in namespace \\\"n\\\" violate the new PodSecurity enforce \
             level \\\"restricted:latest\\\"\"",
            "299 - \"p: allowPrivilegeEscalation != false, unrestricted capabilities, \
             runAsNonRoot != true, seccompProfile\"",
        ]
    );
    // What is there stays, and may change as far as nobody looks at it.
    let labelled = json!({"metadata": {"labels": {"x": "y"}}});
    servers.patch(&format!("{PODS}/p"), &labelled).await.done();
    let image = json!({"spec": {"containers": [{"name": "c", "image": "j"}]}});
    assert!(servers.patch(&format!("{PODS}/p"), &image).await.code >= 403);

    let wrong = json!({"metadata": {"name": "w", "labels": labels("none")}});
    assert_eq!(
        servers.post("/api/v1/namespaces", &wrong).await.refused(422),
        "Namespace \"w\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid \
         value: \"none\": must be one of privileged, baseline, restricted"
    );
    servers.stop().await;
}

/// ImagePolicyWebhook, which the CVE is about, is not there: whatever judges containers must see
/// these as well.
#[tokio::test]
async fn cve_2023_2727_ephemeral_containers_are_judged_as_others_are() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &labels("baseline")).await;
    servers.post(PODS, &pod("p", &json!({}))).await.done();
    let debug = |context: Value| {
        let debug = json!({"name": "debug", "image": "i", "securityContext": context});
        json!({"spec": {"ephemeralContainers": [debug]}})
    };
    let uri = format!("{PODS}/p/ephemeralcontainers");
    assert_eq!(
        servers.patch(&uri, &debug(json!({"privileged": true}))).await.refused(403),
        "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \
         \"debug\" must not set securityContext.privileged=true)"
    );
    servers.patch(&uri, &debug(json!({"privileged": false}))).await.done();
    servers.stop().await;
}

#[tokio::test]
async fn cve_2023_2728_ephemeral_containers_use_the_secrets_of_their_account() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post(PODS, &pod("p", &json!({}))).await.done();
    let enforced = json!({"metadata": {"annotations":
        {"kubernetes.io/enforce-mountable-secrets": "true"}}});
    let account = "/api/v1/namespaces/n/serviceaccounts/default";
    servers.patch(account, &enforced).await.done();
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "i", "env":
        [{"name": "V", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]}});
    let uri = format!("{PODS}/p/ephemeralcontainers");
    assert_eq!(
        servers.patch(&uri, &debug).await.refused(403),
        "pods \"p\" is forbidden: ephemeral container debug with envVar V referencing \
         secret.secretName=\"s\" is not allowed because service account default does not \
         reference that secret"
    );
    servers.patch(account, &json!({"secrets": [{"name": "s"}]})).await.done();
    servers.patch(&uri, &debug).await.done();
    servers.stop().await;
}

#[tokio::test]
async fn cve_2020_8554_external_addresses_can_be_denied() {
    let services = "/api/v1/namespaces/n/services";
    let service = |name: &str, addresses: Value| {
        json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}],
            "externalIPs": addresses}})
    };
    let denying = Settings { deny_external_ips: true, ..Settings::default() };
    let servers = Servers::start_with(1, denying).await;
    servers.namespace("n", &json!({})).await;
    assert_eq!(
        servers.post(services, &service("s", json!(["1.2.3.4"]))).await.refused(403),
        "services \"s\" is forbidden: Use of external IPs is denied by admission control"
    );
    servers.post(services, &service("s", json!([]))).await.done();
    let patch = json!({"spec": {"externalIPs": ["1.2.3.4"]}});
    servers.patch(&format!("{services}/s"), &patch).await.refused(403);
    servers.stop().await;

    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    servers.post(services, &service("s", json!(["1.2.3.4"]))).await.done();
    servers.stop().await;
}

#[tokio::test]
async fn pods_carry_the_labels_of_where_they_are() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let node = json!({"metadata": {"name": "m", "labels":
        {"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "x": "y"}}});
    servers.post("/api/v1/nodes", &node).await.done();
    let expected =
        json!({"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r"});
    let mut placed = pod("a", &json!({}));
    placed["spec"]["nodeName"] = "m".into();
    let made = servers.post(PODS, &placed).await.done().body;
    assert_eq!(made["metadata"]["labels"], expected);

    servers.post(PODS, &pod("b", &json!({}))).await.done();
    let binding = json!({"metadata": {"name": "b"}, "target": {"kind": "Node", "name": "m"}});
    servers.post(&format!("{PODS}/b/binding"), &binding).await.done();
    assert_eq!(servers.get(&format!("{PODS}/b")).await["metadata"]["labels"], expected);
    servers.stop().await;
}

#[tokio::test]
async fn claims_grow_where_their_class_lets_them() {
    let servers = Servers::start(1).await;
    servers.namespace("n", &json!({})).await;
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    let class = json!({"metadata": {"name": "fast"}, "provisioner": "p"});
    servers.post(classes, &class).await.done();
    let claims = "/api/v1/namespaces/n/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "c"}, "spec": {"storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    servers.post(claims, &claim).await.done();
    let uri = format!("{claims}/c");
    let bound = json!({"status": {"phase": "Bound"}});
    servers.patch(&format!("{uri}/status"), &bound).await.done();
    let grown = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    assert_eq!(
        servers.patch(&uri, &grown).await.refused(403),
        "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be \
         resized and the storageclass that provisions the pvc must support resize"
    );
    let growing = json!({"allowVolumeExpansion": true});
    servers.patch(&format!("{classes}/fast"), &growing).await.done();
    servers.patch(&uri, &grown).await.done();
    servers.stop().await;
}

#[tokio::test]
async fn only_who_may_speak_for_a_signer_approves_in_its_name() {
    let servers = Servers::start(1).await;
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let made = |name: &str, signer: &str, organization: &str| {
        json!({"metadata": {"name": name}, "spec": {"signerName": signer,
            "usages": ["client auth"], "request": signing_request(organization)}})
    };
    let masters = made("m", "kubernetes.io/kube-apiserver-client", "system:masters");
    assert_eq!(
        servers.post(requests, &masters).await.refused(403),
        "certificatesigningrequests.certificates.k8s.io \"m\" is forbidden: use of \
         kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    );
    servers.post(requests, &made("r", "example.com/s", "devs")).await.done();

    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let mut rules = vec![json!({"apiGroups": ["certificates.k8s.io"], "verbs": ["patch"],
        "resources": ["certificatesigningrequests/approval"]})];
    servers.post(roles, &json!({"metadata": {"name": "a"}, "rules": rules})).await.done();
    let binding = json!({"metadata": {"name": "a"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    servers.post(bindings, &binding).await.done();

    let uri = format!("{requests}/r/approval");
    let approval = json!({"status": {"conditions": [{"type": "Approved", "status": "True"}]}});
    let bob = || User { name: "bob".into(), ..User::default() };
    let answer = servers.send(0, bob(), request("PATCH", &uri, &approval)).await;
    assert_eq!(
        answer.refused(403),
        "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: user not permitted to \
         approve requests with signerName \"example.com/s\""
    );
    rules.push(json!({"apiGroups": ["certificates.k8s.io"], "verbs": ["approve"],
        "resources": ["signers"], "resourceNames": ["example.com/*"]}));
    servers.patch(&format!("{roles}/a"), &json!({"rules": rules})).await.done();
    servers.send(0, bob(), request("PATCH", &uri, &approval)).await.done();
    let sign = request("GET", &format!("{requests}/r"), &Value::Null);
    let shown = servers.send(0, admin(), sign).await.done().body;
    assert_eq!(shown["status"]["conditions"][0]["type"], "Approved");
    servers.stop().await;
}

/// PEM in base64.
fn signing_request(organization: &str) -> String {
    use base64::Engine as _;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
    let key = rcgen::KeyPair::generate().expect("made");
    let request = params.serialize_request(&key).expect("made").pem().expect("written");
    base64::prelude::BASE64_STANDARD.encode(request)
}
