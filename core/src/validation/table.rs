//! What the schema table declares of a message (required, immutable, bounds, formats), checked by
//! one walk. Upstream enforces such declarations for its newer kinds alone; older ones say the same
//! in code of their own, and rules of theirs are not here.

use super::fields::{Fields, same};
use super::meta::IMMUTABLE;
use super::path::Path;
use super::{Errors, check};
use crate::field_error::FieldError;
use crate::names;
use crate::schema::{Arity, Field, Kind, MessageId, Rule, Schema};
use crate::target::Target;
use crate::value::{Object, Value};

/// Checks the specification of an object; `old` is the object that it replaces.
pub fn specification(target: Target<'_>, new: &Object, old: Option<&Object>, errors: &mut Errors) {
    const SPEC: &str = "spec";
    let Some(field) = target.schema().field(target.message(), SPEC) else { return };
    let old = old.map(|old| old.value(SPEC));
    check_field(target.schema(), field, (new.value(SPEC), old), &Path::root(SPEC), errors);
}

/// Checks a message and all below it; `old` is what it replaces.
fn check(
    schema: &Schema,
    id: MessageId,
    new: &Object,
    old: Option<&Object>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for field in &schema.message(id).fields {
        match field.kind {
            Kind::Message(inner) if field.inline => check(schema, inner, new, old, path, errors),
            _ if field.json.is_empty() => {}
            _ => {
                let old = old.map(|old| old.value(&field.json));
                let path = path.child(&field.json);
                check_field(schema, field, (new.value(&field.json), old), &path, errors);
            }
        }
    }
}

/// `old` is absent on create, and holds nothing where the field was not set.
type Change<'v> = (Option<&'v Value>, Option<Option<&'v Value>>);

fn check_field(
    schema: &Schema,
    field: &Field,
    (new, old): Change<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    // What was stored is not judged again.
    if old.is_some_and(|old| same(new, old)) {
        return;
    }
    if field.rules.contains(&Rule::Immutable) && old.is_some() {
        let null = Value::Null;
        errors.push(FieldError::invalid(path, new.unwrap_or(&null), IMMUTABLE));
        return;
    }
    let Some(new) = new.filter(|new| !is_zero(field, new)) else {
        if field.required {
            errors.push(FieldError::required(path, ""));
        }
        return;
    };
    for rule in &field.rules {
        check_rule(rule, new, path, errors);
    }
    let Kind::Message(inner) = field.kind else { return };
    let old = old.flatten();
    match (field.arity, new) {
        (Arity::One, Value::Object(new)) => {
            check(schema, inner, new, old.and_then(Value::as_object), path, errors);
        }
        (Arity::List, Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                let Value::Object(new) = item else { continue };
                let old = old.and_then(|old| old.as_array()?.get(at)?.as_object());
                check(schema, inner, new, old, &path.index(at), errors);
            }
        }
        _ => {}
    }
}

/// The zero of a field that cannot be told from one not given.
fn is_zero(field: &Field, value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Int(number) => *number == 0 && !field.pointer,
        _ => false,
    }
}

fn check_rule(rule: &Rule, value: &Value, path: &Path<'_>, errors: &mut Errors) {
    match (rule, value) {
        (Rule::Minimum(least), Value::Int(number)) if number < least => {
            let detail = format!("must be greater than or equal to {least}");
            errors.push(FieldError::invalid(path, value, &detail));
        }
        (Rule::Maximum(most), Value::Int(number)) if number > most => {
            let detail = format!("must be less than or equal to {most}");
            errors.push(FieldError::invalid(path, value, &detail));
        }
        (Rule::ItemsMax(most), Value::Array(items)) if items.len() as u64 > *most => {
            errors.push(FieldError::too_many(path, items.len(), *most as usize));
        }
        (Rule::SizeMaxBytes(most), Value::String(text)) if text.len() as u64 > *most => {
            errors.push(FieldError::too_long(path, *most as usize));
        }
        (Rule::Format(format), Value::String(text)) => {
            check::each(errors, path, text, format_messages(format, text));
        }
        _ => {}
    }
}

/// What breaks one of upstream's named formats.
fn format_messages(format: &str, text: &str) -> Vec<String> {
    match format {
        "k8s-short-name" => names::in_bytes(names::dns_1123_label(text)),
        "k8s-long-name" => names::in_bytes(names::dns_1123_subdomain(text)),
        "k8s-long-name-caseless" => names::dns_1123_subdomain_caseless(text),
        "k8s-label-key" => names::label_key(text),
        "k8s-path-segment-name" => names::path_segment(text),
        "k8s-resource-pool-name" => text
            .split('/')
            .flat_map(|part| names::in_bytes(names::dns_1123_subdomain(part)))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BUILT_IN;

    fn found(message: &str, new: &str, old: Option<&str>) -> Vec<String> {
        let parse = |text: &str| match serde_json::from_str(text).expect("a tree") {
            Value::Object(object) => object,
            other => panic!("{other:?} is no object"),
        };
        let id = BUILT_IN.find(message).expect("a message of the table");
        let old = old.map(parse);
        let mut errors = Errors::new();
        check(&BUILT_IN, id, &parse(new), old.as_ref(), &Path::root("spec"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_required_must_be_there() {
        let found = found("k8s.io.api.scheduling.v1alpha2.GangSchedulingPolicy", "{}", None);
        assert_eq!(found, ["spec.minCount: Required value"]);
    }

    #[test]
    fn bounds_and_formats_hold() {
        let gang = "k8s.io.api.scheduling.v1alpha2.GangSchedulingPolicy";
        let wanted = "spec.minCount: Invalid value: -1: must be greater than or equal to 1";
        assert_eq!(found(gang, r#"{"minCount":-1}"#, None), [wanted]);
        let claim = "k8s.io.api.scheduling.v1alpha2.PodGroupResourceClaim";
        let found = found(claim, r#"{"name":"A","resourceClaimName":"c"}"#, None);
        assert!(
            found[0].starts_with("spec.name: Invalid value: \"A\": a lowercase RFC 1123 label")
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn what_is_immutable_stays_and_is_not_judged_again() {
        let group = "k8s.io.api.scheduling.v1alpha2.PodGroupSpec";
        let old = r#"{"podGroupTemplateRef":{"a":1},"schedulingPolicy":{"gang":{"minCount":-1}}}"#;
        assert!(found(group, old, Some(old)).is_empty());
        let new = r#"{"podGroupTemplateRef":{"a":2},"schedulingPolicy":{"gang":{"minCount":-1}}}"#;
        let wanted = "spec.podGroupTemplateRef: Invalid value: {\"a\":2}: field is immutable";
        assert_eq!(found(group, new, Some(old)), [wanted]);
    }
}
