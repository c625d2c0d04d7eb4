//! Conditions, variables and other parts of policies that are expressions in CEL.

use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::value::Object;

const CONDITIONS_MAX: usize = 64;

/// Words that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// `matchConditions`: named expressions that say whether a webhook or policy is asked at all.
pub fn conditions(parent: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("matchConditions");
    let count = parent.list("matchConditions").len();
    if count > CONDITIONS_MAX {
        errors.push(FieldError::too_many(path, count, CONDITIONS_MAX));
    }
    let mut seen = Seen::default();
    for (at, condition) in parent.objects("matchConditions") {
        let path = path.index(at);
        if condition.text("expression").trim().is_empty() {
            errors.push(FieldError::required(path.child("expression"), ""));
        }
        let name = condition.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path.child("name"), ""));
            continue;
        }
        check::label_key(errors, path.child("name"), name);
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
    }
}

/// `variables`: expressions under names that others may use.
pub fn variables(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, variable) in spec.objects("variables") {
        let path = path.child("variables");
        let path = path.index(at);
        let name = variable.text("name");
        if name.trim().is_empty() {
            errors.push(FieldError::required(path.child("name"), "name is not specified"));
        } else if !is_identifier(name) {
            let detail = "name is not a valid CEL identifier";
            errors.push(FieldError::invalid(path.child("name"), name, detail));
        }
        specified(variable, "expression", &path, errors);
    }
}

/// An expression that must be there.
pub fn specified(parent: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    if parent.text(name).trim().is_empty() {
        let detail = format!("{name} is not specified");
        errors.push(FieldError::required(path.child(name), &detail));
    }
}

fn is_identifier(name: &str) -> bool {
    let first = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    let fits = match name.as_bytes() {
        [] => false,
        [one, rest @ ..] => {
            first(*one) && rest.iter().all(|byte| first(*byte) || byte.is_ascii_digit())
        }
    };
    fits && !RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        assert!(is_identifier("_a1"));
        for bad in ["", "1a", "a-b", "in", "namespace"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }
}
