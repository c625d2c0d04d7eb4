//! What every cluster begins with, made through the API itself by the first replica that comes to
//! it. What is there already stays as it is.
//!
//! Of upstream's default roles these are the ones that let people in; flow schemas, and the roles
//! of controllers and nodes, are not made yet.

use super::api::Api;
use super::health::Hook;
use super::user::User;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http_body_util::Full;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use xebec_core::codec::yaml;
use xebec_core::value::Value;

const OBJECTS: &[u8] = include_bytes!("bootstrap/objects.yaml");
/// Between attempts, while there is no leader.
const RETRY: Duration = Duration::from_millis(100);
/// As managed fields name it.
const MANAGER: &str = "kube-apiserver";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const RANGES: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// What is not ready before these objects are there, in the order in which they are made.
pub const HOOKS: [Hook; 4] =
    [Hook::SystemNamespaces, Hook::BootstrapRoles, Hook::PriorityClasses, Hook::Bootstrap];

/// One object to make.
struct Item {
    hook: Hook,
    to: String,
    object: Value,
}

/// Makes what is missing; returns when all of it is there.
pub async fn run(api: &Arc<Api>) {
    let mut items = listed();
    items.extend(services(api));
    for hook in HOOKS {
        for item in items.iter().filter(|item| item.hook == hook) {
            while !make(api, item).await {
                sleep(RETRY).await;
            }
        }
        api.health.done(hook);
    }
}

fn listed() -> Vec<Item> {
    let parsed = yaml::parse(OBJECTS).expect("a test reads the file");
    let items = parsed.value.as_array().unwrap_or_default().iter();
    let item = |item: &Value| {
        let hook = match item.get("hook")?.as_str()? {
            "namespaces" => Hook::SystemNamespaces,
            "roles" => Hook::BootstrapRoles,
            "priorities" => Hook::PriorityClasses,
            _ => return None,
        };
        let to = item.get("to")?.as_str()?.to_owned();
        Some(Item { hook, to, object: item.get("object")?.clone() })
    };
    items.filter_map(item).collect()
}

/// The range of Services, and the Service by which pods reach the API.
fn services(api: &Api) -> Vec<Item> {
    let ranges = &api.service_ranges;
    let Some(first) = ranges.first().and_then(|range| range.hosts().next()) else {
        return Vec::new();
    };
    let port = api.address.parse::<SocketAddr>().map_or(6443, |address| address.port());
    let cidrs: Vec<String> = ranges.iter().map(|range| format!("\"{range}\"")).collect();
    let range = format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR",
        "metadata":{{"name":"kubernetes"}},"spec":{{"cidrs":[{}]}}}}"#,
        cidrs.join(",")
    );
    let service = format!(
        r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"kubernetes",
        "namespace":"default","labels":{{"component":"apiserver","provider":"kubernetes"}}}},
        "spec":{{"type":"ClusterIP","clusterIP":"{first}","sessionAffinity":"None",
        "ports":[{{"name":"https","port":443,"protocol":"TCP","targetPort":{port}}}]}}}}"#
    );
    let item = |to: &str, text: &str| {
        let object = serde_json::from_str(text).expect("it is written as JSON");
        Item { hook: Hook::Bootstrap, to: to.to_owned(), object }
    };
    vec![item(RANGES, &range), item(SERVICES, &service)]
}

/// True if the object is there now. What another replica has made is not made again: it may hold
/// what this one would ask for.
async fn make(api: &Arc<Api>, item: &Item) -> bool {
    let metadata = item.object.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let there = Request::get(format!("{}/{name}", item.to)).body(Full::new(Bytes::new()));
    if ask(api, there.expect("the paths are well-formed")).await == 200 {
        return true;
    }
    let body = serde_json::to_vec(&item.object).expect("a tree is always serializable");
    let request = Request::post(&item.to)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, MANAGER)
        .body(Full::new(Bytes::from(body)));
    let code = ask(api, request.expect("the paths are well-formed")).await;
    if !matches!(code, 201 | 409 | 429 | 503 | 504) {
        tracing::warn!(code, name, to = item.to, "cannot make a default object yet");
    }
    matches!(code, 201 | 409)
}

/// The code of the answer to a request of the server itself.
async fn ask(api: &Arc<Api>, request: Request<Full<Bytes>>) -> u16 {
    let user = User {
        name: "system:apiserver".to_owned(),
        groups: vec![User::MASTERS.to_owned()],
        ..User::default()
    };
    api.handle(Ok(user), request).await.status().as_u16()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read() {
        let items = listed();
        assert_eq!(items.len(), 14);
        assert!(items.iter().all(|item| item.object.get("kind").is_some()));
    }
}
