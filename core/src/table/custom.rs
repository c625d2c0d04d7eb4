//! The columns of custom resources: `additionalPrinterColumns`.

use super::kinds::{AGE, Column, NAME};
use crate::document::object;
use crate::human;
use crate::jsonpath::{self, JsonPath};
use crate::registry::CustomColumn;
use crate::time::Timestamp;
use crate::value::Value;

/// Columns with their paths parsed.
#[derive(Debug)]
pub(super) struct Columns(Vec<(CustomColumn, Option<JsonPath>)>);

impl Columns {
    /// A resource without columns shows its age.
    pub fn new(columns: &[CustomColumn]) -> Self {
        let age = CustomColumn {
            name: AGE.name.to_owned(),
            kind: "date".to_owned(),
            json_path: ".metadata.creationTimestamp".to_owned(),
            description: description(&AGE),
            ..CustomColumn::default()
        };
        let columns = if columns.is_empty() { vec![age] } else { columns.to_vec() };
        let parsed = columns.into_iter().map(|column| {
            let path = JsonPath::parse(&column.json_path).ok();
            (column, path)
        });
        Self(parsed.collect())
    }

    pub fn definitions(&self) -> Value {
        let mut definitions = vec![super::definition(&NAME)];
        for (column, _) in &self.0 {
            let description = if column.description.is_empty() {
                let path = &column.json_path;
                format!("Custom resource definition column (in JSONPath format): {path}")
            } else {
                column.description.clone()
            };
            definitions.push(object([
                ("name", Value::from(column.name.as_str())),
                ("type", Value::from(column.kind.as_str())),
                ("format", Value::from(column.format.as_str())),
                ("description", Value::from(description)),
                ("priority", Value::Int(column.priority.into())),
            ]));
        }
        Value::Array(definitions)
    }

    pub fn cells(&self, value: &Value, now: Timestamp) -> Vec<Value> {
        let name = value.get("metadata").and_then(|metadata| metadata.get("name"));
        let mut cells = vec![name.cloned().unwrap_or_else(|| Value::from(""))];
        for (column, path) in &self.0 {
            let selected = path.as_ref().and_then(|path| path.select(value).ok());
            let first = selected.and_then(|found| found.first().copied());
            cells.push(first.map_or(Value::Null, |value| cell(&column.kind, value, now)));
        }
        cells
    }
}

fn description(column: &Column) -> String {
    let definition = super::definition(column);
    definition.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A value as a cell of a column's type; null where it is of another.
fn cell(kind: &str, value: &Value, now: Timestamp) -> Value {
    match (kind, value) {
        ("string", value) => Value::from(jsonpath::text(value)),
        ("integer", Value::Float(number)) => Value::Int(*number as i64),
        ("integer" | "number", Value::Int(_)) => value.clone(),
        ("number", Value::Float(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => Value::from(match Timestamp::parse(text) {
            Some(then) => human::since(then, now),
            None => "<invalid>".to_owned(),
        }),
        _ => Value::Null,
    }
}
