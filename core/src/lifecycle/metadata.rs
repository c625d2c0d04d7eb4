//! Access to an object's metadata.

use crate::codec::normal;
use crate::edit;
use crate::schema::{BUILT_IN, MessageId};
use crate::status::Status;
use crate::value::{Object, Value};
use std::sync::LazyLock;

static OBJECT_META: LazyLock<MessageId> = LazyLock::new(|| {
    let name = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    BUILT_IN.find(name).expect("the table holds the metadata of objects")
});

/// The metadata of an object; empty where it has none.
pub fn metadata(object: &Object) -> &Object {
    static EMPTY: Object = Object::EMPTY;
    edit::object(object, &["metadata"]).unwrap_or(&EMPTY)
}

pub fn name(object: &Object) -> &str {
    edit::text(metadata(object), &["name"])
}

pub fn namespace(object: &Object) -> &str {
    edit::text(metadata(object), &["namespace"])
}

pub fn uid(object: &Object) -> &str {
    edit::text(metadata(object), &["uid"])
}

pub(super) fn finalizers(object: &Object) -> &[Value] {
    edit::items(metadata(object), &["finalizers"])
}

/// The version that an object carries; zero where it has none. What is no number fails as
/// upstream: without a reason.
pub fn resource_version(object: &Object) -> Result<u64, Status> {
    let text = edit::text(metadata(object), &["resourceVersion"]);
    if text.is_empty() {
        return Ok(0);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().map_err(|_| {
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        let text = crate::field_error::quoted(text);
        Status::unclassified(format!("strconv.ParseUint: parsing {text}: {why}"))
    })
}

/// The metadata to be changed field by field: [`complete`] brings it back into normal form.
pub(super) fn open(object: &mut Object) -> &mut Object {
    if edit::object(object, &["metadata"]).is_none() {
        set_field(object, "metadata", Value::Object(Object::new()));
    }
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    metadata.expect("metadata was just made where it was missing")
}

/// Metadata comes right behind kind and version.
fn set_field(object: &mut Object, name: &str, value: Value) {
    let given = std::mem::take(object);
    let is_head = |name: &str| matches!(name, "kind" | "apiVersion");
    let (head, tail): (Vec<_>, Vec<_>) = given.into_iter().partition(|(key, _)| is_head(key));
    head.into_iter().for_each(|(key, value)| object.push(key, value));
    object.push(name, value);
    let tail = tail.into_iter().filter(|(key, _)| **key != *name);
    tail.for_each(|(key, value)| object.push(key, value));
}

pub(super) fn complete(metadata: &mut Object) {
    normal::complete(&BUILT_IN, *OBJECT_META, metadata);
}

/// Sets a field, or takes it away; normal form is left to [`complete`].
pub(super) fn settle(metadata: &mut Object, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(metadata.insert(name, value)),
        None => drop(metadata.remove(name)),
    }
}

/// Sets one field of the metadata, or takes it away.
pub fn set_metadata(object: &mut Object, name: &str, value: Option<Value>) {
    let metadata = open(object);
    settle(metadata, name, value);
    complete(metadata);
}

/// Sets several fields at once.
pub(crate) fn set_all_metadata(object: &mut Object, fields: Vec<(&str, Option<Value>)>) {
    let metadata = open(object);
    for (name, value) in fields {
        settle(metadata, name, value);
    }
    complete(metadata);
}

/// Puts an object into the namespace of its request; `None` is a request outside all namespaces.
pub fn object_namespace_matches(object: &mut Object, wanted: Option<&str>) -> Result<(), Status> {
    let given = namespace(object);
    let wanted = wanted.unwrap_or_default();
    if given == wanted {
        return Ok(());
    }
    if !given.is_empty() && !wanted.is_empty() {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    set_metadata(object, "namespace", (!wanted.is_empty()).then(|| wanted.into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Object {
        match serde_json::from_str(text).expect("valid JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    #[test]
    fn the_namespace_comes_from_the_request() {
        let mut object = parse(r#"{"metadata":{"name":"a","uid":"u"}}"#);
        object_namespace_matches(&mut object, Some("n")).expect("none was given");
        let names: Vec<&str> = metadata(&object).iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["name", "namespace", "uid"]);
        let status = object_namespace_matches(&mut object, Some("m")).expect_err("another");
        assert_eq!(status.code, 400);
        object_namespace_matches(&mut object, None).expect("cleared");
        assert_eq!(namespace(&object), "");
    }

    #[test]
    fn versions_are_numbers() {
        let version = |text: &str| {
            let mut object = Object::new();
            set_metadata(&mut object, "resourceVersion", Some(text.into()));
            resource_version(&object).map_err(|status| status.message)
        };
        assert_eq!(version(""), Ok(0));
        assert_eq!(version("7"), Ok(7));
        let message = r#"strconv.ParseUint: parsing "abc": invalid syntax"#;
        assert_eq!(version("abc"), Err(message.to_owned()));
    }
}
