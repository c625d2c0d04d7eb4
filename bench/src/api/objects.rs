//! The objects that the loads are made of, as JSON.

use bytes::Bytes;
use serde_json::{Value, json};

/// Sizes of what a request carries.
pub const CONFIG_MAP_BYTES: usize = 1_024;
pub const POD_BYTES: usize = 3_072;
pub const LISTED_BYTES: usize = 1_536;
pub const WATCHED_BYTES: usize = 512;

/// An object of at least `size` bytes: `fill` is given what is missing.
fn padded(size: usize, make: impl Fn(&str) -> Value) -> Bytes {
    let bare = make("").to_string().len();
    let padding = letters(size.saturating_sub(bare));
    make(&padding).to_string().into()
}

/// Text that does not compress to nothing, the same in every run.
fn letters(count: usize) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = |_| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let letter = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 59;
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[letter as usize])
    };
    (0..count).map(next).collect()
}

pub fn config_map(name: &str, size: usize, turn: u64) -> Bytes {
    padded(size, |padding| {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"app": "xebec-bench"}},
            "data": {"turn": format!("{turn:012}"), "text": padding},
        })
    })
}

/// As a node renews it: `resource_version` is that of the answer before.
pub fn lease(name: &str, resource_version: Option<&str>, turn: u64) -> Bytes {
    let mut metadata = json!({"name": name});
    if let Some(version) = resource_version {
        metadata["resourceVersion"] = version.into();
    }
    let time =
        format!("2026-01-01T00:{:02}:{:02}.{:06}Z", turn / 60 % 60, turn % 60, turn % 1_000_000);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": time},
    });
    lease.to_string().into()
}

/// A Pod as a Deployment makes it. It names a scheduler that there is not, so that nobody but the
/// server has work with it.
pub fn pod(name: &str) -> Bytes {
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    padded(POD_BYTES, |padding| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {"app": "web", "pod-template-hash": "5d59d67564", "tier": "front"},
                "annotations": {"example.com/padding": padding},
            },
            "spec": {
                "schedulerName": "xebec-bench-none",
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "web",
                    "image": "registry.example.com/web:1.2.3",
                    "args": ["--port=8080", "--verbose"],
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [
                        {"name": "LEVEL", "value": "info"},
                        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    ],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "64Mi"},
                        "limits": {"cpu": "500m", "memory": "128Mi"},
                    },
                    "livenessProbe": probe,
                    "readinessProbe": probe,
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
                }],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
                "terminationGracePeriodSeconds": 5,
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_what_they_are_called() {
        assert_eq!(config_map("a", CONFIG_MAP_BYTES, 7).len(), CONFIG_MAP_BYTES);
        assert_eq!(config_map("b", LISTED_BYTES, 9).len(), LISTED_BYTES);
        assert_eq!(pod("p").len(), POD_BYTES);
    }

    #[test]
    fn a_lease_differs_at_every_turn() {
        assert_ne!(lease("a", Some("1"), 61), lease("a", Some("1"), 62));
        assert!(!String::from_utf8_lossy(&lease("a", None, 1)).contains("resourceVersion"));
    }
}
