//! Validation of custom objects against their schema, with upstream's reasons, texts and paths, and
//! upstream's leniency towards what an update leaves as it was.
//!
//! [`on_create`] and [`on_update`] say all that is wrong with an object but its own metadata.

mod junctors;
mod old;
mod outcome;
mod scalars;
mod values;
mod view;

use super::structural::Structural;
use super::{embedded, lists};
use crate::field_error::{FieldError, Reason};
use crate::value::{Object, Value};
use old::Place;
use outcome::Outcome;
use view::View;

/// What is wrong with an object, in the two parts between which upstream looks at `scale`.
#[derive(Debug, Default)]
pub struct Found {
    pub by_schema: Vec<FieldError>,
    /// Embedded objects and duplicates.
    pub later: Vec<FieldError>,
}

/// What is wrong with a new object.
pub fn on_create(structural: &Structural, object: &Object) -> Found {
    let by_schema = against(structural, View::Fields(object), None, None);
    let mut later = Vec::new();
    embedded::validate(structural, object, &mut later);
    lists::validate(structural, object, &mut later);
    Found { by_schema, later }
}

/// What is wrong with an object that replaces another.
pub fn on_update(structural: &Structural, new: &Object, old: &Object) -> Found {
    let before = Some(View::Fields(old));
    let by_schema = against(structural, View::Fields(new), before, None);
    let mut later = Vec::new();
    embedded::validate(structural, new, &mut later);
    later.extend(new_duplicates(structural, new, old));
    Found { by_schema, later }
}

/// What is wrong with an object of which the status was replaced: only the status is looked at.
pub fn on_status_update(structural: &Structural, new: &Object, old: &Object) -> Found {
    let by_schema = match (structural.property("status"), new.get("status")) {
        (Some(schema), Some(status)) => {
            let before = old.get("status").map_or(View::Null, View::from);
            against(schema, status.into(), Some(before), Some("status"))
        }
        _ => Vec::new(),
    };
    Found { by_schema, later: new_duplicates(structural, new, old) }
}

/// What is wrong with a default, which stands for a value of its schema.
pub fn of_default(structural: &Structural, default: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Value::Object(object) = default {
        embedded::validate(structural, object, &mut errors);
    }
    if errors.is_empty() {
        errors = against(structural, View::from(default), None, None);
    }
    errors
}

/// Duplicates in lists are tolerated where the old object had some.
fn new_duplicates(structural: &Structural, new: &Object, old: &Object) -> Vec<FieldError> {
    let (mut errors, mut before) = (Vec::new(), Vec::new());
    lists::validate(structural, new, &mut errors);
    if !errors.is_empty() {
        lists::validate(structural, old, &mut before);
        if !before.is_empty() {
            errors.clear();
        }
    }
    errors
}

/// A value against its schema; `under` is the field in which it stands.
fn against(
    structural: &Structural,
    value: View<'_>,
    old: Option<View<'_>>,
    under: Option<&str>,
) -> Vec<FieldError> {
    let mut outcome = Outcome::default();
    let place = Place::root(structural, value, old);
    values::check(structural, value, &place, &mut outcome);
    outcome.into_errors(under)
}

/// Whether the rules of a schema (`x-kubernetes-validations`) cannot be asked because of what else
/// is wrong; the error that says so.
pub fn blocks_rules(errors: &[FieldError]) -> Option<FieldError> {
    let blocking = |error: &FieldError| {
        matches!(
            error.reason,
            Reason::NotSupported
                | Reason::Required
                | Reason::TooLong
                | Reason::TooMany
                | Reason::TypeInvalid
        )
    };
    errors.iter().any(blocking).then(|| {
        let detail = "some validation rules were not checked because the object was invalid; \
                      correct the existing errors to complete validation";
        FieldError::invalid("<nil>", &Value::Null, detail)
    })
}
