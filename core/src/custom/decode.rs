//! From JSON to a custom object in normal form: everything is read first, then what the schema does
//! not know is taken out.
//!
//! Types are not looked at here but for the metadata; validation speaks of them.

use super::path::Path;
use super::{Structural, prune};
use crate::codec::json::{JsonError, STRICT_ERRORS_MAX};
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// What was read of a custom object, before its schema is asked.
pub(crate) struct Raw {
    pub object: Object,
    /// `duplicate field "spec.a"`.
    pub duplicates: Vec<String>,
    /// `unknown field "metadata.a"`.
    pub unknown: Vec<String>,
}

/// Prunes, and tells what is unknown, in upstream's order.
pub(crate) fn complete(
    schema: &Schema,
    id: MessageId,
    structural: &Structural,
    mut raw: Raw,
) -> Result<(Object, Vec<String>), JsonError> {
    for name in ["apiVersion", "kind"] {
        if raw.object.get(name).is_some_and(|value| value.as_str().is_none()) {
            let message = format!("{name}: expected a string");
            return Err(JsonError { message });
        }
    }
    let mut unknown = Vec::new();
    prune::root(structural, &mut raw.object, &mut unknown);
    unknown.sort_unstable();
    let metadata = prune::metadata_message(schema, id);
    let mut embedded = Vec::new();
    if let Some(metadata) = metadata.filter(|_| structural.below.embedded) {
        let coercer = prune::Coercer { schema, metadata, drops: false };
        coercer.children(structural, &mut raw.object, &Path::ROOT, &mut embedded)?;
        embedded.sort_unstable();
    }
    let mut strict = raw.duplicates;
    strict.extend(raw.unknown);
    let named = unknown.into_iter().chain(embedded);
    strict.extend(named.map(|path| format!("unknown field \"{path}\"")));
    strict.truncate(STRICT_ERRORS_MAX);
    super::arrange_root(&mut raw.object);
    Ok((raw.object, strict))
}

/// Brings a tree into the form in which custom objects hold values: fields by name, numbers without
/// a fraction as integers, which is what upstream reads back of what it stores.
pub fn settle(value: &mut Value) {
    match value {
        Value::Float(number) => {
            if let Some(whole) = whole(*number) {
                *value = Value::Int(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(object) => {
            object.sort();
            object.iter_mut().for_each(|(_, value)| settle(value));
        }
        _ => {}
    }
}

/// The integer that a number is.
pub(crate) fn whole(number: f64) -> Option<i64> {
    // 2^63 is exact; what is below it fits.
    let fits = number.fract() == 0.0
        && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number);
    fits.then_some(number as i64)
}
