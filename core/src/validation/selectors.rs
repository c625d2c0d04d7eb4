//! How pods choose nodes and pods: node selectors, affinity, spreading, tolerations and taints.

use super::Errors;
use super::check;
use super::fields::{Fields, Seen};
use super::internal;
use super::labels;
use super::path::Path;
use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::value::Object;
use std::collections::{HashMap, HashSet};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A `NodeSelector`: terms of which one must hold.
pub fn node_selector(selector: &Object, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("nodeSelectorTerms");
    if selector.list("nodeSelectorTerms").is_empty() {
        let detail = "must have at least one node selector term";
        errors.push(FieldError::required(path, detail));
    }
    for (at, term) in selector.objects("nodeSelectorTerms") {
        node_term(term, any_value, &path.index(at), errors);
    }
}

pub fn node_term(term: &Object, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    for (at, requirement) in term.objects("matchExpressions") {
        let path = path.child("matchExpressions");
        node_requirement(requirement, any_value, &path.index(at), errors);
    }
    for (at, requirement) in term.objects("matchFields") {
        let path = path.child("matchFields");
        node_field(requirement, &path.index(at), errors);
    }
}

fn node_requirement(requirement: &Object, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    let values = requirement.list("values");
    let demand = |detail| FieldError::required(path.child("values"), detail);
    match requirement.text("operator") {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(demand("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(path.child("values"), detail));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            errors.push(demand("must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        operator => bad_operator(operator, path, errors),
    }
    check::label_key(errors, path.child("key"), requirement.text("key"));
    if any_value {
        return;
    }
    for (at, value) in requirement.texts("values").enumerate() {
        let path = path.child("values");
        check::each(errors, path.index(at), value, names::label_value(value));
    }
}

fn bad_operator(operator: &str, path: &Path<'_>, errors: &mut Errors) {
    let detail = "not a valid selector operator";
    errors.push(FieldError::invalid(path.child("operator"), operator, detail));
}

/// A requirement on a field of a node: its name, the only one there is.
fn node_field(requirement: &Object, path: &Path<'_>, errors: &mut Errors) {
    match requirement.text("operator") {
        "In" | "NotIn" => {
            if requirement.list("values").len() != 1 {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node \
                              field selector";
                errors.push(FieldError::required(path.child("values"), detail));
            }
        }
        operator => bad_operator(operator, path, errors),
    }
    let key = requirement.text("key");
    if key != "metadata.name" {
        let detail = "not a valid field selector key";
        errors.push(FieldError::invalid(path.child("key"), key, detail));
        return;
    }
    for (at, value) in requirement.texts("values").enumerate() {
        let path = path.child("values");
        check::dns_subdomain(errors, path.index(at), value);
    }
}

/// Whether a node selector has a value that no label can have.
pub fn has_bad_value(selector: &Object) -> bool {
    let mut terms = selector.objects("nodeSelectorTerms");
    terms.any(|(_, term)| {
        let mut requirements = term.objects("matchExpressions");
        requirements
            .any(|(_, one)| one.texts("values").any(|value| !names::label_value(value).is_empty()))
    })
}

/// What was stored before it was checked, and may stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lenient {
    pub node_values: bool,
    pub pod_values: bool,
    pub spread_selectors: bool,
    /// Label keys of spread constraints follow the rules from before v1.34.
    pub old_label_keys: bool,
}

pub fn affinity(affinity: &Object, lenient: Lenient, path: &Path<'_>, errors: &mut Errors) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    if let Some(node) = affinity.object("nodeAffinity") {
        let path = path.child("nodeAffinity");
        if let Some(selector) = node.object(REQUIRED) {
            node_selector(selector, lenient.node_values, &path.child(REQUIRED), errors);
        }
        for (at, term) in node.objects(PREFERRED) {
            let path = path.child(PREFERRED);
            let path = path.index(at);
            weight(term, &path, errors);
            // Values that match nothing are fine in a wish.
            node_term(term.part("preference"), true, &path.child("preference"), errors);
        }
    }
    for name in ["podAffinity", "podAntiAffinity"] {
        let Some(pod) = affinity.object(name) else { continue };
        let path = path.child(name);
        for (at, term) in pod.objects(REQUIRED) {
            let path = path.child(REQUIRED);
            pod_term(term, lenient.pod_values, &path.index(at), errors);
        }
        for (at, wish) in pod.objects(PREFERRED) {
            let path = path.child(PREFERRED);
            let path = path.index(at);
            weight(wish, &path, errors);
            let term = wish.part("podAffinityTerm");
            pod_term(term, lenient.pod_values, &path.child("podAffinityTerm"), errors);
        }
    }
}

fn weight(wish: &Object, path: &Path<'_>, errors: &mut Errors) {
    let weight = wish.int("weight").unwrap_or(0);
    if !(1..=100).contains(&weight) {
        let detail = "must be in the range 1-100";
        errors.push(FieldError::invalid(path.child("weight"), &weight, detail));
    }
}

fn pod_term(term: &Object, any_value: bool, path: &Path<'_>, errors: &mut Errors) {
    let options = labels::Options { any_value, ..labels::Options::default() };
    for name in ["labelSelector", "namespaceSelector"] {
        labels::selector(term.object(name), options, &path.child(name), errors);
    }
    for name in term.texts("namespaces") {
        check::dns_label(errors, path.child("namespace"), name);
    }
    label_keys(term, path, errors);
    let key = term.text("topologyKey");
    check::required(errors, path.child("topologyKey"), key, "can not be empty");
    check::label_key(errors, path.child("topologyKey"), key);
}

/// `matchLabelKeys` and `mismatchLabelKeys` beside a selector.
fn label_keys(term: &Object, path: &Path<'_>, errors: &mut Errors) {
    let selector = term.object("labelSelector");
    for name in ["matchLabelKeys", "mismatchLabelKeys"] {
        let path = path.child(name);
        if term.list(name).is_empty() {
            continue;
        }
        if selector.is_none() {
            let detail = "must not be specified when labelSelector is not set";
            errors.push(FieldError::forbidden(path, detail));
            continue;
        }
        for (at, key) in term.texts(name).enumerate() {
            check::label_key(errors, path.index(at), key);
        }
    }
    // The server adds an expression for each key; a second one is the client's.
    if let Some(selector) = selector {
        let mut seen = Seen::default();
        for (key, _) in selector.part("matchLabels").iter() {
            seen.again(key);
        }
        // Of a key given twice the last place counts.
        let places: HashMap<&str, usize> =
            term.texts("matchLabelKeys").enumerate().map(|(at, key)| (key, at)).collect();
        for (_, expression) in selector.objects("matchExpressions") {
            let key = expression.text("key");
            if let (Some(at), true) = (places.get(key), seen.again(key)) {
                let detail = "exists in both matchLabelKeys and labelSelector";
                errors.push(FieldError::invalid(path.index(*at), key, detail));
            }
        }
    }
    let unlike: HashSet<&str> = term.texts("mismatchLabelKeys").collect();
    for (at, key) in term.texts("matchLabelKeys").enumerate() {
        if unlike.contains(key) {
            let path = path.child("matchLabelKeys");
            let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
            errors.push(FieldError::invalid(path.index(at), key, detail));
        }
    }
}

/// The same for constraints that follow the older rules.
fn old_label_keys(constraint: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("matchLabelKeys");
    if constraint.list("matchLabelKeys").is_empty() {
        return;
    }
    let selector = constraint.object("labelSelector");
    if selector.is_none() {
        let detail = "must not be specified when labelSelector is not set";
        errors.push(FieldError::forbidden(path, detail));
    }
    let mut selected = Seen::default();
    if let Some(selector) = selector {
        for (key, _) in selector.part("matchLabels").iter() {
            selected.again(key);
        }
        for (_, expression) in selector.objects("matchExpressions") {
            selected.again(expression.text("key"));
        }
    }
    for (at, key) in constraint.texts("matchLabelKeys").enumerate() {
        check::label_key(errors, path.index(at), key);
        if selected.has(key) {
            let detail = "exists in both matchLabelKeys and labelSelector";
            errors.push(FieldError::invalid(path.index(at), key, detail));
        }
    }
}

/// Whether a spread constraint breaks the newer rules on label keys.
pub fn breaks_label_keys(constraint: &Object) -> bool {
    let mut errors = Errors::new();
    label_keys(constraint, &Path::root(""), &mut errors);
    !errors.is_empty()
}

pub fn spread(spec: &Object, lenient: Lenient, path: &Path<'_>, errors: &mut Errors) {
    // Where each pair comes last.
    let last: HashMap<(&str, &str), usize> = spec
        .objects("topologySpreadConstraints")
        .map(|(at, one)| ((one.text("topologyKey"), one.text("whenUnsatisfiable")), at))
        .collect();
    for (at, constraint) in spec.objects("topologySpreadConstraints") {
        let path = path.index(at);
        positive(constraint.int("maxSkew").unwrap_or(0), &path.child("maxSkew"), errors);
        let key = path.child("topologyKey");
        check::required(errors, key, constraint.text("topologyKey"), "can not be empty");
        let action = constraint.text("whenUnsatisfiable");
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        check::one_of(errors, path.child("whenUnsatisfiable"), action, &actions);
        if last.get(&(constraint.text("topologyKey"), action)).is_some_and(|last| *last > at) {
            let shown = format!("{{{}, {action}}}", constraint.text("topologyKey"));
            let path = path.child("{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(path, shown.as_str()));
        }
        if let Some(domains) = constraint.int("minDomains") {
            let path = path.child("minDomains");
            positive(domains, &path, errors);
            if action != "DoNotSchedule" {
                let detail = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                );
                errors.push(FieldError::invalid(path, &domains, &detail));
            }
        }
        for name in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) = constraint.value(name).and_then(|value| value.as_str()) {
                check::one_of(errors, path.child(name), policy, &["Honor", "Ignore"]);
            }
        }
        if lenient.old_label_keys {
            old_label_keys(constraint, &path, errors);
        } else {
            label_keys(constraint, &path, errors);
        }
        if !lenient.spread_selectors {
            let path = path.child("labelSelector");
            let selector = constraint.object("labelSelector");
            labels::selector(selector, labels::Options::default(), &path, errors);
        }
    }
}

fn positive(number: i64, path: &Path<'_>, errors: &mut Errors) {
    if number <= 0 {
        errors.push(FieldError::invalid(path, &number, check::NOT_POSITIVE));
    }
}

/// Tolerations under `spec`.
pub fn tolerations(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, toleration) in spec.objects("tolerations") {
        self::toleration(toleration, &path.index(at), errors);
    }
}

fn toleration(toleration: &Object, path: &Path<'_>, errors: &mut Errors) {
    let (key, value) = (toleration.text("key"), toleration.text("value"));
    let (operator, effect) = (toleration.text("operator"), toleration.text("effect"));
    let operator_path = path.child("operator");
    if !key.is_empty() {
        check::label_key(errors, path.child("key"), key);
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values \
                      and all keys\"";
        errors.push(FieldError::invalid(operator_path, operator, detail));
    }
    if toleration.has("tolerationSeconds") && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(path.child("effect"), effect, detail));
    }
    match operator {
        "Equal" | "" => {
            let messages = names::label_value(value);
            if !messages.is_empty() {
                errors.push(FieldError::invalid(operator_path, value, &messages.join(";")));
            }
        }
        "Exists" => {
            if !value.is_empty() {
                let detail = "value must be empty when `operator` is 'Exists'";
                errors.push(FieldError::invalid(operator_path, value, detail));
            }
        }
        // Known, and not enabled.
        "Lt" | "Gt" => {
            let words = ["Equal", "Exists", "Lt", "Gt"];
            errors.push(FieldError::not_supported(operator_path, operator, &words));
        }
        _ => {
            let words = ["Equal", "Exists"];
            errors.push(FieldError::not_supported(operator_path, operator, &words));
        }
    }
    if !effect.is_empty() {
        check::one_of(errors, path.child("effect"), effect, &EFFECTS);
    }
}

/// A node's taints.
pub fn taints(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (at, taint) in spec.objects("taints") {
        let path = path.index(at);
        let (key, value, effect) = (taint.text("key"), taint.text("value"), taint.text("effect"));
        check::label_key(errors, path.child("key"), key);
        let messages = names::label_value(value);
        if !messages.is_empty() {
            errors.push(FieldError::invalid(path.child("value"), value, &messages.join(";")));
        }
        if effect.is_empty() {
            errors.push(FieldError::required(path.child("effect"), ""));
        } else {
            check::one_of(errors, path.child("effect"), effect, &EFFECTS);
        }
        if seen.contains(&(key, effect)) {
            let shown = internal::shown_object("k8s.io.api.core.v1.Taint", taint);
            let detail = "taints must be unique by key and effect pair";
            errors.push(FieldError::shown(Reason::Duplicate, path, &shown, detail));
        }
        seen.push((key, effect));
    }
}

/// The labels of a storage class's topology term.
pub fn topology_term(term: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut keys = Seen::default();
    for (at, requirement) in term.objects("matchLabelExpressions") {
        let path = path.child("matchLabelExpressions");
        let path = path.index(at);
        let values = path.child("values");
        if requirement.list("values").is_empty() {
            errors.push(FieldError::required(values, ""));
        }
        let mut seen = Seen::default();
        for (at, value) in requirement.texts("values").enumerate() {
            if seen.again(value) {
                errors.push(FieldError::duplicate(values.index(at), value));
            }
        }
        let key = requirement.text("key");
        check::label_key(errors, path.child("key"), key);
        if keys.again(key) {
            errors.push(FieldError::duplicate(path.child("key"), key));
        }
    }
}
