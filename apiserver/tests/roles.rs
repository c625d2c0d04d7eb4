//! Who may do what with the default roles: every verb of every resource, asked of the server as
//! clients ask, in one table.
//!
//! `roles.txt` is what upstream's default roles and bindings give (they are compared with a
//! recording in `boot.rs`); `UPDATE_EXPECT=1` writes it anew, to be read before it is committed.

mod support;

use expect_test::expect_file;
use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use support::kube::{Kube, read};
use support::{Cluster, eventually};
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::access::Options;
use xebec_apiserver::kube::api::{Api, Settings};

const VERBS: [(&str, char); 8] = [
    ("get", 'g'),
    ("list", 'l'),
    ("watch", 'w'),
    ("create", 'c'),
    ("update", 'u'),
    ("patch", 'p'),
    ("delete", 'd'),
    ("deletecollection", 'D'),
];

/// A column of the table: its heading, and who asks.
fn askers() -> Vec<(&'static str, Value)> {
    let user = |name: &str, groups: &[&str]| json!({"user": name, "groups": groups});
    let known = "system:authenticated";
    vec![
        ("masters", user("root", &["system:masters", known])),
        ("admin", user("adam", &[known])),
        ("editor", user("eve", &[known])),
        ("viewer", user("vera", &[known])),
        ("node", user("system:node:n1", &["system:nodes", known])),
        (
            "account",
            user(
                "system:serviceaccount:default:default",
                &["system:serviceaccounts", "system:serviceaccounts:default", known],
            ),
        ),
        ("nobody", user("system:anonymous", &["system:unauthenticated"])),
    ]
}

async fn post(kube: &Kube, uri: &str, body: &Value) -> Value {
    let headers = [("content-type", "application/json")];
    let response = kube.ask("POST", uri, &headers, &body.to_string()).await;
    let code = response.status();
    let answer: Value = serde_json::from_slice(&read(response).await).expect("JSON");
    assert!(code.is_success(), "{uri}: {answer}");
    answer
}

/// Group, resource with its subresource, and whether it is in a namespace.
async fn resources(kube: &Kube) -> Vec<(String, String, bool)> {
    let mut versions = vec![(String::new(), "/api/v1".to_owned())];
    let (_, groups) = kube.get("/apis").await;
    for group in groups["groups"].as_array().expect("groups") {
        let name = group["name"].as_str().expect("a name").to_owned();
        for version in group["versions"].as_array().expect("versions") {
            let version = version["groupVersion"].as_str().expect("a version");
            versions.push((name.clone(), format!("/apis/{version}")));
        }
    }
    let mut all = Vec::new();
    for (group, uri) in versions {
        let (_, list) = kube.get(&uri).await;
        for resource in list["resources"].as_array().expect("resources") {
            let name = resource["name"].as_str().expect("a name").to_owned();
            all.push((group.clone(), name, resource["namespaced"] == true));
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The letters of the verbs that somebody may use; a dash for none.
async fn allowed(
    kube: &Kube,
    who: &Value,
    (group, name, inside): &(String, String, bool),
) -> String {
    let (resource, subresource) = name.split_once('/').unwrap_or((name, ""));
    let mut letters = String::new();
    for (verb, letter) in VERBS {
        let mut spec = who.clone();
        spec["resourceAttributes"] = json!({
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": if *inside { "default" } else { "" },
        });
        let uri = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = post(kube, uri, &json!({"spec": spec})).await;
        if answer["status"]["allowed"] == true {
            letters.push(letter);
        }
    }
    if letters.is_empty() { "-".to_owned() } else { letters }
}

/// A row for each resource, a column for each asker.
async fn table(kube: &Kube) -> String {
    let askers = askers();
    let all = resources(kube).await;
    let rows = stream::iter(&all).map(|resource| {
        let (kube, askers) = (kube, &askers);
        async move {
            let (group, name, _) = resource;
            let mut row = format!(
                "{:<68}",
                if group.is_empty() { name.clone() } else { format!("{group}/{name}") }
            );
            for (_, who) in askers {
                let _ = write!(row, " {:<9}", allowed(kube, who, resource).await);
            }
            row.trim_end().to_owned()
        }
    });
    let rows: Vec<String> = rows.buffered(8).collect().await;
    let mut table = format!("{:<68}", "");
    for (heading, _) in &askers {
        let _ = write!(table, " {heading:<9}");
    }
    table.truncate(table.trim_end().len());
    for row in rows {
        table.push('\n');
        table.push_str(&row);
    }
    table.push('\n');
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_default_roles_say() {
    let cluster = Cluster::start(1).await;
    let settings = Settings {
        access: Options { aggregate_roles: true, ..Options::default() },
        ..Settings::default()
    };
    let api = Api::new(cluster.nodes[0].replica.clone(), settings).expect("settings that work");
    let kube = Kube { api: Arc::new(api) };
    let stop = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&kube.api).run(stop.clone()));
    eventually(async || (kube.get("/readyz").await.0 == 200).then_some(())).await;
    for (user, role) in [("adam", "admin"), ("eve", "edit"), ("vera", "view")] {
        let binding = json!({
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        let uri = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
        post(&kube, uri, &binding).await;
    }

    // Roles are gathered one after the other: until all are, the table grows.
    let mut known = String::new();
    let table = eventually(async || {
        let now = table(&kube).await;
        let settled = now == known && now.lines().any(|row| row.matches("glwcupdD").count() > 2);
        known.clone_from(&now);
        settled.then_some(now)
    })
    .await;
    expect_file!["roles.txt"].assert_eq(&table);
    stop.cancel();
    running.await.expect("it does not panic");
    cluster.stop().await;
}
