//! `/`: the paths that there are.

use crate::kube::body::Body;
use crate::kube::health;
use crate::kube::respond;
use http::Response;
use std::collections::BTreeSet;
use xebec_core::registry::Registry;

/// Beside those of groups and health checks.
const FIXED: [&str; 11] = [
    "/.well-known/openid-configuration",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/version",
];

pub(super) fn answer(registry: &Registry) -> Response<Body> {
    let mut paths: BTreeSet<String> = FIXED.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(health::paths());
    for group in registry.groups().iter().filter(|group| !group.name.is_empty()) {
        paths.insert(format!("/apis/{}", group.name));
        paths
            .extend(group.versions.iter().map(|version| format!("/apis/{}/{version}", group.name)));
    }
    let value = serde_json::json!({ "paths": paths });
    let text = serde_json::to_string_pretty(&value).expect("texts serialize");
    let mut response = respond::head(200, "application/json");
    *response.body_mut() = text.into();
    response
}
