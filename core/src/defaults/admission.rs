//! Admission webhooks and policies.

use super::Rule;
use super::draft::Draft;
use super::others::service_reference;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("MatchResources", match_resources),
    ("MutatingAdmissionPolicySpec", policy),
    ("MutatingWebhook", webhook),
    ("MutatingWebhook", mutating),
    ("Rule", rule),
    ("ServiceReference", service_reference),
    ("ValidatingAdmissionPolicySpec", policy),
    ("ValidatingWebhook", webhook),
];

pub(super) const RULES_V1ALPHA1: &[(&str, Rule)] = &[("ParamRef", parameters)];

const TIMEOUT_SECONDS: i64 = 10;

fn webhook(webhook: &mut Draft<'_>) {
    policy(webhook);
    match_resources(webhook);
    webhook.default("timeoutSeconds", TIMEOUT_SECONDS);
}

fn mutating(webhook: &mut Draft<'_>) {
    webhook.default("reinvocationPolicy", "Never");
}

fn policy(policy: &mut Draft<'_>) {
    policy.default("failurePolicy", "Fail");
}

fn match_resources(resources: &mut Draft<'_>) {
    resources.default("matchPolicy", "Equivalent");
    resources.child("namespaceSelector");
    resources.child("objectSelector");
}

fn rule(rule: &mut Draft<'_>) {
    rule.default("scope", "*");
}

fn parameters(parameters: &mut Draft<'_>) {
    parameters.default("parameterNotFoundAction", "Deny");
}
