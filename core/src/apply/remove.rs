//! Removes what nobody applies any more, and keeps sets in step with the schema.

use super::element::Element;
use super::fieldset::{MEMBER, Node, Set};
use super::types::{Fields, Form, Items, Type};
use super::walk;
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// Takes the members of a set, and all below them, out of an object. An object or list inside that
/// loses everything becomes null.
pub(crate) fn remove(schema: &Schema, id: MessageId, object: &mut Object, set: &Set<'_>) {
    from_fields(schema, Fields::of_message(id), object, set);
}

fn remove_value(schema: &Schema, kind: Type<'_>, value: &mut Value, set: &Set<'_>) {
    match kind.form(Some(value)) {
        Form::Scalar(_) => {}
        Form::Object(fields) => from_object(schema, fields, value, set),
        Form::List(items) => from_list(schema, items, value, set),
    }
}

fn from_object(schema: &Schema, fields: Fields<'_>, value: &mut Value, set: &Set<'_>) {
    let Value::Object(object) = value else {
        *value = Value::Null;
        return;
    };
    if !fields.atomic {
        from_fields(schema, fields, object, set);
    }
    if fields.atomic || object.is_empty() {
        *value = Value::Null;
    }
}

fn from_fields(schema: &Schema, fields: Fields<'_>, object: &mut Object, set: &Set<'_>) {
    object.retain(|name, value| {
        let Some(node) = set.find(&Element::Field(name)) else { return true };
        if node.marks != 0 {
            return false;
        }
        if let Some(child) = fields.child(schema, name) {
            remove_value(schema, child.kind, value, &node.children);
        }
        true
    });
}

fn from_list(schema: &Schema, items: Items<'_>, value: &mut Value, set: &Set<'_>) {
    let Value::Array(list) = value else {
        *value = Value::Null;
        return;
    };
    let kind = items.item(schema);
    if !items.is_atomic() {
        list.retain_mut(|item| {
            let children = {
                let Ok(element) = walk::item_element(schema, items, item) else { return true };
                let Some(node) = set.find(&element) else { return true };
                if node.marks != 0 {
                    return false;
                }
                &node.children
            };
            remove_value(schema, kind, item, children);
            true
        });
    }
    if items.is_atomic() || list.is_empty() {
        *value = Value::Null;
    }
}

/// The set with every declared field on the way to its members: a struct that is owned in part
/// goes when the part goes, a map does not.
pub(crate) fn ensure_named<'a>(schema: &'a Schema, kind: Type<'a>, set: Set<'a>) -> Set<'a> {
    let mut set = set;
    let form = kind.form(None);
    set.retain(|node| {
        let child = match (&node.element, form) {
            (Element::Field(name), Form::Object(fields)) => fields.child(schema, name),
            (Element::Key(_), Form::List(items)) => {
                let children = std::mem::take(&mut node.children);
                node.children = ensure_named(schema, items.item(schema), children);
                None
            }
            _ => None,
        };
        if let Some(child) = child {
            if child.declared && !node.children.is_empty() {
                node.marks = MEMBER;
            }
            let children = std::mem::take(&mut node.children);
            node.children = ensure_named(schema, child.kind, children);
        }
    });
    set
}

/// The set after a change of the schema: what has become one value is owned as one.
pub(crate) fn reconcile<'a>(schema: &'a Schema, kind: Type<'a>, set: &mut Set<'a>) -> bool {
    let form = kind.form(None);
    let mut changed = false;
    if matches!(form, Form::Object(fields) if fields.is_deduced()) {
        return false;
    }
    set.retain(|node| {
        if let Some(kind) = child_of(schema, form, node) {
            changed |= reconcile_node(schema, kind, node);
        }
    });
    changed
}

fn child_of<'a>(schema: &'a Schema, form: Form<'a>, node: &Node<'a>) -> Option<Type<'a>> {
    match (form, &node.element) {
        (Form::Object(fields), Element::Field(name)) => {
            fields.child(schema, name).map(|child| child.kind)
        }
        (Form::List(items), _) => Some(items.item(schema)),
        _ => None,
    }
}

fn reconcile_node<'a>(schema: &'a Schema, kind: Type<'a>, node: &mut Node<'a>) -> bool {
    if node.children.is_empty() {
        return false;
    }
    let atomic = match kind.form(None) {
        Form::Object(fields) => fields.atomic,
        Form::List(items) => items.is_atomic(),
        Form::Scalar(_) => false,
    };
    if atomic {
        (node.marks, node.children) = (MEMBER, Set::new());
        return true;
    }
    reconcile(schema, kind, &mut node.children)
}
