//! Patches: what a client's patch makes of an object, and what it is told when it makes nothing.
//!
//! [`apply`] is the entry point for JSON patch, merge patch and strategic merge patch; server-side
//! apply is [`crate::apply`]. The parts ([`json`], [`merge`], [`strategic`]) work on trees and can
//! be used alone.

mod document;
pub mod json;
pub mod merge;
pub mod strategic;

use crate::apply::gotext;
use crate::codec::json::{self as codec, STRICT_ERRORS_MAX};
use crate::field_error::FieldError;
use crate::schema::{MessageId, Schema};
use crate::status::{GroupName, Status};
use crate::value::{Object, Value};
use document::Document;
use strategic::StrategicError;

/// `application/json-patch+json`, `merge-patch+json`, `strategic-merge-patch+json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    Json,
    Merge,
    Strategic,
}

/// What becomes of unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// A patch for an object of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'p> {
    pub kind: PatchKind,
    pub body: &'p [u8],
    pub validation: FieldValidation,
}

/// The patched object in normal form; not yet defaulted.
#[derive(Debug)]
pub struct Patched {
    pub object: Object,
    pub warnings: Vec<String>,
    /// See [`codec::Decoded::resets_managed_fields`].
    pub resets_managed_fields: bool,
}

/// Applies a patch to an object in normal form of the version in which the client patches.
///
/// Errors: 400 for a malformed patch, 413 for too many operations, 422 for one that does not apply
/// or whose outcome is no object of the kind, 500 without a reason for what upstream does not
/// classify.
pub fn apply(
    schema: &Schema,
    id: MessageId,
    current: &Object,
    patch: Patch<'_>,
) -> Result<Patched, Status> {
    let document = document::parse(patch.body).map_err(|error| malformed(patch, &error))?;
    let mut strict: Vec<String> = Vec::new();
    let patched = match patch.kind {
        PatchKind::Json => json_patch(current, document, patch.validation, &mut strict)?,
        PatchKind::Merge => merge_patch(current, document, patch.validation, &mut strict)?,
        PatchKind::Strategic => strategic_patch(schema, id, current, document, &mut strict)?,
    };
    let decoded = codec::decode_tree(schema, id, &patched)
        .map_err(|error| not_an_object(patch, &patched, &error.message))?;
    strict.extend(decoded.strict_errors);
    strict.truncate(STRICT_ERRORS_MAX);
    if patch.validation == FieldValidation::Ignore {
        strict.clear();
    }
    if patch.validation == FieldValidation::Strict && !strict.is_empty() {
        let why = format!("strict decoding error: {}", strict.join(", "));
        return Err(not_an_object(patch, &patched, &why));
    }
    Ok(Patched {
        object: decoded.object,
        warnings: strict,
        resets_managed_fields: decoded.resets_managed_fields,
    })
}

fn malformed(patch: Patch<'_>, error: &serde_json::Error) -> Status {
    match (patch.kind, patch.validation) {
        (PatchKind::Merge, FieldValidation::Ignore) => Status::bad_request("Invalid JSON Patch"),
        (PatchKind::Strategic, _) | (_, FieldValidation::Ignore) => {
            Status::bad_request(error.to_string())
        }
        _ => Status::bad_request(format!("error decoding patch: {error}")),
    }
}

/// 422 about the whole patch: shows the outcome, or the patch itself where it is strategic.
fn not_an_object(patch: Patch<'_>, patched: &Value, why: &str) -> Status {
    let shown = match (patch.kind, document::parse(patch.body)) {
        (PatchKind::Strategic, Ok(document)) => gotext::plain(&document.value),
        _ => serde_json::to_string(patched).unwrap_or_default(),
    };
    let error = FieldError::invalid("patch", &shown, why);
    Status::invalid(GroupName { group: "", name: "" }, "", &[error])
}

fn wrong_kind(value: &Value, wanted: &str) -> Status {
    Status::bad_request(format!(
        "error decoding patch: json: cannot unmarshal {} into Go value of type {wanted}",
        value.kind_name()
    ))
}

fn json_patch(
    current: &Object,
    document: Document,
    validation: FieldValidation,
    strict: &mut Vec<String>,
) -> Result<Value, Status> {
    let Value::Array(operations) = document.value else {
        return Err(wrong_kind(&document.value, "[]handlers.jsonPatchOp"));
    };
    if validation != FieldValidation::Ignore {
        check_operations(&operations, strict)?;
        let duplicates = document.duplicates.iter();
        strict.extend(duplicates.map(|path| format!("json patch duplicate field \"{path}\"")));
    }
    if operations.len() > json::OPERATIONS_MAX {
        return Err(Status::too_large(format!(
            "The allowed maximum operations in a JSON patch is {}, got {}",
            json::OPERATIONS_MAX,
            operations.len()
        )));
    }
    let mut patched = Value::Object(current.clone());
    match json::apply(&mut patched, operations) {
        Ok(()) => Ok(patched),
        Err(json::JsonPatchError::Work) => Err(Status::too_large(json::JsonPatchError::Work)),
        Err(_) => Err(Status::unprocessable()),
    }
}

/// The members of an operation are known and of the right types.
fn check_operations(operations: &[Value], strict: &mut Vec<String>) -> Result<(), Status> {
    for (at, operation) in operations.iter().enumerate() {
        let object = match operation {
            Value::Object(object) => object,
            Value::Null => continue,
            other => return Err(wrong_kind(other, "handlers.jsonPatchOp")),
        };
        for (name, value) in object.iter() {
            match name {
                "op" | "path" | "from" if !matches!(value, Value::String(_) | Value::Null) => {
                    let got = value.kind_name();
                    return Err(Status::bad_request(format!(
                        "error decoding patch: json: cannot unmarshal {got} into Go struct field \
                         jsonPatchOp.{name} of type string"
                    )));
                }
                "op" | "path" | "from" | "value" => {}
                _ if strict.len() < STRICT_ERRORS_MAX => {
                    strict.push(format!("json patch unknown field \"[{at}].{name}\""));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn merge_patch(
    current: &Object,
    document: Document,
    validation: FieldValidation,
    strict: &mut Vec<String>,
) -> Result<Value, Status> {
    let patch = match document.value {
        Value::Object(patch) => patch,
        Value::Null => return Err(Status::bad_request("Invalid JSON Patch")),
        Value::Array(items) if validation == FieldValidation::Ignore => {
            return Ok(Value::Array(items));
        }
        _ if validation == FieldValidation::Ignore => {
            return Err(Status::bad_request("Invalid JSON Patch"));
        }
        other => return Err(wrong_kind(&other, "map[string]interface {}")),
    };
    strict.extend(document.duplicates.iter().map(|path| format!("duplicate field \"{path}\"")));
    let mut patched = current.clone();
    merge::merge(&mut patched, patch);
    Ok(Value::Object(patched))
}

fn strategic_patch(
    schema: &Schema,
    id: MessageId,
    current: &Object,
    document: Document,
    strict: &mut Vec<String>,
) -> Result<Value, Status> {
    let patch = match document.value {
        Value::Object(patch) => patch,
        Value::Null => Object::new(),
        other => {
            let got = other.kind_name();
            return Err(Status::bad_request(format!(
                "json: cannot unmarshal {got} into Go value of type map[string]interface {{}}"
            )));
        }
    };
    strict.extend(document.duplicates.iter().map(|path| format!("duplicate field \"{path}\"")));
    let patched = strategic::apply(schema, id, current.clone(), patch);
    patched.map(Value::Object).map_err(|error| match error {
        StrategicError::Format(_) => Status::bad_request(error.to_string()),
        StrategicError::ListOfLists => Status::unprocessable(),
        _ => Status::unclassified(error.to_string()),
    })
}
