//! Strings and numbers.

use super::super::checks::{Bound, Checks};
use super::super::format::Format;
use super::super::structural::{Structural, Types};
use super::old::Place;
use super::outcome::{Finding, Outcome};
use super::values::wrong_type;
use super::view::View;
use crate::apply::gotext;
use crate::field_error::FieldError;

/// At most one thing is said of a string.
pub(super) fn check_string(
    checks: Option<&Checks>,
    text: &str,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let Some(checks) = checks else { return };
    if checks.length_max.is_some() || checks.length_min.is_some() {
        let count = text.chars().count() as i64;
        if let Some(most) = checks.length_max.filter(|most| count > *most) {
            let name = place.name();
            let message = format!("{name} in body should be at most {most} chars long");
            let error = FieldError::too_long(name, usize::try_from(most).unwrap_or(0));
            return outcome.add(Finding::at(message, error));
        }
        if let Some(least) = checks.length_min.filter(|least| count < *least) {
            let what = format!("should be at least {least} chars long");
            return outcome.add(invalid(place, View::Text(text), &what));
        }
    }
    let Some(pattern) = &checks.pattern else { return };
    let source = pattern.source();
    match pattern.is_match(text) {
        Ok(true) => {}
        Ok(false) => {
            outcome.add(invalid(place, View::Text(text), &format!("should match '{source}'")));
        }
        Err(error) => {
            let what = format!("should match '{source}, but pattern is invalid: {error}'");
            outcome.add(invalid(place, View::Text(text), &what));
        }
    }
}

fn invalid(place: &Place<'_>, value: View<'_>, what: &str) -> Finding {
    let name = place.name();
    let text = format!("{name} in body {what}");
    let error = FieldError::invalid(name, &value.to_value(), &text);
    Finding::at(text, error)
}

pub(super) fn check_format(format: &Format, text: &str, place: &Place<'_>, outcome: &mut Outcome) {
    if format.fits.is_some_and(|fits| !fits(text)) {
        outcome.add(wrong_type(place, &format.name, text));
    }
}

/// Up to here a float64 holds every integer.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// Whether upstream takes a number for an integer.
pub(super) fn is_whole(number: f64) -> bool {
    if !number.is_finite() || number.abs() > EXACT_MAX {
        return false;
    }
    let truncated = number.trunc();
    number == truncated
        || (number - truncated).abs() / (number.abs() + truncated.abs()).min(f64::MAX) < 1e-9
}

/// What a number may be.
pub(super) fn check_number(
    node: &Structural,
    value: View<'_>,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let range = Range::of(node);
    range.check(number_of(value), matches!(value, View::Int(_)), "Checked", place, outcome);
    let Some(checks) = node.checks.as_deref() else { return };
    if let Some(factor) = checks.multiple_of {
        let plain = range.check(factor, false, "MultipleOf", place, outcome);
        check_multiple(value, factor, plain, place, outcome);
    }
    if let Some(bound) = checks.minimum {
        let plain = range.check(bound.value, false, "Minimum boundary", place, outcome);
        check_bound(value, bound, (false, plain), place, outcome);
    }
    if let Some(bound) = checks.maximum {
        let plain = range.check(bound.value, false, "Maximum boundary", place, outcome);
        check_bound(value, bound, (true, plain), place, outcome);
    }
}

fn number_of(value: View<'_>) -> f64 {
    match value {
        View::Int(number) => number as f64,
        View::Float(number) => number,
        _ => 0.0,
    }
}

/// What a schema's type and format can hold.
struct Range<'f> {
    integer: bool,
    format: &'f str,
}

impl<'f> Range<'f> {
    fn of(node: &'f Structural) -> Self {
        let format = node.checks.as_ref().and_then(|checks| checks.format.as_ref());
        let format = match node.types {
            Types::INTEGER | Types::NUMBER => format.map_or("", |format| &format.name),
            _ => "",
        };
        Self { integer: node.types == Types::INTEGER, format }
    }

    /// Whether a number is of the type; it says so if not.
    fn check(
        &self,
        number: f64,
        exact: bool,
        what: &str,
        place: &Place<'_>,
        outcome: &mut Outcome,
    ) -> bool {
        let whole = exact || (number.fract() == 0.0 && number.abs() < 9.3e18);
        let fits = match self.format {
            "int32" => whole && (-2_147_483_648.0..=2_147_483_647.0).contains(&number),
            "float" => number.abs() <= f64::from(f32::MAX),
            _ => !self.integer || whole,
        };
        if !fits {
            let kind = if self.integer { "integer" } else { "number" };
            let format = match self.format {
                "" => "(default format)".to_owned(),
                format => format!("with format {format}"),
            };
            let name = place.name();
            outcome.add(Finding::of_whole(format!(
                "{what} value must be of type {kind} {format} in {name}"
            )));
        }
        fits
    }
}

fn check_multiple(
    value: View<'_>,
    factor: f64,
    plain: bool,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let (positive, multiple, shown) = match value {
        View::Int(number) if plain => {
            let factor = factor as i64;
            (factor > 0, factor > 0 && number % factor == 0, factor.to_string())
        }
        _ => {
            let number = number_of(value);
            let times = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
            (factor > 0.0, factor > 0.0 && is_whole(times), gotext::float(factor))
        }
    };
    if !positive {
        let name = place.name();
        let text = format!("factor MultipleOf declared for {name} must be positive: {shown}");
        let error = FieldError::invalid(name, &View::Float(factor).to_value(), &text);
        outcome.add(Finding::at(text, error));
    } else if !multiple {
        outcome.add(invalid(place, value, &format!("should be a multiple of {shown}")));
    }
}

/// `upper`: the bound is a maximum; `plain`: it is of the value's type.
fn check_bound(
    value: View<'_>,
    bound: Bound,
    (upper, plain): (bool, bool),
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let (order, shown) = match value {
        View::Int(number) if plain => {
            let bound = bound.value as i64;
            (number.partial_cmp(&bound), bound.to_string())
        }
        _ => (number_of(value).partial_cmp(&bound.value), gotext::float(bound.value)),
    };
    let within = order.is_some_and(|order| match (upper, bound.exclusive) {
        (true, false) => order.is_le(),
        (true, true) => order.is_lt(),
        (false, false) => order.is_ge(),
        (false, true) => order.is_gt(),
    });
    if !within {
        let words = match (upper, bound.exclusive) {
            (true, false) => "less than or equal to",
            (true, true) => "less than",
            (false, false) => "greater than or equal to",
            (false, true) => "greater than",
        };
        outcome.add(invalid(place, value, &format!("should be {words} {shown}")));
    }
}
