//! [`Checks`]: what a schema demands of a value beyond its type.

use super::format::{self, Format};
use super::structural::{LoadError, Structural, Types, flag, text};
use crate::pattern::Pattern;
use crate::value::{Object, Value};

/// Bounds, lengths, alternatives. Absent ones demand nothing.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// As stated, where it is one that is checked.
    pub format: Option<Format>,
    pub maximum: Option<Bound>,
    pub minimum: Option<Bound>,
    pub multiple_of: Option<f64>,
    pub length_max: Option<i64>,
    pub length_min: Option<i64>,
    pub pattern: Option<Pattern>,
    pub items_max: Option<i64>,
    pub items_min: Option<i64>,
    pub unique_items: bool,
    pub properties_max: Option<i64>,
    pub properties_min: Option<i64>,
    pub required: Box<[Box<str>]>,
    pub values: Box<[Value]>,
    pub all_of: Box<[Structural]>,
    pub any_of: Box<[Structural]>,
    pub one_of: Box<[Structural]>,
    pub not: Option<Box<Structural>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub value: f64,
    pub exclusive: bool,
}

impl Checks {
    /// `None` where nothing is demanded.
    pub fn read(
        schema: &Object,
        types: Types,
        int_or_string: bool,
    ) -> Result<Option<Self>, LoadError> {
        let bound = |name: &str, exclusive: &str| {
            let value = number(schema, name)?;
            Some(Bound { value, exclusive: flag(schema, exclusive) })
        };
        let alternatives = |name: &str| -> Result<Box<[Structural]>, LoadError> {
            let schemas = schema.get(name).and_then(Value::as_array).unwrap_or_default();
            schemas.iter().map(Structural::read).collect()
        };
        let not = match schema.get("not") {
            None | Some(Value::Null) => None,
            Some(schema) => Some(Box::new(Structural::read(schema)?)),
        };
        let stated = if int_or_string { Types::INTEGER_OR_STRING } else { types };
        let checks = Self {
            format: format::find(text(schema, "format"), stated),
            maximum: bound("maximum", "exclusiveMaximum"),
            minimum: bound("minimum", "exclusiveMinimum"),
            multiple_of: number(schema, "multipleOf"),
            length_max: integer(schema, "maxLength"),
            length_min: integer(schema, "minLength"),
            pattern: Some(text(schema, "pattern")).filter(|p| !p.is_empty()).map(Pattern::lazy),
            items_max: integer(schema, "maxItems"),
            items_min: integer(schema, "minItems"),
            unique_items: flag(schema, "uniqueItems"),
            properties_max: integer(schema, "maxProperties"),
            properties_min: integer(schema, "minProperties"),
            required: names(schema, "required"),
            values: values(schema),
            all_of: alternatives("allOf")?,
            any_of: alternatives("anyOf")?,
            one_of: alternatives("oneOf")?,
            not,
        };
        Ok((!checks.is_empty()).then_some(checks))
    }

    fn is_empty(&self) -> bool {
        let junctors = [&self.all_of, &self.any_of, &self.one_of];
        self.format.is_none()
            && !self.has_numbers()
            && !self.has_strings()
            && !self.has_items()
            && self.properties_max.is_none()
            && self.properties_min.is_none()
            && self.required.is_empty()
            && self.values.is_empty()
            && junctors.into_iter().all(|alternatives| alternatives.is_empty())
            && self.not.is_none()
    }

    fn has_numbers(&self) -> bool {
        self.maximum.is_some() || self.minimum.is_some() || self.multiple_of.is_some()
    }

    fn has_strings(&self) -> bool {
        self.length_max.is_some() || self.length_min.is_some() || self.pattern.is_some()
    }

    fn has_items(&self) -> bool {
        self.items_max.is_some() || self.items_min.is_some() || self.unique_items
    }
}

fn number(schema: &Object, name: &str) -> Option<f64> {
    match schema.get(name)? {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn integer(schema: &Object, name: &str) -> Option<i64> {
    schema.get(name).and_then(Value::as_i64)
}

fn names(schema: &Object, name: &str) -> Box<[Box<str>]> {
    let names = schema.get(name).and_then(Value::as_array).unwrap_or_default();
    names.iter().filter_map(Value::as_str).map(Box::from).collect()
}

fn values(schema: &Object) -> Box<[Value]> {
    let mut values: Box<[Value]> =
        schema.get("enum").and_then(Value::as_array).unwrap_or_default().into();
    for value in &mut values {
        super::settle(value);
    }
    values
}
