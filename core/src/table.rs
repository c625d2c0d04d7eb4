//! Tables: what `kubectl get` prints, made on the server (`as=Table`), and bare metadata
//! (`as=PartialObjectMetadata`).
//!
//! [`Printer`] knows the columns of one resource and fills the cells of one object; built-in kinds
//! have a file per group below, custom ones bring JSONPaths. All columns are filled, those of
//! `-o wide` have priority 1. The time is the caller's.

mod admission;
mod apiserver;
mod apps;
mod batch;
mod certificates;
mod coordination;
mod core;
mod custom;
mod discovery;
mod flowcontrol;
mod format;
mod hpa;
mod kinds;
mod networking;
mod node;
mod partial;
mod pod;
mod policy;
mod rbac;
mod resource;
mod scheduling;
mod storage;
mod tree;

pub(crate) use format::label_selector;
pub use partial::{partial_list, partial_object};

use crate::document::object;
use crate::openapi::descriptions;
use crate::registry::{Resource, Version};
use crate::time::Timestamp;
use crate::value::{Object, Value};
use kinds::{Cells, Column, Doc, Kind, Row};

/// What a row carries beside its cells (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

impl Include {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct TableOptions<'o> {
    pub include: Include,
    /// Leaves `columnDefinitions` out, as a watch does after its first event.
    pub no_headers: bool,
    /// `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`.
    pub api_version: &'o str,
    pub now: Timestamp,
}

/// The columns of one version of a resource.
#[derive(Debug)]
pub struct Printer {
    kind: Box<str>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    BuiltIn(&'static Kind),
    Custom(custom::Columns),
}

impl Printer {
    /// Kinds without columns of their own show their name and time of creation.
    pub fn new(resource: &Resource, version: &Version) -> Self {
        let source = if resource.custom {
            Source::Custom(custom::Columns::new(&version.columns))
        } else {
            Source::BuiltIn(kinds::find(&resource.group, &resource.kind))
        };
        Self { kind: resource.kind.clone(), source }
    }

    /// For an answer that is no object of the resource: `Scale`, say.
    pub fn of_kind(group: &str, kind: &str) -> Self {
        Self { kind: kind.into(), source: Source::BuiltIn(kinds::find(group, kind)) }
    }

    /// `columnDefinitions`.
    pub fn columns(&self) -> Value {
        match &self.source {
            Source::BuiltIn(kind) => Value::Array(kind.columns.iter().map(definition).collect()),
            Source::Custom(columns) => columns.definitions(),
        }
    }

    /// True if the rows of a list stand in an order of their own.
    pub fn sorts(&self) -> bool {
        matches!(self.source, Source::BuiltIn(Kind { order: Some(_), .. }))
    }

    /// The cells of one object, one for each column.
    pub fn cells(&self, value: &Value, now: Timestamp) -> Vec<Value> {
        match &self.source {
            Source::BuiltIn(kind) => {
                let mut cells = Cells::with_capacity(kind.columns.len());
                (kind.cells)(&Row::new(value, now), &mut cells);
                cells.into_values()
            }
            Source::Custom(columns) => columns.cells(value, now),
        }
    }

    /// An entry of `rows`.
    pub fn row(&self, value: &Value, options: &TableOptions<'_>) -> Value {
        let mut row = Object::new();
        row.push("cells", Value::Array(self.cells(value, options.now)));
        if let Source::BuiltIn(Kind { conditions: Some(conditions), .. }) = self.source
            && let Some(conditions) = conditions(&Row::new(value, options.now))
        {
            row.push("conditions", conditions);
        }
        let object = match options.include {
            Include::None => Value::Null,
            Include::Metadata => partial_object(&self.kind, value, options.api_version),
            Include::Object => value.clone(),
        };
        row.push("object", object);
        Value::Object(row)
    }

    /// What a table holds before its rows; `list` is the list or object that it shows.
    pub fn head(&self, list: &Value, options: &TableOptions<'_>) -> Object {
        let columns = if options.no_headers { Value::Null } else { self.columns() };
        let head = object([
            ("kind", Value::from("Table")),
            ("apiVersion", Value::from(options.api_version)),
            ("metadata", partial::list_metadata(list)),
            ("columnDefinitions", columns),
        ]);
        match head {
            Value::Object(head) => head,
            _ => Object::new(),
        }
    }

    /// The table of a list or of one object.
    pub fn table(&self, value: &Value, options: &TableOptions<'_>) -> Value {
        let mut table = self.head(value, options);
        let mut items: Vec<&Value> = match value.get("items").and_then(Value::as_array) {
            Some(items) => items.iter().collect(),
            None => vec![value],
        };
        if let Source::BuiltIn(Kind { order: Some(order), .. }) = self.source {
            items.sort_by(|a, b| order(a, b));
        }
        let rows = items.into_iter().map(|item| self.row(item, options));
        table.push("rows", Value::Array(rows.collect()));
        Value::Object(table)
    }
}

fn definition(column: &Column) -> Value {
    let description = match column.doc {
        Doc::Text(text) => text,
        Doc::Field(message, field) => descriptions::field(message, field).unwrap_or_default(),
    };
    object([
        ("name", Value::from(column.name)),
        ("type", Value::from(column.kind)),
        ("format", Value::from(column.format)),
        ("description", Value::from(description)),
        ("priority", Value::Int(column.priority)),
    ])
}

#[cfg(test)]
mod tests;
