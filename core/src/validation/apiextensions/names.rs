//! The names of a custom resource, wanted and accepted.

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::Object;

/// Names that must be there; only those that are wanted.
pub fn required(names: &Object, path: &Path<'_>, errors: &mut Errors) {
    for name in ["plural", "singular", "kind", "listKind"] {
        if names.text(name).is_empty() {
            errors.push(FieldError::required(path.child(name), ""));
        }
    }
}

pub fn check(names: &Object, path: &Path<'_>, errors: &mut Errors) {
    for name in ["plural", "singular"] {
        one(names.text(name), "", &path.child(name), errors);
    }
    for name in ["kind", "listKind"] {
        let lead = "may have mixed case, but should otherwise match: ";
        one(names.text(name), lead, &path.child(name), errors);
    }
    list(names, "shortNames", path, errors);
    let (kind, list_kind) = (names.text("kind"), names.text("listKind"));
    if !kind.is_empty() && kind == list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(path.child("listKind"), list_kind, detail));
    }
    list(names, "categories", path, errors);
}

fn list(names: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child(name);
    for (at, text) in names.texts(name).enumerate() {
        label(text, &path.index(at), errors);
    }
}

fn one(text: &str, lead: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = match lead {
        "" => names::dns_1035_label(text),
        _ => names::dns_1035_label(&text.to_lowercase()),
    };
    if !text.is_empty() && !messages.is_empty() {
        let detail = format!("{lead}{}", messages.join(","));
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// A DNS label of RFC 1035; all that is wrong is one error.
pub fn label(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = names::dns_1035_label(text);
    if !messages.is_empty() {
        errors.push(FieldError::invalid(path, text, &messages.join(",")));
    }
}
