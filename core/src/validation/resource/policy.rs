//! How much of a capacity one request may take (`requestPolicy`): listed values, or a range.

use super::shared::bounded;
use crate::field_error::FieldError;
use crate::quantity::Quantity;
use crate::validation::Errors;
use crate::validation::check::quantity;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const VALUES_MAX: usize = 10;

pub fn of(policy: &Object, capacity: Quantity, path: &Path<'_>, errors: &mut Errors) {
    let listed = !policy.list("validValues").is_empty();
    let range = policy.object("validRange");
    if listed && range.is_some() {
        let detail = "exactly one policy can be specified, cannot specify \"validValues\" and \
                      \"validRange\" at the same time";
        errors.push(FieldError::forbidden(path, detail));
        return;
    }
    let name = if listed { "validValues" } else { "validRange" };
    if !listed && range.is_none() {
        return;
    }
    if !policy.has("default") {
        let detail = format!("required when {name} is defined");
        errors.push(FieldError::required(path.child("default"), &detail));
        return;
    }
    let default = quantity(policy.value("default"));
    let path = path.child(name);
    match range {
        Some(range) => self::range(range, default, capacity, &path, errors),
        None => values(policy.list("validValues"), default, capacity, &path, errors),
    }
}

fn refuse(path: &Path<'_>, quantity: Quantity, detail: &str, errors: &mut Errors) {
    errors.push(FieldError::invalid(path, &*quantity.to_string(), detail));
}

fn values(
    items: &[Value],
    default: Quantity,
    capacity: Quantity,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let values: Vec<Quantity> = items.iter().map(|item| quantity(Some(item))).collect();
    for (at, pair) in values.windows(2).enumerate() {
        if pair[0] > pair[1] {
            let detail = "values must be sorted in ascending order";
            refuse(&path.index(at + 1), pair[1], detail, errors);
        }
    }
    let judged = bounded(values.len(), VALUES_MAX, path, errors);
    let known = judged && values.contains(&default);
    for (at, value) in values.iter().enumerate().filter(|_| judged) {
        if *value > capacity {
            let detail = format!("option is larger than capacity value: {capacity}");
            refuse(&path.index(at), *value, &detail, errors);
        }
    }
    for (at, value) in values.iter().enumerate().filter(|_| judged) {
        if values[..at].contains(value) {
            errors.push(FieldError::duplicate(path.index(at), &*value.to_string()));
        }
    }
    if !known {
        let detail = "default value is not valid according to the requestPolicy";
        refuse(path, default, detail, errors);
    }
}

fn range(
    range: &Object,
    default: Quantity,
    capacity: Quantity,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    if !range.has("min") {
        let detail = "required when validRange is defined";
        errors.push(FieldError::required(path.child("min"), detail));
        return;
    }
    let min = quantity(range.value("min"));
    let max = range.has("max").then(|| quantity(range.value("max")));
    if min > capacity {
        let detail = format!("min is larger than capacity value: {capacity}");
        refuse(&path.child("min"), min, &detail, errors);
    }
    if default < min {
        let detail = format!("default is less than min: {min}");
        refuse(&path.child("min"), default, &detail, errors);
    }
    if let Some(max) = max {
        let path = path.child("max");
        if min > max {
            refuse(&path, min, &format!("min is larger than max: {max}"), errors);
        }
        if max > capacity {
            let detail = format!("max is larger than capacity value: {capacity}");
            refuse(&path, max, &detail, errors);
        }
        if default > max {
            refuse(&path, default, &format!("default is more than max: {max}"), errors);
        }
    }
    if range.has("step") {
        let step = quantity(range.value("step"));
        steps((min, step), [Some(default), max], capacity, &path.child("step"), errors);
    }
}

/// Values of a range lie whole steps above its least.
fn steps(
    (min, step): (Quantity, Quantity),
    values: [Option<Quantity>; 2],
    capacity: Quantity,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let one = min.plus(step);
    if one > capacity {
        let detail = format!("one step {one} is larger than capacity value: {capacity}");
        refuse(path, step, &detail, errors);
    }
    for value in values.into_iter().flatten() {
        let above = value.value().saturating_sub(min.value());
        // A step of nothing reaches nowhere.
        if above.checked_rem(step.value()).is_none_or(|rest| rest != 0) {
            let detail = format!("value is not a multiple of a given step ({step}) from ({min})");
            refuse(path, value, &detail, errors);
        }
    }
}
