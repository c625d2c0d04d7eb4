//! [`Definition`]: what is kept of a definition: everything but its schemas, which the registry has.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use xebec_core::custom::conditions;
use xebec_core::edit;
use xebec_core::value::{Object, Value};
use xebec_store::kv::Revision;

/// A definition without its schemas.
#[derive(Debug, Clone)]
pub struct Definition {
    pub revision: Revision,
    /// Its metadata, names and status.
    pub summary: Arc<Object>,
    pub print: Print,
    pub served: Option<Served>,
}

/// What tells whether the registry has to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    /// Of everything that decides how objects look.
    pub form: u64,
    pub terminating: bool,
}

/// How a definition is served.
#[derive(Debug, Clone)]
pub struct Served {
    pub group: Box<str>,
    pub plural: Box<str>,
    /// Ends when objects look otherwise, or are no longer served.
    pub until_changed: CancellationToken,
}

impl Served {
    pub fn is_of(&self, other: &Self) -> bool {
        self.group == other.group && self.plural == other.plural
    }
}

impl Print {
    pub fn of(object: &Object) -> Self {
        let mut hasher = DefaultHasher::new();
        for path in [&["spec"][..], &["status", "acceptedNames"]] {
            let value = edit::at(object, path).unwrap_or(&Value::Null);
            serde_json::to_vec(value).expect("a tree serializes").hash(&mut hasher);
        }
        conditions::is_served(object).hash(&mut hasher);
        Self { form: hasher.finish(), terminating: is_terminating(object) }
    }
}

pub fn is_terminating(definition: &Object) -> bool {
    conditions::is_true(definition, "Terminating")
}

/// The definition without its versions.
pub fn summary(object: &Object) -> Object {
    let mut summary = Object::new();
    for (name, value) in object.iter() {
        let value = match value {
            Value::Object(spec) if name == "spec" => {
                let kept = spec.iter().filter(|(name, _)| matches!(*name, "group" | "names"));
                Value::Object(kept.map(|(name, value)| (name.into(), value.clone())).collect())
            }
            other => other.clone(),
        };
        summary.push(name, value);
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_decide_nothing_change_nothing() {
        let of = |text: &str| match serde_json::from_str(text).expect("JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        };
        let one = of(r#"{"metadata":{"name":"a"},"spec":{"group":"g","versions":[1]}}"#);
        let other = of(r#"{"metadata":{"name":"b"},"spec":{"group":"g","versions":[1]},
            "status":{"conditions":[{"type":"NamesAccepted","status":"True"}]}}"#);
        let served = of(r#"{"spec":{"group":"g","versions":[1]},
            "status":{"conditions":[{"type":"Established","status":"True"}]}}"#);
        assert_eq!(Print::of(&one), Print::of(&other));
        assert_ne!(Print::of(&one), Print::of(&served));
        let text = serde_json::to_string(&Value::Object(summary(&one))).expect("serializable");
        assert_eq!(text, r#"{"metadata":{"name":"a"},"spec":{"group":"g"}}"#);
    }
}
