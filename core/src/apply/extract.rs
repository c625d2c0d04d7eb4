//! The set of fields that an object holds, and the check that it fits its type.

use super::element::Element;
use super::fieldset::{MEMBER, Marks, Node, Set};
use super::types::{Fields, Form, Items, Type};
use super::walk::{self, Keyed, TypeErrors};
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// Every leaf and every item of an object.
pub(crate) fn extract<'a>(
    schema: &'a Schema,
    id: MessageId,
    object: &'a Object,
) -> Result<Set<'a>, TypeErrors> {
    of_object(schema, Fields::of_message(id), object)
}

/// Whether the value is a leaf, and what lies below it.
fn level<'a>(
    schema: &'a Schema,
    kind: Type<'a>,
    value: &'a Value,
) -> Result<(Marks, Set<'a>), TypeErrors> {
    match (kind.form(Some(value)), value) {
        (Form::Scalar(_), _) => Ok((MEMBER, Set::new())),
        (Form::Object(fields), _) if fields.atomic => Ok((MEMBER, Set::new())),
        (Form::List(items), _) if items.is_atomic() => Ok((MEMBER, Set::new())),
        (Form::Object(fields), Value::Object(object)) => {
            Ok((0, of_object(schema, fields, object)?))
        }
        (Form::List(items), Value::Array(list)) => Ok((0, of_list(schema, items, list)?)),
        _ => Ok((0, Set::new())),
    }
}

fn of_object<'a>(
    schema: &'a Schema,
    fields: Fields<'a>,
    object: &'a Object,
) -> Result<Set<'a>, TypeErrors> {
    let mut nodes = Vec::with_capacity(object.len());
    let mut near = 0;
    for (name, value) in object.iter() {
        let element = Element::Field(name);
        let Some(child) = fields.child_near(schema, name, &mut near) else {
            return Err(undeclared().within(&element));
        };
        let (mut marks, children) =
            level(schema, child.kind, value).map_err(|errors| errors.within(&element))?;
        let empty = value.is_null() || value.as_object().is_some_and(Object::is_empty);
        if empty || !child.declared {
            marks = MEMBER;
        }
        nodes.push(Node { element, marks, children });
    }
    Ok(Set::from_nodes(nodes))
}

fn of_list<'a>(
    schema: &'a Schema,
    items: Items<'a>,
    list: &'a [Value],
) -> Result<Set<'a>, TypeErrors> {
    let keyed = Keyed::new(schema, items, list)?;
    let kind = items.item(schema);
    let mut nodes = Vec::with_capacity(list.len());
    for group in keyed.groups() {
        let element = keyed.elements[group[0]].clone();
        // Items of the same key are owned together.
        let children = match group {
            [only] => {
                level(schema, kind, &list[*only]).map_err(|errors| errors.within(&element))?.1
            }
            _ => Set::new(),
        };
        nodes.push(Node { element, marks: MEMBER, children });
    }
    Ok(Set::from_nodes(nodes))
}

fn undeclared() -> TypeErrors {
    TypeErrors::one("field not declared in schema")
}

/// What is wrong with an object of the user's.
pub(crate) fn validate(schema: &Schema, id: MessageId, object: &Object) -> Result<(), TypeErrors> {
    validate_fields(schema, Fields::of_message(id), object)
}

fn validate_value(schema: &Schema, kind: Type<'_>, value: &Value) -> Result<(), TypeErrors> {
    match kind.form(Some(value)) {
        Form::Scalar(scalar) => walk::check_scalar(scalar, Some(value), ""),
        Form::Object(fields) => validate_object(schema, fields, value),
        Form::List(items) => validate_list(schema, items, value),
    }
}

fn expected(what: &str, value: &Value) -> TypeErrors {
    TypeErrors::one(format!("expected {what}, got &{{{}}}", super::gotext::plain(value)))
}

fn validate_object(schema: &Schema, fields: Fields<'_>, value: &Value) -> Result<(), TypeErrors> {
    match value {
        Value::Null => Ok(()),
        Value::Object(object) => validate_fields(schema, fields, object),
        other => Err(expected("map", other)),
    }
}

fn validate_fields(schema: &Schema, fields: Fields<'_>, object: &Object) -> Result<(), TypeErrors> {
    let mut errors = TypeErrors::default();
    for (name, value) in object.iter() {
        let element = Element::Field(name);
        let Some(child) = fields.child(schema, name) else {
            errors.push(undeclared().within(&element));
            break;
        };
        if let Err(found) = validate_value(schema, child.kind, value) {
            errors.push(found.within(&element));
        }
    }
    errors.into_result()
}

fn validate_list(schema: &Schema, items: Items<'_>, value: &Value) -> Result<(), TypeErrors> {
    let list = match value {
        Value::Null => return Ok(()),
        Value::Array(list) => list,
        other => return Err(expected("list", other)),
    };
    let mut errors = TypeErrors::default();
    let kind = items.item(schema);
    let mut seen = Vec::new();
    for (at, item) in list.iter().enumerate() {
        let element = if items.is_atomic() {
            Element::Index(at as i64)
        } else {
            match walk::item_element(schema, items, item) {
                Ok(element) => element,
                Err(why) => {
                    errors.push(TypeErrors::one(format!("element {at}: {why}")));
                    break;
                }
            }
        };
        if let Err(found) = validate_value(schema, kind, item) {
            errors.push(found.within(&element));
        }
        if !items.is_atomic() {
            seen.push(element);
        }
    }
    seen.sort_unstable();
    for pair in seen.windows(2).filter(|pair| pair[0] == pair[1]) {
        errors.push(TypeErrors::one(format!("duplicate entries for key {}", pair[0])));
    }
    errors.into_result()
}
