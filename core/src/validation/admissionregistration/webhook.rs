//! MutatingWebhookConfigurations and ValidatingWebhookConfigurations.

use super::{FAILURE_POLICIES, MATCH_POLICIES, REINVOCATION_POLICIES};
use super::{expression, match_resources};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, same};
use crate::validation::formats;
use crate::validation::labels;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

/// For both kinds: a field that only webhooks which mutate have is checked where it stands.
pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];
const TIMEOUT_MAX_S: i64 = 30;

/// What was stored before it was checked, and may stay.
#[derive(Clone, Copy, Default)]
struct Held {
    conditions: bool,
    side_effects: bool,
    review_versions: bool,
    repeated_names: bool,
    any_value: bool,
}

impl Held {
    fn of(new: &Object, old: &Object) -> Self {
        let hooks = || old.objects("webhooks").map(|(_, hook)| hook);
        let (after, before) = (new.list("webhooks"), old.list("webhooks"));
        let conditions = |hook: &Value| hook.get("matchConditions").cloned();
        let mut names = Seen::default();
        Self {
            conditions: after.len() == before.len()
                && after.iter().zip(before).all(|(after, before)| {
                    same(conditions(after).as_ref(), conditions(before).as_ref())
                }),
            side_effects: hooks().any(|hook| !NO_SIDE_EFFECTS.contains(&hook.text("sideEffects"))),
            review_versions: hooks().any(|hook| {
                let mut versions = hook.texts("admissionReviewVersions");
                !hook.list("admissionReviewVersions").is_empty()
                    && !versions.any(|version| REVIEW_VERSIONS.contains(&version))
            }),
            repeated_names: hooks().any(|hook| names.again(hook.text("name"))),
            any_value: hooks().any(|hook| {
                let mut found = Errors::new();
                for name in ["namespaceSelector", "objectSelector"] {
                    let (options, path) = (labels::Options::default(), Path::root(""));
                    labels::selector(hook.object(name), options, &path, &mut found);
                }
                !found.is_empty()
            }),
        }
    }
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    judge(target, object, Held::default(), errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    judge(target, new, Held::of(new, old), errors);
}

fn judge(target: Target<'_>, object: &Object, held: Held, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::subdomain, errors);
    let path = Path::root("webhooks");
    let mut seen = Seen::default();
    for (at, hook) in object.objects("webhooks") {
        let path = path.index(at);
        webhook(hook, held, &path, errors);
        review_versions(hook, held, &path.child("admissionReviewVersions"), errors);
        let name = hook.text("name");
        if !held.repeated_names && !name.is_empty() && seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
    }
}

fn webhook(hook: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    formats::fully_qualified_name(hook.text("name"), &path.child("name"), errors);
    for (at, rule) in hook.objects("rules") {
        match_resources::rule(rule, &path.child("rules").index(at), errors);
    }
    let mut one_of = |name: &str, allowed: &[&str]| {
        if let Some(text) = hook.value(name).and_then(Value::as_str) {
            check::one_of(errors, path.child(name), text, allowed);
        }
    };
    one_of("failurePolicy", &FAILURE_POLICIES);
    one_of("matchPolicy", &MATCH_POLICIES);
    side_effects(hook, held, &path.child("sideEffects"), errors);
    if let Some(timeout_s) =
        hook.int("timeoutSeconds").filter(|seconds| !(1..=TIMEOUT_MAX_S).contains(seconds))
    {
        let detail = "the timeout value must be between 1 and 30 seconds";
        let path = path.child("timeoutSeconds");
        errors.push(FieldError::invalid(path, &Value::Int(timeout_s), detail));
    }
    let options = labels::Options { any_value: held.any_value, ..labels::Options::default() };
    for name in ["namespaceSelector", "objectSelector"] {
        labels::selector(hook.object(name), options, &path.child(name), errors);
    }
    if let Some(policy) = hook.value("reinvocationPolicy").and_then(Value::as_str) {
        check::one_of(errors, path.child("reinvocationPolicy"), policy, &REINVOCATION_POLICIES);
    }
    formats::webhook_client(hook.part("clientConfig"), &path.child("clientConfig"), errors);
    if !held.conditions {
        expression::conditions(hook, path, errors);
    }
}

fn side_effects(hook: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    let allowed: &[&str] = if held.side_effects { &SIDE_EFFECTS } else { &NO_SIDE_EFFECTS };
    match hook.value("sideEffects").and_then(Value::as_str) {
        None => {
            let detail = format!("must specify one of {}", allowed.join(", "));
            errors.push(FieldError::required(path, &detail));
        }
        Some(effects) => check::one_of(errors, path, effects, allowed),
    }
}

fn review_versions(hook: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    let versions = hook.list("admissionReviewVersions");
    if versions.is_empty() {
        let detail = "must specify one of v1, v1beta1";
        errors.push(FieldError::required(path, detail));
        return;
    }
    let (mut seen, mut known) = (Seen::default(), false);
    for (at, version) in hook.texts("admissionReviewVersions").enumerate() {
        let path = path.index(at);
        if seen.again(version) {
            errors.push(FieldError::invalid(path, version, "duplicate version"));
            continue;
        }
        check::each(errors, path, version, names::dns_1035_label(version));
        known |= REVIEW_VERSIONS.contains(&version);
    }
    if !known && !held.review_versions {
        let versions = Value::Array(versions.to_vec());
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &versions, detail));
    }
}
