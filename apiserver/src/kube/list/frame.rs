//! [`Frame`]: what a list says of itself, around its items.

use crate::kube::negotiate::Form;
use crate::kube::shape::Shape;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_store::kv::Revision;

/// `metadata` of a list.
#[derive(Debug, Clone, Default)]
pub struct ListMeta {
    pub revision: Revision,
    /// The token of the next page, if there is one.
    pub continues: Option<String>,
    /// How many objects follow this page, where that is known.
    pub remaining: Option<usize>,
}

/// The members of a list before and after the one that holds its items.
#[derive(Debug)]
pub struct Frame {
    pub before: Object,
    /// `items`, or `rows` of a table.
    pub items: &'static str,
    pub after: Object,
    /// What stands for no items: Go's lists of bare metadata are nil then.
    pub none: &'static str,
}

impl ListMeta {
    /// As the machinery's own lists show it.
    pub fn typed(&self) -> Object {
        let mut object = Object::new();
        object.push("resourceVersion", self.revision.to_string().into());
        if let Some(token) = &self.continues {
            object.push("continue", token.as_str().into());
        }
        if let Some(remaining) = self.remaining {
            object.push("remainingItemCount", Value::Int(remaining as i64));
        }
        object
    }

    /// As lists of custom resources show it: in the order of names, the token always there.
    fn untyped(&self) -> Object {
        let mut object = Object::new();
        object.push("continue", self.continues.as_deref().unwrap_or_default().into());
        if let Some(remaining) = self.remaining {
            object.push("remainingItemCount", Value::Int(remaining as i64));
        }
        object.push("resourceVersion", self.revision.to_string().into());
        object
    }
}

impl Frame {
    /// In the order of JSON.
    pub fn new(shape: &Shape, meta: &ListMeta, now: Timestamp) -> Self {
        let resource = shape.resource();
        if let Some(printer) = shape.printer() {
            // Tables take over what a list says; that it is one shows by its items.
            let mut list = Object::new();
            list.push("metadata", Value::Object(meta.typed()));
            list.push("items", Value::Array(Vec::new()));
            let before = printer.head(&Value::Object(list), &shape.table_options(now, false));
            return Self { before, items: "rows", after: Object::new(), none: "[]" };
        }
        let (mut before, mut after) = (Object::new(), Object::new());
        let (kind, api_version) = match shape.form() {
            Form::Partial { api_version } => {
                ("PartialObjectMetadataList", (*api_version).to_owned())
            }
            _ => (&*resource.list_kind, shape.api_version()),
        };
        if resource.custom && *shape.form() == Form::Object {
            before.push("apiVersion", api_version.into());
            after.push("kind", kind.into());
            after.push("metadata", Value::Object(meta.untyped()));
            return Self { before, items: "items", after, none: "[]" };
        }
        before.push("kind", kind.into());
        before.push("apiVersion", api_version.into());
        before.push("metadata", Value::Object(meta.typed()));
        let none = if *shape.form() == Form::Object { "[]" } else { "null" };
        Self { before, items: "items", after, none }
    }

    /// With the members in the order of their names, as YAML has them.
    pub fn sorted(self) -> Self {
        let mut members: Vec<_> = self.before.into_iter().chain(self.after).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        let (before, after) =
            members.into_iter().partition::<Vec<_>, _>(|(name, _)| **name < *self.items);
        Self { before: before.into_iter().collect(), after: after.into_iter().collect(), ..self }
    }
}
