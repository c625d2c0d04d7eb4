//! Documents that say what a server has: discovery, one group at a time and all at once, and the
//! version.

use crate::definition::{anything, definition};
use crate::operations::Operations;
use crate::support::eventually;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// What clients of Go ask for.
const CLIENT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";

/// Of each group, a version and a resource that must be there.
const EXPECTED: [(&str, &str, &str); 18] = [
    ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "v1", "apiservices"),
    ("apps", "v1", "deployments"),
    ("authentication.k8s.io", "v1", "tokenreviews"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
    ("autoscaling", "v1", "horizontalpodautoscalers"),
    ("autoscaling", "v2", "horizontalpodautoscalers"),
    ("batch", "v1", "jobs"),
    ("certificates.k8s.io", "v1", "certificatesigningrequests"),
    ("coordination.k8s.io", "v1", "leases"),
    ("discovery.k8s.io", "v1", "endpointslices"),
    ("events.k8s.io", "v1", "events"),
    ("networking.k8s.io", "v1", "ingresses"),
    ("node.k8s.io", "v1", "runtimeclasses"),
    ("policy", "v1", "poddisruptionbudgets"),
    ("scheduling.k8s.io", "v1", "priorityclasses"),
    ("storage.k8s.io", "v1", "csinodes"),
];

async fn aggregated(servers: &Servers, uri: &str, accept: &str) -> Value {
    let answer = servers.exchange("GET", uri, &[("accept", accept)], "").await.done();
    assert_eq!(answer.headers["content-type"], AGGREGATED);
    assert_eq!(answer.body["kind"], "APIGroupDiscoveryList");
    answer.body
}

/// A resource in a document about all groups.
fn find<'a>(list: &'a Value, group: &str, version: &str, resource: &str) -> Option<&'a Value> {
    let among = |all: &'a Value| all.as_array().into_iter().flatten();
    // The legacy group has no name.
    let is_group = |one: &&Value| one["metadata"]["name"].as_str().unwrap_or_default() == group;
    let group = among(&list["items"]).find(is_group)?;
    let version = among(&group["versions"]).find(|one| one["version"] == version)?;
    among(&version["resources"]).find(|one| one["resource"] == resource)
}

#[tokio::test]
async fn all_groups_are_in_one_document() {
    let servers = Servers::ready().await;
    let groups = aggregated(&servers, "/apis", AGGREGATED).await;
    for (group, version, resource) in EXPECTED {
        assert!(find(&groups, group, version, resource).is_some(), "{group} {version} {resource}");
    }
    let legacy = aggregated(&servers, "/api", AGGREGATED).await;
    assert!(find(&legacy, "", "v1", "namespaces").is_some());
    servers.stop().await;
}

/// What a client makes of the documents: groups, and resources that it can call.
#[tokio::test]
async fn clients_find_resources_in_one_document() {
    let servers = Servers::ready().await;
    let groups = aggregated(&servers, "/apis", CLIENT).await;
    let legacy = aggregated(&servers, "/api", CLIENT).await;
    let all = EXPECTED.into_iter().map(|expected| (&groups, expected));
    for (list, (group, version, resource)) in all.chain([(&legacy, ("", "v1", "namespaces"))]) {
        let found = find(list, group, version, resource).expect("the resource");
        assert!(found["responseKind"]["kind"].is_string(), "{found}");
        assert!(matches!(found["scope"].as_str(), Some("Cluster" | "Namespaced")), "{found}");
        assert!(found["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty()), "{found}");
        assert!(found["singularResource"].is_string(), "{found}");
    }
    servers.stop().await;
}

async fn shows_definitions(accept: &str) {
    let servers = Servers::ready().await;
    let group = "group1.example.com";
    servers.define(&definition(group, "Testcrd", "Namespaced", &[("v1", anything())])).await;
    let found = eventually(async || {
        let groups = aggregated(&servers, "/apis", accept).await;
        find(&groups, group, "v1", "testcrds").cloned()
    })
    .await;
    assert_eq!(found["responseKind"], json!({"group": group, "version": "v1", "kind": "Testcrd"}));
    servers.stop().await;
}

#[tokio::test]
async fn definitions_are_in_the_document_of_all_groups() {
    shows_definitions(AGGREGATED).await;
}

#[tokio::test]
async fn clients_find_what_is_defined() {
    shows_definitions(CLIENT).await;
}

#[tokio::test]
async fn every_group_prefers_a_version_that_it_has() {
    let servers = Servers::ready().await;
    let list = servers.get("/apis/").await;
    let groups = list["groups"].as_array().expect("groups");
    assert!(!groups.is_empty());
    for group in groups {
        let name = group["name"].as_str().expect("a name");
        let group = servers.get(&format!("/apis/{name}/")).await;
        let preferred = &group["preferredVersion"]["groupVersion"];
        let versions = group["versions"].as_array().expect("versions");
        assert!(versions.iter().any(|one| one["groupVersion"] == *preferred), "{group}");
    }
    servers.stop().await;
}

#[tokio::test]
async fn every_group_lists_its_resources() {
    let servers = Servers::ready().await;
    let legacy = [("", "v1", "namespaces")];
    for (group, version, resource) in EXPECTED.into_iter().chain(legacy) {
        let (uri, name) = match group {
            "" => (format!("/api/{version}"), version.to_owned()),
            _ => (format!("/apis/{group}/{version}"), format!("{group}/{version}")),
        };
        let list = servers.get(&uri).await;
        assert_eq!(list["groupVersion"], name);
        let resources = list["resources"].as_array().expect("resources");
        assert!(resources.iter().any(|one| one["name"] == resource), "{uri} {resource}");
    }
    servers.stop().await;
}

#[tokio::test]
async fn webhooks_stand_in_discovery() {
    let servers = Servers::ready().await;
    for resource in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        let kind = ("admissionregistration.k8s.io", "v1", resource);
        Operations::new(&servers, kind, Value::Null).discover().await;
    }
    servers.stop().await;
}

#[tokio::test]
async fn the_version_is_made_of_numbers() {
    let servers = Servers::ready().await;
    let version = servers.get("/version").await;
    for part in ["major", "minor"] {
        let text = version[part].as_str().expect("text");
        assert!(text.parse::<u32>().is_ok(), "{version}");
    }
    servers.stop().await;
}

#[tokio::test]
async fn a_review_cannot_be_a_table() {
    let servers = Servers::ready().await;
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}},
    });
    let headers = [
        ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),
        ("content-type", "application/json"),
    ];
    let uri = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let refused = servers.exchange("POST", uri, &headers, &review.to_string()).await;
    assert_eq!(refused.code, 406);
    servers.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let servers = Servers::ready().await;
    let apps = servers.get("/apis/apps/v1").await;
    let resources = apps["resources"].as_array().expect("resources");
    assert!(!resources.iter().any(|one| one["name"] == "please-dont-ever-create-this"));
    servers.call("GET", "/apis/not-these-apps/v1", &Value::Null).await.refused(404);
    servers.stop().await;
}

/// The hash is an implementation's own business, but clients compare it.
#[tokio::test]
async fn versions_of_a_custom_resource_share_the_hash_of_the_stored_one() {
    let servers = Servers::ready().await;
    let versions = [("v1beta1", anything()), ("v1", anything())];
    servers.define(&definition("example.com", "Foo", "Namespaced", &versions)).await;
    let mut hashes = Vec::new();
    for version in ["v1", "v1beta1"] {
        let list = servers.get(&format!("/apis/example.com/{version}")).await;
        let resources = list["resources"].as_array().expect("resources");
        let foos = resources.iter().find(|one| one["name"] == "foos").expect("foos");
        hashes.push(foos["storageVersionHash"].as_str().expect("a hash").to_owned());
    }
    assert_eq!(hashes[0], hashes[1]);
    servers.stop().await;
}

#[tokio::test]
async fn a_timeout_is_read_and_bounded() {
    let servers = Servers::ready().await;
    let asked = async |timeout: &str| {
        servers.call("GET", &format!("/version?timeout={timeout}"), &Value::Null).await
    };
    let refused = asked("invalid").await;
    assert_eq!(refused.code, 400);
    let text = String::from_utf8_lossy(&refused.bytes).into_owned();
    assert!(text.contains("invalid timeout specified in the request URL"), "{text}");
    for fine in ["3m", "0s"] {
        assert_eq!(asked(fine).await.code, 200, "{fine}");
    }
    servers.stop().await;
}

/// Every document of OpenAPI v3 that is listed can be read, and that of a definition goes with it.
#[tokio::test]
async fn every_version_has_a_document_of_openapi() {
    let servers = Servers::ready().await;
    let one = definition("example.com", "Foo", "Namespaced", &[("v1beta1", anything())]);
    servers.define(&one).await;
    let root = servers.get("/openapi/v3").await;
    let paths = root["paths"].as_object().expect("paths");
    for group in ["api/v1", "apis/apps/v1", "apis/example.com/v1beta1"] {
        assert!(paths.contains_key(group), "{group}");
    }
    for (path, listed) in paths {
        let url = listed["serverRelativeURL"].as_str().expect("a URL");
        let document = servers.get(url).await;
        assert!(document["paths"].is_object(), "{path}");
        assert!(document["openapi"].as_str().is_some_and(|text| text.starts_with("3.")), "{path}");
    }
    crate::definition::remove(&servers, &one).await;
    let gone = |root: &Value| root["paths"].get("apis/example.com/v1beta1").is_none();
    servers.until("/openapi/v3", gone).await;
    servers.stop().await;
}
