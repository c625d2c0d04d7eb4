//! `/version`.

use crate::kube::body::Body;
use crate::kube::respond;
use http::Response;
use serde::Serialize;

/// The Kubernetes whose API this is; clients print it and switch features by it.
pub const KUBERNETES: &str = "1.36.2";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    major: &'static str,
    minor: &'static str,
    emulation_major: &'static str,
    emulation_minor: &'static str,
    min_compatibility_major: &'static str,
    min_compatibility_minor: &'static str,
    git_version: String,
    git_commit: &'static str,
    git_tree_state: &'static str,
    build_date: &'static str,
    go_version: &'static str,
    compiler: &'static str,
    platform: String,
}

pub(super) fn answer() -> Response<Body> {
    let info = Info {
        major: "1",
        minor: "36",
        emulation_major: "1",
        emulation_minor: "36",
        min_compatibility_major: "1",
        min_compatibility_minor: "35",
        git_version: format!("v{KUBERNETES}+xebec.{}", env!("CARGO_PKG_VERSION")),
        git_commit: "",
        git_tree_state: "",
        build_date: "",
        go_version: "",
        compiler: "rustc",
        platform: format!("{}/{}", std::env::consts::OS, architecture()),
    };
    let text = serde_json::to_string_pretty(&info).expect("texts serialize");
    let mut response = respond::head(200, "application/json");
    *response.body_mut() = text.into();
    response
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
