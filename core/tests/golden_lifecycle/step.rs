//! A step of a recorded case, and what its path names.

use std::collections::HashMap;
use xebec_core::registry::{Registry, Resource, Version};
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};

pub struct Step<'c> {
    pub method: &'c str,
    pub path: &'c str,
    pub query: HashMap<&'c str, &'c str>,
    pub content_type: &'c str,
    /// What form of answer was asked for.
    pub accept: &'c str,
    pub body: Option<&'c Value>,
    pub code: i64,
    pub answer: Option<&'c Object>,
    pub setup: bool,
}

/// What a path names.
pub struct Place<'r> {
    pub resource: &'r Resource,
    pub version: &'r Version,
    pub namespace: Option<String>,
    pub name: String,
    pub subresource: String,
}

impl<'c> Step<'c> {
    pub fn read(step: &'c Value) -> Self {
        let text = |name| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let (path, query) = text("p").split_once('?').unwrap_or((text("p"), ""));
        let header = |name| {
            let header = step.get("h").and_then(|headers| headers.get(name));
            header.and_then(Value::as_str).unwrap_or_default()
        };
        Self {
            method: text("m"),
            path,
            query: query.split('&').filter_map(|pair| pair.split_once('=')).collect(),
            content_type: header("Content-Type"),
            accept: header("Accept"),
            body: step.get("b").filter(|body| !body.is_null()),
            code: step.get("code").and_then(Value::as_i64).unwrap_or_default(),
            answer: step.get("r").and_then(Value::as_object),
            setup: step.get("setup").is_some(),
        }
    }

    pub fn is_dry_run(&self) -> bool {
        self.query.contains_key("dryRun")
    }

    pub fn bytes(&self) -> Vec<u8> {
        match self.body {
            Some(Value::String(text)) => text.as_bytes().to_vec(),
            Some(other) => serde_json::to_vec(other).expect("serializable"),
            None => Vec::new(),
        }
    }

    pub fn place<'r>(&self, registry: &'r Registry) -> Option<Place<'r>> {
        let steps: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let (group, version, rest) = match steps.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", _] | ["namespaces", _, "finalize" | "status"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let (resource, version) = registry.find(group, version, rest.first()?)?;
        let text = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        let subresource = rest.get(2..).unwrap_or_default().join("/");
        Some(Place { resource, version, namespace, name: text(1), subresource })
    }
}

impl Place<'_> {
    /// The resource in the client's version.
    pub fn target(&self) -> Target<'_> {
        Target { resource: self.resource, version: self.version, subresource: "" }
    }

    /// What rules look at.
    pub fn stored(&self) -> Target<'_> {
        Target { subresource: &self.subresource, ..Target::stored(self.resource) }
    }

    /// Where the object lives, whatever its version.
    pub fn key(&self, name: &str) -> String {
        self.resource.stored().key(self.namespace.as_deref(), name)
    }
}

pub fn steps(case: &Value) -> impl Iterator<Item = Step<'_>> {
    let steps = case.get("steps").and_then(Value::as_array).into_iter().flatten();
    steps.map(Step::read)
}

/// A body without what differs between cases.
pub fn nameless(body: &Value) -> String {
    let mut body = body.clone();
    let metadata = body.as_object_mut().and_then(|body| body.get_mut("metadata"));
    if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !matches!(name, "name" | "namespace"));
    }
    serde_json::to_string(&body).expect("serializable")
}
