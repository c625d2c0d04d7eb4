//! When an indexed Job counts as succeeded (`spec.successPolicy`).

use super::indexes;
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

const RULES_MAX: usize = 20;
const INDEXES_MAX_BYTES: usize = 64 * 1024;

pub fn of(policy: &Object, completions: i64, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("rules");
    let count = policy.list("rules").len();
    if count == 0 {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(path, detail));
    }
    if count > RULES_MAX {
        errors.push(FieldError::too_many(path, count, RULES_MAX));
    }
    for (at, rule) in policy.objects("rules") {
        self::rule(rule, completions, &path.index(at), errors);
    }
}

fn rule(rule: &Object, completions: i64, path: &Path<'_>, errors: &mut Errors) {
    let indexes = rule.value("succeededIndexes").and_then(Value::as_str);
    let count = rule.int("succeededCount");
    if indexes.is_none() && count.is_none() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(FieldError::required(path, detail));
    }
    let mut total = 0;
    if let Some(indexes) = indexes {
        let path = path.child("succeededIndexes");
        if indexes.len() > INDEXES_MAX_BYTES {
            errors.push(FieldError::too_long(path, INDEXES_MAX_BYTES));
        }
        match indexes::count(indexes, completions) {
            Ok(count) => total = count,
            Err(message) => {
                let detail = format!("error parsing succeededIndexes: {message}");
                errors.push(FieldError::invalid(path, indexes, &detail));
            }
        }
    }
    let Some(count) = count else { return };
    let path = path.child("succeededCount");
    check::not_negative(errors, &path, Some(count));
    if count > completions {
        let detail = format!(
            "must be less than or equal to {completions} (the number of specified completions)"
        );
        errors.push(FieldError::invalid(path, &Value::Int(count), &detail));
    }
    if indexes.is_some() && count > total {
        let detail = format!(
            "must be less than or equal to {total} (the number of indexes in the specified \
             succeededIndexes field)"
        );
        errors.push(FieldError::invalid(path, &Value::Int(count), &detail));
    }
}
