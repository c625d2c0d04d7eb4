//! Network policies and ingress classes.

use super::Rule;
use super::draft::Draft;
use crate::value::Value;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("IngressClass", ingress_class),
    ("NetworkPolicy", network_policy),
    ("NetworkPolicyPort", port),
];

fn ingress_class(class: &mut Draft<'_>) {
    let mut spec = class.child("spec");
    if let Some(mut parameters) = spec.present("parameters") {
        parameters.default("scope", "Cluster");
    }
}

fn network_policy(policy: &mut Draft<'_>) {
    let mut spec = policy.child("spec");
    if spec.is_empty("policyTypes") {
        let mut types: Vec<Value> = vec!["Ingress".into()];
        if !spec.is_empty("egress") {
            types.push("Egress".into());
        }
        spec.put("policyTypes", types);
    }
}

fn port(port: &mut Draft<'_>) {
    port.default("protocol", "TCP");
}
