//! ServiceAccounts: their life, their tokens, and what they may do.

use crate::support::kube::names;
use crate::support::servers::{Servers, admin, pod, request};
use serde_json::{Value, json};
use xebec_apiserver::kube::access::Options as AccessOptions;
use xebec_apiserver::kube::api::Settings;
use xebec_apiserver::kube::authn::Options;
use xebec_apiserver::kube::authn::service_account::Options as AccountOptions;

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const STRATEGIC: [(&str, &str); 1] = [("content-type", "application/strategic-merge-patch+json")];
const TOKENS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[tokio::test]
async fn an_account_lives() {
    let servers = Servers::ready().await;
    let labels = json!({"test-serviceaccount-static": "true"});
    let made = json!({"metadata": {"name": "tested", "labels": labels}});
    let made = servers.post(ACCOUNTS, &made).await.done().body;
    let read = servers.get(&format!("{ACCOUNTS}/tested")).await;
    assert_eq!(read["metadata"]["uid"], made["metadata"]["uid"]);
    let selector = "labelSelector=test-serviceaccount-static%3Dtrue";
    let mut watch = servers.watch(&format!("{ACCOUNTS}?{selector}&timeoutSeconds=180")).await;
    watch.expect("ADDED", &made).await;
    // As a typed client writes it.
    let patch =
        r#"{"metadata": {"creationTimestamp": null}, "automountServiceAccountToken": false}"#;
    let uri = format!("{ACCOUNTS}/tested");
    let patched = servers.exchange("PATCH", &uri, &STRATEGIC, patch).await.done().body;
    assert_eq!(patched["metadata"]["creationTimestamp"], made["metadata"]["creationTimestamp"]);
    watch.expect("MODIFIED", &patched).await;
    let all = servers.get(&format!("/api/v1/serviceaccounts?{selector}")).await;
    assert_eq!(names(&all), ["tested"]);
    assert_eq!(all["items"][0]["metadata"]["namespace"], "default");
    assert_eq!(all["items"][0]["automountServiceAccountToken"], false);
    servers.delete(ACCOUNTS).await.done();
    assert_eq!(watch.brief().await.0, "DELETED");
    servers.stop().await;
}

#[tokio::test]
async fn an_account_is_updated() {
    let servers = Servers::ready().await;
    let made = json!({"metadata": {"name": "tested"}, "automountServiceAccountToken": false});
    let made = servers.post(ACCOUNTS, &made).await.done().body;
    assert_eq!(made["automountServiceAccountToken"], false);
    let uri = format!("{ACCOUNTS}/tested");
    let mut read = servers.get(&uri).await;
    read["automountServiceAccountToken"] = json!(true);
    let updated = servers.put(&uri, &read).await.done().body;
    assert_eq!(updated["automountServiceAccountToken"], true);
    servers.stop().await;
}

/// What a pod says of its token counts before what its account says.
#[tokio::test]
async fn pods_may_go_without_a_token() {
    let servers = Servers::ready().await;
    servers.namespace("n", &json!({})).await;
    for (name, mounts) in [("mount", true), ("nomount", false)] {
        let account = json!({"metadata": {"name": name}, "automountServiceAccountToken": mounts});
        servers.post("/api/v1/namespaces/n/serviceaccounts", &account).await.done();
    }
    for (account, asked, expected) in [
        ("default", None, true),
        ("mount", None, true),
        ("nomount", None, false),
        ("default", Some(true), true),
        ("mount", Some(true), true),
        ("nomount", Some(true), true),
        ("default", Some(false), false),
        ("mount", Some(false), false),
        ("nomount", Some(false), false),
    ] {
        let mut pod = pod(
            &format!("{account}-{asked:?}").to_lowercase().replace(['(', ')'], "-x"),
            &json!({}),
        );
        pod["spec"]["serviceAccountName"] = json!(account);
        if let Some(asked) = asked {
            pod["spec"]["automountServiceAccountToken"] = json!(asked);
        }
        let made = servers.post("/api/v1/namespaces/n/pods", &pod).await.done().body;
        let mounts = made["spec"]["containers"][0]["volumeMounts"].as_array();
        let has = mounts.into_iter().flatten().any(|mount| mount["mountPath"] == TOKENS);
        assert_eq!(has, expected, "{account} {asked:?}");
    }
    servers.stop().await;
}

/// A replica that can sign tokens.
async fn signing() -> Servers {
    let key = rcgen::KeyPair::generate().expect("a key");
    let accounts = AccountOptions {
        issuers: vec!["https://kubernetes.default.svc.cluster.local".to_owned()],
        signing_key_pem: key.serialize_pem().into_bytes(),
        ..AccountOptions::default()
    };
    let authentication = Options { service_accounts: Some(accounts), ..Options::default() };
    let access = AccessOptions { authentication, ..AccessOptions::default() };
    let servers = Servers::start_with(1, Settings { access, ..Settings::default() }).await;
    servers.until_served("/api/v1/namespaces/default").await;
    servers
}

#[tokio::test]
async fn a_token_is_made_and_reviewed() {
    let servers = signing().await;
    let account = json!({"metadata": {"name": "tested"}});
    servers.post(ACCOUNTS, &account).await.done();
    let asked = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "metadata": {"name": "tested"}, "spec": {"audiences": null},
    });
    let made = servers.post(&format!("{ACCOUNTS}/tested/token"), &asked).await.done().body;
    let token = made["status"]["token"].as_str().expect("a token");
    assert!(!token.is_empty());
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "metadata": {"name": "tested"}, "spec": {"token": token},
    });
    let reviewed = servers.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await;
    let status = &reviewed.done().body["status"];
    assert_eq!((&status["authenticated"], status.get("error")), (&json!(true), None), "{status}");
    assert_eq!(status["user"]["username"], "system:serviceaccount:default:tested");
    for group in ["authenticated", "serviceaccounts", "serviceaccounts:default"] {
        let groups = status["user"]["groups"].as_array().expect("groups");
        assert!(groups.contains(&json!(format!("system:{group}"))), "{groups:?}");
    }
    servers.stop().await;
}

/// Lists ConfigMaps as somebody else: whether that is allowed.
async fn lists(servers: &Servers, user: &str, uid: &str, groups: &[String]) -> bool {
    let uri = "/api/v1/namespaces/default/configmaps";
    let mut request = request("GET", uri, &Value::Null);
    let mut add = |name: &'static str, value: &str| {
        request.headers_mut().append(name, value.parse().expect("a header"));
    };
    add("impersonate-user", user);
    add("impersonate-uid", uid);
    groups.iter().for_each(|group| add("impersonate-group", group));
    let answer = servers.send(0, admin(), request).await;
    assert!(matches!(answer.code, 200 | 403), "{}", answer.body);
    answer.code == 200
}

/// Lets the accounts of a namespace list its ConfigMaps.
async fn grant(servers: &Servers) {
    let group = "rbac.authorization.k8s.io";
    let uri = format!("/apis/{group}/v1/namespaces/default");
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]);
    let role = json!({"metadata": {"name": "e2e"}, "rules": rules});
    servers.post(&format!("{uri}/roles"), &role).await.done();
    let subject =
        json!({"apiGroup": group, "kind": "Group", "name": "system:serviceaccounts:default"});
    let binding = json!({
        "metadata": {"name": "e2e"}, "subjects": [subject],
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "e2e"},
    });
    servers.post(&format!("{uri}/rolebindings"), &binding).await.done();
}

#[tokio::test]
async fn reviews_say_what_requests_find() {
    let servers = Servers::ready().await;
    let account = json!({"metadata": {"name": "e2e"}});
    let account = servers.post(ACCOUNTS, &account).await.done().body;
    let uid = account["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let user = "system:serviceaccount:default:e2e";
    let groups: Vec<String> = ["authenticated", "serviceaccounts", "serviceaccounts:default"]
        .into_iter()
        .map(|group| format!("system:{group}"))
        .collect();
    let review = |kind: &str, user: &str| {
        let attributes = json!({
            "verb": "list", "resource": "configmaps", "namespace": "default", "version": "v1",
        });
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": kind,
            "metadata": if kind.starts_with('L') { json!({"namespace": "default"}) } else { json!({}) },
            "spec": {
                "resourceAttributes": attributes, "user": user, "groups": groups, "uid": uid,
            },
        })
    };
    for granted in [false, true] {
        if granted {
            grant(&servers).await;
        }
        let root = "/apis/authorization.k8s.io/v1";
        let answers = [
            (format!("{root}/subjectaccessreviews"), review("SubjectAccessReview", user)),
            (
                format!("{root}/namespaces/default/localsubjectaccessreviews"),
                review("LocalSubjectAccessReview", "e2e"),
            ),
        ];
        for (uri, review) in answers {
            let said = servers.post(&uri, &review).await.done().body;
            assert_eq!(said["status"]["allowed"], granted, "{said}");
        }
        assert_eq!(lists(&servers, user, &uid, &groups).await, granted);
    }
    servers.stop().await;
}
