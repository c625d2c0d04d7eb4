//! What every walker of server-side apply needs: pairing the fields of two objects, telling the
//! items of a list apart, and saying where something is wrong.

use super::element::{Atom, Element};
use super::gotext;
use super::types::{Items, Scalar, Type};
use crate::schema::Schema;
use crate::value::{Lookup, Object, Value};
use std::borrow::Cow;
use std::fmt;

/// Everything wrong with an object, each with the path to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TypeErrors {
    errors: Vec<(String, String)>,
}

/// How many errors are kept: an object of many wrong fields says nothing new.
const ERRORS_MAX: usize = 100;

impl TypeErrors {
    pub(crate) fn one(message: impl Into<String>) -> Self {
        Self { errors: vec![(String::new(), message.into())] }
    }

    pub(crate) fn push(&mut self, other: Self) {
        let room = ERRORS_MAX.saturating_sub(self.errors.len());
        self.errors.extend(other.errors.into_iter().take(room));
    }

    /// Puts a step in front of every path, on the way out.
    pub(crate) fn within(mut self, step: &Element<'_>) -> Self {
        let step = step.to_string();
        for (path, _) in &mut self.errors {
            path.insert_str(0, &step);
        }
        self
    }

    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.errors.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for TypeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = self.errors.len() != 1;
        if many {
            f.write_str("errors:")?;
        }
        for (path, message) in &self.errors {
            if many {
                f.write_str("\n  ")?;
            }
            let joint = if path.is_empty() { "" } else { ": " };
            write!(f, "{path}{joint}{message}")?;
        }
        Ok(())
    }
}

/// Calls `visit` for every name of either object: those of the first in its order, then the rest.
pub(crate) fn zip<'a, E>(
    lhs: Option<&'a Object>,
    rhs: Option<&'a Object>,
    mut visit: impl FnMut(&'a str, Option<&'a Value>, Option<&'a Value>) -> Result<(), E>,
) -> Result<(), E> {
    static EMPTY: Object = Object::EMPTY;
    let (lhs, rhs) = (lhs.unwrap_or(&EMPTY), rhs.unwrap_or(&EMPTY));
    let mut in_rhs = Lookup::new(rhs);
    let mut shared = 0;
    for (name, value) in lhs.iter() {
        let other = in_rhs.get(name);
        shared += usize::from(other.is_some());
        visit(name, Some(value), other)?;
    }
    if shared < rhs.len() {
        let mut in_lhs = Lookup::new(lhs);
        for (name, value) in rhs.iter() {
            if in_lhs.get(name).is_none() {
                visit(name, None, Some(value))?;
            }
        }
    }
    Ok(())
}

/// The element that stands for an item of a list that is a map or a set.
pub(crate) fn item_element<'a>(
    schema: &'a Schema,
    items: Items<'a>,
    item: &'a Value,
) -> Result<Element<'a>, String> {
    if items.keys().is_empty() { set_element(item) } else { key_element(schema, items, item) }
}

fn key_element<'a>(
    schema: &'a Schema,
    items: Items<'a>,
    item: &'a Value,
) -> Result<Element<'a>, String> {
    let object = match item {
        Value::Object(object) => object,
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut fields = Vec::with_capacity(items.keys().len());
    for key in items.keys() {
        let name = Cow::Borrowed(key.as_str());
        if let Some(value) = object.get(key) {
            fields.push((name, Atom::from(value)));
        } else if let Some(default) = items.key_default(schema, key) {
            fields.push((name, Atom::from(default)));
        }
    }
    if fields.is_empty() {
        let keys: Vec<_> = items.keys().iter().map(|key| format!("\"{key}\"")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and \
             doesn't have default values for any key fields)",
            keys.join(" ")
        ));
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Element::Key(fields))
}

fn set_element(item: &Value) -> Result<Element<'_>, String> {
    let why = match item {
        Value::Object(_) => "associative list without keys has an element that's a map type",
        Value::Array(_) => "not supported: associative list with lists as elements",
        Value::Null => "associative list without keys has an element that's an explicit null",
        _ => return Ok(Element::Value(Atom::from(item))),
    };
    Err(why.to_owned())
}

/// The items of a list by their elements.
pub(crate) struct Keyed<'a> {
    pub(crate) items: &'a [Value],
    /// One for each item.
    pub(crate) elements: Vec<Element<'a>>,
    /// Positions, sorted by element and then by position.
    order: Vec<usize>,
}

impl<'a> Keyed<'a> {
    pub(crate) fn new(
        schema: &'a Schema,
        form: Items<'a>,
        items: &'a [Value],
    ) -> Result<Self, TypeErrors> {
        let mut elements = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let element = item_element(schema, form, item)
                .map_err(|why| TypeErrors::one(format!("element {at}: {why}")))?;
            elements.push(element);
        }
        let mut order: Vec<usize> = (0..elements.len()).collect();
        order.sort_by(|a, b| elements[*a].cmp(&elements[*b]));
        Ok(Self { items, elements, order })
    }

    /// The positions of an element's items: more than one where the list has duplicates.
    pub(crate) fn positions(&self, element: &Element<'_>) -> &[usize] {
        let start = self.order.partition_point(|at| self.elements[*at] < *element);
        let rest = &self.order[start..];
        let count = rest.iter().take_while(|at| self.elements[**at] == *element).count();
        &rest[..count]
    }

    pub(crate) fn has(&self, element: &Element<'_>) -> bool {
        self.order.binary_search_by(|at| self.elements[*at].cmp(element)).is_ok()
    }

    /// Runs of positions of equal elements, in the order of the elements.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[usize]> {
        self.order.chunk_by(|a, b| self.elements[*a] == self.elements[*b])
    }
}

/// What is wrong with a scalar.
pub(crate) fn check_scalar(
    scalar: Scalar,
    value: Option<&Value>,
    side: &str,
) -> Result<(), TypeErrors> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(()) };
    let fits = match scalar {
        Scalar::Number => matches!(value, Value::Int(_) | Value::Float(_)),
        Scalar::String => matches!(value, Value::String(_)),
        Scalar::Bool => matches!(value, Value::Bool(_)),
        Scalar::Any => !matches!(value, Value::Array(_) | Value::Object(_)),
    };
    if fits {
        return Ok(());
    }
    Err(TypeErrors::one(match scalar {
        Scalar::Number => {
            format!("{side}expected numeric (int or float), got {}", gotext::type_name(value))
        }
        Scalar::String => format!(
            "{side}expected string, got &value.valueUnstructured{{Value:{}}}",
            gotext::syntax(value)
        ),
        Scalar::Bool => format!("{side}expected boolean, got &{{{}}}", gotext::plain(value)),
        Scalar::Any => format!("{side}expected any scalar, got &{{{}}}", gotext::plain(value)),
    }))
}

/// Whether two values are the same to server-side apply: 1 is 1.0, and the order of fields does
/// not count.
pub(crate) fn same(lhs: &Value, rhs: &Value) -> bool {
    match (lhs, rhs) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut other = Lookup::new(b);
            a.len() == b.len()
                && a.iter().all(|(name, a)| other.get(name).is_some_and(|b| same(a, b)))
        }
        _ => lhs == rhs,
    }
}

/// The object in a value, where there is one; null is an object without fields.
pub(crate) fn object(value: Option<&Value>) -> Option<&Object> {
    value.and_then(Value::as_object)
}

pub(crate) fn array(value: Option<&Value>) -> Option<&[Value]> {
    value.and_then(Value::as_array)
}

/// Whether the two sides are of types that must be walked one after the other.
pub(crate) fn differ(kind: Type<'_>, lhs: Option<&Value>, rhs: Option<&Value>) -> bool {
    matches!((lhs, rhs), (Some(lhs), Some(rhs)) if kind.differ(lhs, rhs))
}
