//! What a review asks about: attributes of a resource or of a path, and what is wrong with them.

use crate::kube::authz::Attributes;
use crate::kube::user::User;
use xebec_core::edit;
use xebec_core::field_error::{FieldError, Reason, quoted};
use xebec_core::value::{Object, Value};

const BOTH: &str = "cannot be specified in combination with resourceAttributes";
const NEITHER: &str =
    "exactly one of nonResourceAttributes or resourceAttributes must be specified";

/// The attributes of a valid specification.
pub fn of<'a>(spec: &'a Object, user: &'a User) -> Attributes<'a> {
    match edit::object(spec, &["resourceAttributes"]) {
        Some(resource) => {
            let text = |name: &str| edit::text(resource, &[name]);
            let version = match text("version") {
                "" => "*",
                version => version,
            };
            Attributes {
                version,
                subresource: text("subresource"),
                namespace: text("namespace"),
                name: text("name"),
                ..Attributes::resource(user, text("verb"), text("group"), text("resource"))
            }
        }
        None => {
            let text = |name: &str| edit::text(spec, &["nonResourceAttributes", name]);
            let nothing = Attributes::resource(user, text("verb"), "", "");
            Attributes { is_resource: false, path: text("path"), version: "", ..nothing }
        }
    }
}

/// Exactly one kind of attributes must be there.
pub fn validate(spec: &Object, errors: &mut Vec<FieldError>) {
    let resource = edit::object(spec, &["resourceAttributes"]);
    match (resource, edit::object(spec, &["nonResourceAttributes"])) {
        (Some(_), Some(path)) => {
            let shown = as_internal(path);
            let at = "spec.nonResourceAttributes";
            errors.push(FieldError::shown(Reason::Invalid, at, &shown, BOTH));
        }
        (None, None) => {
            let at = "spec.resourceAttributes";
            errors.push(FieldError::invalid(at, "null", NEITHER));
        }
        _ => {}
    }
}

/// Upstream's form of the attributes of a path has no names for JSON.
pub fn as_internal(path: &Object) -> String {
    let text = |name| quoted(edit::text(path, &[name]));
    format!("{{\"Path\":{},\"Verb\":{}}}", text("path"), text("verb"))
}

/// The selectors that narrow what is asked about.
pub fn validate_selectors(spec: &Object, errors: &mut Vec<FieldError>) {
    for name in ["fieldSelector", "labelSelector"] {
        if let Some(selector) = edit::object(spec, &["resourceAttributes", name]) {
            validate_selector(&format!("spec.resourceAttributes.{name}"), selector, errors);
        }
    }
}

fn validate_selector(at: &str, selector: &Object, errors: &mut Vec<FieldError>) {
    let raw = edit::text(selector, &["rawSelector"]);
    let requirements = edit::items(selector, &["requirements"]);
    match (raw.is_empty(), requirements.is_empty()) {
        (false, false) => {
            let why = "may not specified at the same time as requirements";
            errors.push(FieldError::invalid(format!("{at}.rawSelector"), raw, why));
        }
        (true, true) => {
            let why = format!("when {at} is specified, requirements or rawSelector is required");
            errors.push(FieldError::required(format!("{at}.requirements"), &why));
        }
        _ => {}
    }
    for (index, requirement) in requirements.iter().enumerate() {
        let at = format!("{at}.requirements[{index}]");
        let text = |name| requirement.get(name).and_then(Value::as_str).unwrap_or_default();
        let values = requirement.get("values").and_then(Value::as_array).unwrap_or_default();
        if text("key").is_empty() {
            errors.push(FieldError::required(format!("{at}.key"), "must be specified"));
        }
        match text("operator") {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{at}.values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{at}.values"), why));
            }
            _ => {}
        }
    }
}

/// What of the selectors cannot be taken into account.
pub fn ignored_selectors(spec: &Object) -> Vec<String> {
    let mut ignored = Vec::new();
    for name in ["fieldSelector", "labelSelector"] {
        let Some(selector) = edit::object(spec, &["resourceAttributes", name]) else { continue };
        let requirements = edit::items(selector, &["requirements"]);
        let bad = requirements.iter().filter(|one| !is_known(name, one)).count();
        let partly = if bad < requirements.len() { "partially " } else { "" };
        if bad > 0 {
            ignored
                .push(format!("spec.resourceAttributes.{name} {partly}ignored due to parse error"));
        }
    }
    ignored
}

/// Fields can be compared with one value, labels in all ways.
fn is_known(selector: &str, requirement: &Value) -> bool {
    let operator = requirement.get("operator").and_then(Value::as_str).unwrap_or_default();
    let values = requirement.get("values").and_then(Value::as_array).unwrap_or_default();
    match selector {
        "fieldSelector" => matches!(operator, "In" | "NotIn") && values.len() == 1,
        _ => matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist"),
    }
}
