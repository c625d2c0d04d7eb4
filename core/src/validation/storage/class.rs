//! StorageClasses.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::validation::pod::warnings::old_node_label;
use crate::validation::selectors;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

const PARAMETERS_MAX: usize = 512;
const PARAMETERS_MAX_BYTES: usize = 256 * 1024;

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    provisioner(object.text("provisioner"), &Path::root("provisioner"), errors);
    parameters(object, true, errors);
    if let Some(policy) = object.value("reclaimPolicy").and_then(Value::as_str)
        && !policy.is_empty()
    {
        check::one_of(errors, "reclaimPolicy", policy, &["Delete", "Retain"]);
    }
    match object.value("volumeBindingMode").and_then(Value::as_str) {
        None => errors.push(FieldError::required("volumeBindingMode", "")),
        Some(mode) => {
            let modes = ["Immediate", "WaitForFirstConsumer"];
            check::one_of(errors, "volumeBindingMode", mode, &modes);
        }
    }
    topologies(object, errors);
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    for (name, absent) in [
        ("parameters", "null"),
        ("provisioner", "\"\""),
        ("reclaimPolicy", "null"),
        ("volumeBindingMode", "null"),
    ] {
        check::immutable(errors, &Path::root(name), new.value(name), old.value(name), absent);
    }
}

fn warnings(_: Target<'_>, new: &Object, _: Option<&Object>, found: &mut Vec<String>) {
    let path = Path::root("allowedTopologies");
    for (at, term) in new.objects("allowedTopologies") {
        let path = path.index(at);
        let path = path.child("matchLabelExpressions");
        for (at, expression) in term.objects("matchLabelExpressions") {
            if let Some(message) = old_node_label(expression.text("key")) {
                found.push(format!("{}: {message}", path.index(at).child("key")));
            }
        }
    }
}

/// The name of a driver: a label's key, but for case.
pub fn provisioner(name: &str, path: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else {
        check::label_key(errors, path, &name.to_lowercase());
    }
}

/// Parameters for a driver: few, short, under names.
pub fn parameters(object: &Object, may_be_empty: bool, errors: &mut Errors) {
    let parameters = object.part("parameters");
    if parameters.len() > PARAMETERS_MAX {
        errors.push(FieldError::too_long("parameters", PARAMETERS_MAX));
        return;
    }
    let mut size_bytes = 0;
    for (key, value) in object.entries("parameters") {
        if key.is_empty() {
            errors.push(FieldError::invalid("parameters", key, "field can not be empty."));
        }
        size_bytes += key.len() + value.len();
    }
    if size_bytes > PARAMETERS_MAX_BYTES {
        errors.push(FieldError::too_long("parameters", PARAMETERS_MAX_BYTES));
    }
    if !may_be_empty && parameters.is_empty() {
        let detail = "must contain at least one key/value pair";
        errors.push(FieldError::required("parameters", detail));
    }
}

/// Where volumes may be; no two terms may say the same.
fn topologies(object: &Object, errors: &mut Errors) {
    let path = Path::root("allowedTopologies");
    let terms = object.list("allowedTopologies");
    for (at, term) in object.objects("allowedTopologies") {
        let path = path.index(at);
        selectors::topology_term(term, &path, errors);
        for _ in terms[..at].iter().filter(|other| alike(other, term)) {
            errors.push(FieldError::duplicate(path.child("matchLabelExpressions"), ""));
        }
    }
}

/// Whether two terms take the same keys with the same values, in whatever order.
fn alike(one: &Value, other: &Object) -> bool {
    let Value::Object(one) = one else { return false };
    let sorted = |term: &Object| {
        let expressions = term.objects("matchLabelExpressions").map(|(_, expression)| {
            let mut values: Vec<&str> = expression.texts("values").collect();
            values.sort_unstable();
            (expression.text("key").to_owned(), values.join("\0"))
        });
        let mut all: Vec<_> = expressions.collect();
        all.sort_unstable();
        all
    };
    sorted(one) == sorted(other)
}
