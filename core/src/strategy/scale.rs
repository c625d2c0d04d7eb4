//! `scale`: the number of replicas of a resource, read and written apart.
//!
//! A write goes: [`show`] the stored object as a Scale (with the managed fields of
//! [`crate::apply::scale`]), let the client change that, [`check`] it, [`write()`] it into the
//! stored object, and update the object itself.

use crate::codec::normal;
use crate::edit::{self, Edit};
use crate::field_error::FieldError;
use crate::lifecycle::{metadata, name, set_metadata};
use crate::schema::{BUILT_IN, MessageId};
use crate::status::{GroupName, Status};
use crate::table;
use crate::target::Target;
use crate::value::{Object, Value};
use std::sync::LazyLock;

static SCALE: LazyLock<MessageId> = LazyLock::new(|| {
    BUILT_IN.find("k8s.io.api.autoscaling.v1.Scale").expect("the table holds Scale")
});

/// Where a custom resource keeps what a Scale shows, as its definition says (`.spec.replicas`).
#[derive(Debug, Clone, Copy)]
pub struct Paths<'p> {
    pub spec_replicas: &'p str,
    pub status_replicas: &'p str,
    /// A text.
    pub selector: Option<&'p str>,
}

/// The path that built-in resources have.
pub const REPLICAS: &[&str] = &["spec", "replicas"];

/// The steps of a simple JSON path.
pub fn steps(path: &str) -> Vec<&str> {
    path.strip_prefix('.').unwrap_or(path).split('.').collect()
}

/// A stored object as a Scale; `paths` for custom resources, which may have no replicas yet:
/// the flag tells.
pub fn show(object: &Object, paths: Option<&Paths<'_>>) -> Result<(Object, bool), Status> {
    let Some(paths) = paths else {
        let count = |path: &[&str]| edit::int(object, path).unwrap_or_default();
        let selector = selector_of(object);
        let spec = count(REPLICAS);
        return Ok((made(object, spec, count(&["status", "replicas"]), &selector), true));
    };
    let spec = count_at(object, paths.spec_replicas)?;
    let status = count_at(object, paths.status_replicas)?.unwrap_or_default();
    let selector = match paths.selector {
        Some(path) => text_at(object, path)?,
        None => "",
    };
    Ok((made(object, spec.unwrap_or_default(), status, selector), spec.is_some()))
}

/// The failure of a read where a custom resource has no replicas.
pub fn no_replicas(paths: &Paths<'_>) -> Status {
    let path = crate::field_error::quoted(paths.spec_replicas);
    Status::internal(format!("the spec replicas field {path} does not exist"))
}

/// The selector in its text form: a map for ReplicationControllers, a label selector for others.
fn selector_of(object: &Object) -> String {
    let Some(selector) = edit::at(object, &["spec", "selector"]) else { return String::new() };
    if edit::text(object, &["kind"]) != "ReplicationController" {
        return table::label_selector(selector).unwrap_or_default();
    }
    let labels = selector.as_object().map(Object::iter).into_iter().flatten();
    let mut pairs: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort_unstable();
    pairs.join(",")
}

fn made(of: &Object, spec: i64, status: i64, selector: &str) -> Object {
    let mut shown = Object::new();
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = metadata(of).get(name) {
            shown.push(name, value.clone());
        }
    }
    let mut scale = Object::new();
    scale.push("kind", "Scale".into());
    scale.push("apiVersion", "autoscaling/v1".into());
    scale.push("metadata", Value::Object(shown));
    normal::complete(&BUILT_IN, *SCALE, &mut scale);
    let mut edit = Edit::part(&BUILT_IN, *SCALE, &mut scale);
    // What does not fit is cut, as upstream does.
    edit.set(REPLICAS, i64::from(spec as i32));
    edit.set(&["status", "replicas"], i64::from(status as i32));
    edit.set(&["status", "selector"], selector);
    scale
}

fn accessor_error(path: &str, value: &Value, expected: &str) -> Status {
    let (shown, kind) = match value {
        Value::String(text) => (text.to_string(), "string"),
        Value::Bool(flag) => (flag.to_string(), "bool"),
        Value::Int(number) => (number.to_string(), "int64"),
        Value::Float(number) => (number.to_string(), "float64"),
        Value::Array(_) => (String::from("[]"), "[]interface {}"),
        Value::Object(_) => (String::from("map[]"), "map[string]interface {}"),
        Value::Null => (String::from("<nil>"), "<nil>"),
    };
    Status::unclassified(format!(
        ".{} accessor error: {shown} is of the type {kind}, expected {expected}",
        path.strip_prefix('.').unwrap_or(path)
    ))
}

fn count_at(object: &Object, path: &str) -> Result<Option<i64>, Status> {
    match edit::at(object, &steps(path)) {
        None => Ok(None),
        Some(Value::Int(count)) => Ok(Some(*count)),
        Some(other) => Err(accessor_error(path, other, "int64")),
    }
}

fn text_at<'o>(object: &'o Object, path: &str) -> Result<&'o str, Status> {
    match edit::at(object, &steps(path)) {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(accessor_error(path, other, "string")),
    }
}

/// Whether a Scale that a client wrote can be followed.
pub fn check(scale: &Object, of: &Object) -> Result<(), Status> {
    let replicas = edit::int(scale, REPLICAS).unwrap_or_default();
    if replicas >= 0 {
        return Ok(());
    }
    let why = "must be greater than or equal to 0";
    let error = FieldError::invalid("spec.replicas", &Value::Int(replicas), why);
    let kind = GroupName { group: "autoscaling", name: "Scale" };
    Err(Status::invalid(kind, name(of), &[error]))
}

/// Writes a Scale into the object that it shows. A version that the client gave goes along.
pub fn write(target: Target<'_>, object: &mut Object, scale: &Object, paths: Option<&Paths<'_>>) {
    let replicas = Value::Int(edit::int(scale, REPLICAS).unwrap_or_default());
    let version = metadata(scale).get("resourceVersion").cloned();
    match paths {
        None => {
            Edit::new(target, object).set(REPLICAS, replicas);
            set_metadata(object, "resourceVersion", version);
        }
        Some(paths) => {
            set_nested(object, &steps(paths.spec_replicas), replicas);
            if version.is_some() {
                set_metadata(object, "resourceVersion", version);
            }
        }
    }
}

/// Custom resources have no zero to show and keep the order in which they were written.
fn set_nested(object: &mut Object, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.insert(*first, value);
        return;
    }
    if object.get(first).and_then(Value::as_object).is_none() {
        object.insert(*first, Value::Object(Object::new()));
    }
    if let Some(inner) = object.get_mut(first).and_then(Value::as_object_mut) {
        set_nested(inner, rest, value);
    }
}
