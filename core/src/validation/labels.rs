//! Labels and label selectors (`metav1.LabelSelector`) in objects.

use super::Errors;
use super::check;
use super::fields::Fields;
use super::path::Path;
use crate::field_error::FieldError;
use crate::names;
use crate::selector::{LabelSelector, Operator, Requirement};
use crate::value::{Lookup, Object};

/// A map of labels.
pub fn of(labels: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (key, value) in labels.iter() {
        check::each(errors, path, key, names::label_key(key));
        let value = value.as_str().unwrap_or_default();
        check::each(errors, path, value, names::label_value(value));
    }
}

/// How a selector is judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Values that are no labels' are let through: they were stored before they were checked.
    pub any_value: bool,
    /// Operators that are not known are let through: a wider check follows.
    pub any_operator: bool,
}

/// A label selector; absent ones are fine.
pub fn selector(selector: Option<&Object>, options: Options, path: &Path<'_>, errors: &mut Errors) {
    let Some(selector) = selector else { return };
    of(selector.part("matchLabels"), &path.child("matchLabels"), errors);
    for (at, requirement) in selector.objects("matchExpressions") {
        let path = path.child("matchExpressions");
        self::requirement(requirement, options, &path.index(at), errors);
    }
}

pub fn requirement(requirement: &Object, options: Options, path: &Path<'_>, errors: &mut Errors) {
    let values = requirement.list("values");
    match requirement.text("operator") {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(FieldError::required(path.child("values"), detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(path.child("values"), detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        operator if !options.any_operator => {
            let detail = "not a valid selector operator";
            errors.push(FieldError::invalid(path.child("operator"), operator, detail));
        }
        _ => {}
    }
    let key = requirement.text("key");
    check::each(errors, path.child("key"), key, names::label_key(key));
    if options.any_value {
        return;
    }
    for (at, value) in requirement.texts("values").enumerate() {
        let path = path.child("values");
        check::each(errors, path.index(at), value, names::label_value(value));
    }
}

/// Whether a selector has a value that no label can have.
pub fn has_bad_value(selector: Option<&Object>) -> bool {
    let Some(selector) = selector else { return false };
    let mut requirements = selector.objects("matchExpressions");
    requirements
        .any(|(_, one)| one.texts("values").any(|value| !names::label_value(value).is_empty()))
}

/// A selector to match with; `None` for one that cannot be.
pub fn parsed(selector: &Object) -> Option<LabelSelector> {
    let mut requirements = Vec::new();
    for (key, value) in selector.entries("matchLabels") {
        let valid = names::label_key(key).is_empty() && names::label_value(value).is_empty();
        let operator = valid.then(|| Operator::In(vec![value.to_owned()]))?;
        requirements.push(Requirement { key: key.to_owned(), operator });
    }
    for (_, one) in selector.objects("matchExpressions") {
        let key = one.text("key").to_owned();
        let mut values: Vec<String> = one.texts("values").map(str::to_owned).collect();
        values.sort_unstable();
        let valid = names::label_key(&key).is_empty()
            && values.iter().all(|value| names::label_value(value).is_empty());
        let operator = match one.text("operator") {
            "In" if !values.is_empty() => Operator::In(values),
            "NotIn" if !values.is_empty() => Operator::NotIn(values),
            "Exists" if values.is_empty() => Operator::Exists,
            "DoesNotExist" if values.is_empty() => Operator::DoesNotExist,
            _ => return None,
        };
        requirements.push(valid.then_some(Requirement { key, operator })?);
    }
    Some(LabelSelector::new(requirements))
}

/// Whether a selector takes an object with these labels; one that cannot be read takes none.
pub fn takes(selector: &Object, labels: &Object) -> bool {
    let mut labels = Lookup::new(labels);
    parsed(selector).is_some_and(|parsed| parsed.matches(|key| labels.get(key)?.as_str()))
}
