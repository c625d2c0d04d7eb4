//! Lists that are sets or maps hold nothing twice (`x-kubernetes-list-type`).

use super::path::Path;
use super::structural::Structural;
use crate::field_error::FieldError;
use crate::schema::ListType;
use crate::value::{Object, Value};
use std::collections::HashMap;

pub(super) fn validate(structural: &Structural, object: &Object, errors: &mut Vec<FieldError>) {
    of_object(structural, object, &Path::ROOT, errors);
}

fn of_object(
    structural: &Structural,
    object: &Object,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if !structural.below.lists {
        return;
    }
    for (name, value) in object.iter() {
        if let Some(property) = structural.property(name) {
            of_value(property, value, &path.field(name), errors);
        } else if let Some(schema) = structural.additional_schema() {
            of_value(schema, value, &path.entry(name), errors);
        }
    }
}

fn of_value(structural: &Structural, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if !structural.below.lists {
        return;
    }
    match value {
        Value::Object(object) => of_object(structural, object, path, errors),
        Value::Array(list) => {
            match &structural.list {
                ListType::Atomic => {}
                ListType::Set => duplicates(list.iter(), path, errors),
                ListType::Map(keys) => of_map(keys, list, path, errors),
            }
            if let Some(items) = structural.items.as_deref() {
                for (at, item) in list.iter().enumerate() {
                    of_value(items, item, &path.index(at), errors);
                }
            }
        }
        _ => {}
    }
}

fn of_map(keys: &[String], list: &[Value], path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let wrong = list.iter().position(|item| !matches!(item, Value::Object(_) | Value::Null));
    if let Some(at) = wrong {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(path.index(at).keyed(), &list[at], detail));
        return;
    }
    let keyed: Vec<Value> = list
        .iter()
        .map(|item| {
            let fields = keys.iter().filter_map(|key| Some((key, item.get(key)?)));
            let mut object: Object =
                fields.map(|(key, value)| (key.as_str().into(), value.clone())).collect();
            object.sort();
            Value::Object(object)
        })
        .collect();
    duplicates(keyed.iter(), path, errors);
}

/// Says of every value that comes again where it does so first.
fn duplicates<'v>(
    values: impl ExactSizeIterator<Item = &'v Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if values.len() < 2 {
        return;
    }
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::with_capacity(values.len());
    for (at, value) in values.enumerate() {
        let text = serde_json::to_vec(value).expect("a tree serializes");
        let times = seen.entry(text).or_default();
        *times += 1;
        if *times == 2 {
            errors.push(FieldError::duplicate(path.index(at).keyed(), value));
        }
    }
}
