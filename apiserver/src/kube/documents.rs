//! [`Documents`]: what the server says of itself: discovery, OpenAPI, version, paths.
//!
//! Documents are made of the registry when they are first asked for, kept as bytes, and made anew
//! when the registry has changed: of OpenAPI version 3 only the groups that did.

mod discovery;
mod openapi;
mod paths;
mod version;

use super::body::Body;
use super::call::Call;
use super::respond;
use http::header::IF_NONE_MATCH;
use http::{HeaderMap, Method, Response};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use xebec_core::discovery::Discovery;
use xebec_core::document::Document;
use xebec_core::openapi::{v2, v3};
use xebec_core::registry::{Registry, SharedRegistry};
use xebec_core::status::Status;

/// The documents of the registry as it stands.
pub struct Documents {
    registry: Arc<SharedRegistry>,
    /// Where clients reach this replica, for `/api`.
    address: String,
    current: Mutex<Arc<Set>>,
}

/// The documents of one registry.
struct Set {
    registry: Arc<Registry>,
    discovery: OnceLock<Discovery>,
    v2: v2::Documents,
    v3: OnceLock<v3::Documents>,
    /// The newest set before this one whose documents of version 3 were made.
    before: Mutex<Option<Arc<Set>>>,
    zipped: openapi::Zipped,
}

impl Documents {
    pub fn new(registry: Arc<SharedRegistry>, address: String) -> Self {
        let current = Mutex::new(Arc::new(Set::new(registry.load(), None)));
        Self { registry, address, current }
    }

    /// The answer to a request that is for no resource; `None` if there is no such document.
    pub async fn answer(&self, call: &Call) -> Option<Result<Response<Body>, Status>> {
        let path = call.info.path.as_str();
        let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let known = match path {
            "/" | "/index.html" | "/version" | "/api" | "/apis" => true,
            _ => path.starts_with("/openapi/"),
        };
        if !known && !self.set().discovery().plain.contains_key(path) {
            return None;
        }
        if !matches!(call.method, Method::GET | Method::HEAD) {
            return Some(Ok(respond::text(405, "405: Method Not Allowed")));
        }
        Some(match path {
            "/" | "/index.html" => Ok(paths::answer(&self.set().registry)),
            "/version" => Ok(version::answer()),
            _ if path.starts_with("/openapi/") => return self.openapi(call).await.map(Ok),
            _ => discovery::answer(call, path, &self.set(), &self.address),
        })
    }

    /// OpenAPI documents take long to make: on a thread for that.
    async fn openapi(&self, call: &Call) -> Option<Response<Body>> {
        let set = self.set();
        let asked = openapi::Asked::of(call)?;
        let made = tokio::task::spawn_blocking(move || openapi::answer(&asked, &set)).await;
        made.unwrap_or_else(|error| Some(respond::failure_plain(&Status::internal(error))))
    }

    fn set(&self) -> Arc<Set> {
        let registry = self.registry.load();
        let mut current = self.current.lock();
        if !Arc::ptr_eq(&current.registry, &registry) {
            let made = current.v3.get().is_some();
            let before = if made { Some(current.clone()) } else { current.before.lock().take() };
            *current = Arc::new(Set::new(registry, before));
        }
        current.clone()
    }
}

impl Set {
    fn new(registry: Arc<Registry>, before: Option<Arc<Self>>) -> Self {
        Self {
            discovery: OnceLock::new(),
            v2: v2::Documents::new(registry.clone()),
            v3: OnceLock::new(),
            before: Mutex::new(before),
            zipped: openapi::Zipped::default(),
            registry,
        }
    }

    fn discovery(&self) -> &Discovery {
        self.discovery.get_or_init(|| Discovery::new(&self.registry))
    }

    fn v3(&self) -> &v3::Documents {
        self.v3.get_or_init(|| {
            let before = self.before.lock().take();
            let known = before.as_ref().and_then(|before| Some((before, before.v3.get()?)));
            let Some((before, documents)) = known else {
                return v3::Documents::new(&self.registry);
            };
            let mut documents = documents.clone();
            for group in changed_groups(&before.registry, &self.registry) {
                documents = documents.with_group(&self.registry, &group);
            }
            documents
        })
    }
}

/// Groups that have not the same resources in both.
fn changed_groups(before: &Registry, now: &Registry) -> Vec<String> {
    let same = |group: &str| {
        let of = |registry: &Registry| -> Vec<_> {
            let resources = registry.resources().filter(|resource| &*resource.group == group);
            resources.map(Arc::as_ptr).collect()
        };
        of(before) == of(now)
    };
    let mut names: Vec<&str> = before.groups().iter().map(|group| &*group.name).collect();
    names.extend(now.groups().iter().map(|group| &*group.name));
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|group| !same(group)).map(str::to_owned).collect()
}

/// True if the client has the document already.
fn is_known(headers: &HeaderMap, document: &Document) -> bool {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        let hash =
            |one: &str| one.trim().trim_start_matches("W/").trim_matches('"') == &*document.hash;
        known.trim() == "*" || known.split(',').any(hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;
    use http_body_util::BodyExt;
    use xebec_core::registry::Selection;

    pub(super) fn documents() -> Documents {
        let registry = SharedRegistry::new(Registry::built_in(Selection::Default));
        Documents::new(Arc::new(registry), "127.0.0.11:6443".to_owned())
    }

    async fn get(
        documents: &Documents,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Response<Body> {
        let mut call = call("GET", path, "");
        for (name, value) in headers {
            call.headers.insert(*name, value.parse().expect("a header"));
        }
        let response = documents.answer(&call).await;
        response.expect("there is such a document").expect("it can be had")
    }

    async fn text(response: Response<Body>) -> String {
        let body = response.into_body().collect().await.expect("whole").to_bytes();
        String::from_utf8(body.to_vec()).expect("text")
    }

    const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
        application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

    #[tokio::test]
    async fn discovery_comes_in_both_forms() {
        let documents = documents();
        let plain = get(&documents, "/apis/", &[]).await;
        assert_eq!(plain.headers()["content-type"], "application/json");
        assert!(text(plain).await.starts_with(r#"{"kind":"APIGroupList","apiVersion":"v1""#));
        let aggregated = get(&documents, "/apis", &[("accept", AGGREGATED)]).await;
        assert_eq!(
            aggregated.headers()["content-type"],
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        );
        let etag = aggregated.headers()["etag"].to_str().expect("text").to_owned();
        assert!(text(aggregated).await.contains(r#""kind":"APIGroupDiscoveryList""#));
        let again = [("accept", AGGREGATED), ("if-none-match", &etag)];
        assert_eq!(get(&documents, "/apis", &again).await.status(), 304);
        let api = text(get(&documents, "/api", &[]).await).await;
        assert!(api.contains(r#""serverAddress":"127.0.0.11:6443""#), "{api}");
        let call = call("GET", "/apis/nothing.example.com", "");
        assert!(documents.answer(&call).await.is_none());
    }

    #[tokio::test]
    async fn openapi_is_cached_by_hash() {
        let documents = documents();
        let index = text(get(&documents, "/openapi/v3", &[]).await).await;
        let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
        let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().expect("a URL");
        let response = get(&documents, url, &[("accept-encoding", "gzip")]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "public, immutable");
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let stale = get(&documents, "/openapi/v3/apis/apps/v1?hash=x", &[]).await;
        assert_eq!(stale.status(), 301);
        assert_eq!(stale.headers()["location"], url);
        let missing = get(&documents, "/openapi/v3/apis/none/v1", &[]).await;
        assert_eq!(missing.status(), 404);
        let refused = get(&documents, "/openapi/v2", &[("accept", "text/html")]).await;
        assert_eq!(refused.status(), 406);
    }

    #[tokio::test]
    async fn only_documents_of_changed_groups_are_made_anew() {
        let documents = documents();
        let before = documents.set();
        let apps = before.v3().by_name["apis/apps/v1"].clone();
        let job = before.registry.find_resource("batch", "jobs").expect("built in");
        let mut custom = (**job).clone();
        custom.group = "example.com".into();
        custom.custom = true;
        documents.registry.add(custom).expect("a new one");
        let now = documents.set();
        assert!(!Arc::ptr_eq(&before, &now));
        assert!(Arc::ptr_eq(&apps, &now.v3().by_name["apis/apps/v1"]));
        assert!(now.v3().by_name.contains_key("apis/example.com/v1"));
        documents.registry.remove("example.com", "jobs");
        assert!(!documents.set().v3().by_name.contains_key("apis/example.com/v1"));
    }
}
