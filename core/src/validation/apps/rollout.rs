//! Numbers that may be percentages, as roll-outs give them.

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::path::Path;
use crate::value::Value;

/// The number, or that of the percentage; what is neither counts as zero.
pub fn amount(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Int(number)) => *number,
        Some(Value::String(text)) => {
            percentage(text).or_else(|| text.parse().ok()).unwrap_or_default()
        }
        _ => 0,
    }
}

fn percentage(text: &str) -> Option<i64> {
    if !names::percent(text).is_empty() {
        return None;
    }
    // As in Go, digits beyond what fits leave the largest number.
    let digits = text.trim_end_matches('%');
    Some(digits.parse().unwrap_or(i64::MAX))
}

/// A percentage is not above 100.
pub fn not_above_all(value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let Some(value @ Value::String(text)) = value else { return };
    if percentage(text).is_some_and(|percentage| percentage > 100) {
        errors.push(FieldError::invalid(path, value, "must not be greater than 100%"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (value, expected) in [
            (Value::Int(3), 3),
            (Value::from("25%"), 25),
            (Value::from("0%"), 0),
            (Value::from("12"), 12),
            (Value::from("x"), 0),
            (Value::from("99999999999999999999%"), i64::MAX),
        ] {
            assert_eq!(amount(Some(&value)), expected, "{value:?}");
        }
        assert_eq!(amount(None), 0);
    }
}
