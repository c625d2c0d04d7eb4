//! `anyOf`, `oneOf`, `allOf` and `not`.

use super::super::checks::Checks;
use super::super::structural::Structural;
use super::old::Place;
use super::outcome::{Finding, Outcome};
use super::values::check_alone;
use super::view::View;
use crate::field_error::quoted;

pub(super) fn check(checks: &Checks, value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    if !checks.any_of.is_empty() {
        any_of(&checks.any_of, value, place, outcome);
    }
    if !checks.one_of.is_empty() {
        one_of(&checks.one_of, value, place, outcome);
    }
    if !checks.all_of.is_empty() {
        all_of(&checks.all_of, value, place, outcome);
    }
    if let Some(schema) = checks.not.as_deref()
        && alone(schema, value, place).is_valid()
    {
        let text = "must not validate the schema (not)";
        outcome.add(whole(place, text));
    }
}

fn alone(schema: &Structural, value: View<'_>, place: &Place<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    check_alone(schema, value, place, &mut outcome);
    outcome
}

fn whole(place: &Place<'_>, text: &str) -> Finding {
    Finding::of_whole(format!("{} {text}", quoted(&place.name())))
}

fn any_of(schemas: &[Structural], value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    let mut best: Option<Outcome> = None;
    for schema in schemas {
        let found = alone(schema, value, place);
        if found.is_valid() {
            outcome.take(found);
            return;
        }
        if best.as_ref().is_none_or(|best| found.matches > best.matches) {
            best = Some(found);
        }
    }
    outcome.add(whole(place, "must validate at least one schema (anyOf)"));
    if let Some(best) = best {
        outcome.take(best);
    }
}

fn one_of(schemas: &[Structural], value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    let (mut best, mut first, mut valid): (Option<Outcome>, Option<Outcome>, usize) =
        (None, None, 0);
    for schema in schemas {
        let found = alone(schema, value, place);
        if found.is_valid() {
            valid += 1;
            best = None;
            first.get_or_insert(found);
        } else if valid == 0 && best.as_ref().is_none_or(|best| found.matches > best.matches) {
            best = Some(found);
        }
    }
    let why = match valid {
        0 => "Found none valid".to_owned(),
        1 => {
            if let Some(first) = first {
                outcome.take(first);
            }
            return;
        }
        many => format!("Found {many} valid alternatives"),
    };
    outcome.add(whole(place, &format!("must validate one and only one schema (oneOf). {why}")));
    if let Some(best) = best {
        outcome.take(best);
    }
}

fn all_of(schemas: &[Structural], value: View<'_>, place: &Place<'_>, outcome: &mut Outcome) {
    let mut valid = 0;
    for schema in schemas {
        let found = alone(schema, value, place);
        valid += usize::from(found.is_valid());
        outcome.take(found);
    }
    if valid < schemas.len() {
        let why = if valid == 0 { ". None validated" } else { "" };
        outcome.add(whole(place, &format!("must validate all the schemas (allOf){why}")));
    }
}
