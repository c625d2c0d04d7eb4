//! What a version has besides its schema: subresources, printer columns, selectable fields, a
//! warning that it is deprecated. All may stand above the versions, too.

use super::field_path::{follow, simple};
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};
use std::collections::HashSet;

const WARNING_MAX_BYTES: usize = 256;
const SELECTABLE_MAX: usize = 8;
const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 9] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password", ""];

pub fn deprecation_warning(version: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(warning) = version.value("deprecationWarning").and_then(Value::as_str) else { return };
    let path = path.child("deprecationWarning");
    let mut refuse = |detail: &str| errors.push(FieldError::invalid(path, warning, detail));
    if !version.flag("deprecated") {
        return refuse("can only be set for deprecated versions");
    }
    if warning.len() > WARNING_MAX_BYTES {
        refuse("must be <= 256 characters long");
    }
    if warning.is_empty() {
        refuse("must not be an empty string");
    }
    let unprintable = |c: &char| c.is_control() || (c.is_whitespace() && *c != ' ');
    if let Some((at, _)) = warning.char_indices().find(|(_, c)| unprintable(c)) {
        refuse(&format!(
            "must only contain printable UTF-8 characters; non-printable character found at index \
             {at}"
        ));
    }
}

pub fn subresources(subresources: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let scale = subresources.and_then(Value::as_object).and_then(|all| all.object("scale"));
    let Some(scale) = scale else { return };
    for (name, under) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
        let path = path.child("scale");
        let path = path.child(name);
        let text = scale.text(name);
        if text.is_empty() {
            errors.push(FieldError::required(path, ""));
        } else if simple(text, &path, errors) && !text.starts_with(under) {
            let detail = format!("should be a json path under {}", under.trim_end_matches('.'));
            errors.push(FieldError::invalid(path, text, &detail));
        }
    }
    let (path, text) = (path.child("scale.labelSelectorPath"), scale.text("labelSelectorPath"));
    let fits = || [".spec.", ".status."].iter().any(|under| text.starts_with(under));
    if !text.is_empty() && simple(text, &path, errors) && !fits() {
        let detail = "should be a json path under either .spec or .status";
        errors.push(FieldError::invalid(path, text, detail));
    }
}

pub fn columns(columns: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let columns = columns.and_then(Value::as_array).unwrap_or_default();
    let columns = columns.iter().enumerate();
    for (at, column) in columns.filter_map(|(at, column)| Some((at, column.as_object()?))) {
        self::column(column, &path.index(at), errors);
    }
}

fn column(column: &Object, path: &Path<'_>, errors: &mut Errors) {
    if column.text("name").is_empty() {
        errors.push(FieldError::required(path.child("name"), ""));
    }
    let kind = column.text("type");
    let detail = format!("must be one of {}", COLUMN_TYPES.join(","));
    if kind.is_empty() {
        errors.push(FieldError::required(path.child("type"), &detail));
    } else if !COLUMN_TYPES.contains(&kind) {
        errors.push(FieldError::invalid(path.child("type"), kind, &detail));
    }
    let format = column.text("format");
    if !COLUMN_FORMATS.contains(&format) {
        let known = COLUMN_FORMATS.split_last().map_or(&[][..], |(_, known)| known);
        let detail = format!("must be one of {}", known.join(","));
        errors.push(FieldError::invalid(path.child("format"), format, &detail));
    }
    let (path, text) = (path.child("JSONPath"), column.text("jsonPath"));
    if text.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else {
        simple(text, &path, errors);
    }
}

/// Fields that clients may select by; `schema` is that of the objects.
pub fn selectable(
    fields: &[Value],
    schema: &Object,
    any_count: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let mut seen = HashSet::new();
    for (at, field) in fields.iter().enumerate() {
        let text = field.get("jsonPath").and_then(Value::as_str).unwrap_or_default();
        let path = path.index(at);
        let path = path.child("jsonPath");
        if text.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        let found = match follow(text, schema, false) {
            Ok(found) => found,
            Err(why) => {
                let detail = format!("is an invalid path: {why}");
                errors.push(FieldError::invalid(path, text, &detail));
                continue;
            }
        };
        if found.names.first().is_some_and(|first| first == "metadata") {
            let detail = "must not point to fields in metadata";
            errors.push(FieldError::invalid(path, text, detail));
        }
        let kind = found.schema.map_or("", |schema| schema.text("type"));
        if !matches!(kind, "string" | "boolean" | "integer") {
            let detail = "must point to a field of type string, boolean or integer. Enum string \
                          fields and strings with formats are allowed.";
            errors.push(FieldError::invalid(path, text, detail));
        }
        if !seen.insert(found.names.join(".")) {
            errors.push(FieldError::duplicate(path, text));
        }
    }
    if seen.len() > SELECTABLE_MAX && !any_count {
        errors.push(FieldError::too_many(path, seen.len(), SELECTABLE_MAX));
    }
}

/// Whether a list of selectable fields is longer than new ones may be.
pub fn is_long(fields: &[Value]) -> bool {
    fields.len() > SELECTABLE_MAX
}
