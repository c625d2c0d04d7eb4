//! The group `admissionregistration.k8s.io`: webhooks, policies and bindings.
//!
//! Expressions are checked for being there; whether they compile is found where they are compiled.

mod binding;
mod expression;
mod match_resources;
mod mutating_policy;
mod validating_policy;
mod webhook;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "MutatingAdmissionPolicy" => mutating_policy::RULES,
        "MutatingAdmissionPolicyBinding" => binding::MUTATING,
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => webhook::RULES,
        "ValidatingAdmissionPolicy" => validating_policy::RULES,
        "ValidatingAdmissionPolicyBinding" => binding::VALIDATING,
        _ => return None,
    })
}

const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];
const REINVOCATION_POLICIES: [&str; 2] = ["IfNeeded", "Never"];
