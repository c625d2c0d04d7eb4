//! Services. Addresses and their families are allocated by the server, not defaulted.

use super::Rule;
use super::draft::{Draft, is_zero, object};
use crate::value::Value;

pub(super) const RULES: &[(&str, Rule)] = &[("Service", service)];

const CLIENT_IP_SECONDS: i64 = 3 * 60 * 60;

fn service(service: &mut Draft<'_>) {
    let mut spec = service.child("spec");
    affinity(&mut spec);
    spec.default("type", "ClusterIP");
    spec.each("ports", port);
    let kind: &str = spec.text("type");
    let balanced = kind == "LoadBalancer";
    let on_nodes = balanced || kind == "NodePort";
    let inside = on_nodes || kind == "ClusterIP";
    if on_nodes || (inside && !spec.is_empty("externalIPs")) {
        spec.default("externalTrafficPolicy", "Cluster");
    }
    if inside {
        spec.default("internalTrafficPolicy", "Cluster");
    }
    if balanced {
        spec.default("allocateLoadBalancerNodePorts", true);
        service.child("status").child("loadBalancer").each("ingress", |ingress| {
            if !ingress.text("ip").is_empty() {
                ingress.default("ipMode", "VIP");
            }
        });
    }
}

fn affinity(spec: &mut Draft<'_>) {
    spec.default("sessionAffinity", "None");
    match spec.text("sessionAffinity") {
        "None" => {
            spec.object().remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let config = spec.get("sessionAffinityConfig").and_then(|it| it.get("clientIP"));
            if config.and_then(|config| config.get("timeoutSeconds")).is_none_or(Value::is_null) {
                let seconds = object([("timeoutSeconds", CLIENT_IP_SECONDS.into())]);
                spec.put("sessionAffinityConfig", object([("clientIP", seconds)]));
            }
        }
        _ => {}
    }
}

fn port(port: &mut Draft<'_>) {
    port.default("protocol", "TCP");
    if port.get("targetPort").is_none_or(is_zero) {
        let number = port.get("port").cloned().unwrap_or(Value::Int(0));
        port.put("targetPort", number);
    }
}
