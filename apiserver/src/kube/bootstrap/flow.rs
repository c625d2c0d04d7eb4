//! Priority levels and flow schemas: upstream's mandatory and suggested ones, and what their status
//! says of their connection.

use super::Wanted;
use super::system::{documents, named, texts};
use crate::kube::follow::Follow;
use crate::kube::loopback::{Loopback, Refused};
use crate::kube::object::{Stored, metadata_mut};
use crate::kube::storage::Storage;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use xebec_core::defaults;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};
use xebec_store::View;
use xebec_store::kv::Event;

const TEXT: &str = include_str!("flow.yaml");
const API: &str = "/apis/flowcontrol.apiserver.k8s.io/v1";
const API_VERSION: &str = "flowcontrol.apiserver.k8s.io/v1";
const GROUP: &str = "flowcontrol.apiserver.k8s.io";
const AUTO_UPDATE: &str = "apf.kubernetes.io/autoupdate-spec";
const MANDATORY: [&str; 2] = ["exempt", "catch-all"];
const PRODUCER: &str = "fieldManager=api-priority-and-fairness-config-producer-v1";
const CONSUMER: &str = "fieldManager=api-priority-and-fairness-config-consumer-v1&force=true";
const SCHEMAS: &str = "/registry/flowschemas/";
const LEVELS: &str = "/registry/prioritylevelconfigurations/";

pub fn all() -> Vec<Wanted> {
    let wanted = |object: Object| {
        let plural = match edit::text(&object, &["kind"]) {
            "FlowSchema" => "flowschemas",
            _ => "prioritylevelconfigurations",
        };
        Wanted { collection: format!("{API}/{plural}"), object }
    };
    documents(TEXT).into_iter().map(wanted).collect()
}

/// Made where it is missing; brought back to what it was where that is wanted.
pub async fn ensure(loopback: &Loopback, wanted: Wanted) -> Result<(), Refused> {
    let uri = wanted.uri();
    let Some(existing) = loopback.get(&uri).await? else {
        loopback.create(&format!("{}?{PRODUCER}", wanted.collection), &wanted.object).await?;
        return Ok(());
    };
    let registry = loopback.api().registry.load();
    let plural = wanted.collection.rsplit('/').next().unwrap_or_default();
    let Some(resource) = registry.find_resource(GROUP, plural) else { return Ok(()) };
    let mut complete = wanted.object.clone();
    defaults::complete(Target::stored(resource), &mut complete);
    if let Some(object) = mend(&existing, &complete) {
        loopback.update(&format!("{uri}?{PRODUCER}"), &object).await?;
    }
    Ok(())
}

/// What becomes of an object that is there; `None` if it stays.
fn mend(existing: &Object, wanted: &Object) -> Option<Object> {
    let mandatory = MANDATORY.contains(&lifecycle::name(wanted));
    let annotation = edit::text(existing, &["metadata", "annotations", AUTO_UPDATE]);
    // Without a word from an administrator, what was never changed is kept up to date.
    let updates = mandatory
        || match annotation {
            "true" => true,
            "false" => false,
            _ => edit::int(existing, &["metadata", "generation"]) == Some(1),
        };
    let word = if updates { "true" } else { "false" };
    let differs = updates && !same(existing.get("spec"), wanted.get("spec"));
    if annotation == word && !differs {
        return None;
    }
    let mut object = existing.clone();
    if differs && let Some(spec) = wanted.get("spec") {
        object.insert("spec", spec.clone());
    }
    let metadata = metadata_mut(&mut object);
    let mut annotations = match metadata.remove("annotations") {
        Some(Value::Object(annotations)) => annotations,
        _ => Object::new(),
    };
    annotations.insert_sorted(AUTO_UPDATE, word.into());
    metadata.insert("annotations", Value::Object(annotations));
    Some(object)
}

/// Equal, whatever the order of their fields.
fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| same(Some(value), other.get(name)))
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same(Some(one), Some(other)))
        }
        (one, other) => one == other,
    }
}

/// Keeps the condition of flow schemas that says whether their priority level exists.
#[derive(Debug, Default)]
pub struct Conditions {
    changed: Notify,
}

impl Follow for Conditions {
    fn prefixes(&self) -> &'static [&'static str] {
        &[SCHEMAS, LEVELS]
    }

    fn reset(&self, _: &View) {
        self.changed.notify_one();
    }

    fn apply(&self, _: &[Event]) {
        self.changed.notify_one();
    }
}

impl Conditions {
    /// Until `stop`. Replicas that say the same at once agree.
    pub async fn run(&self, loopback: &Loopback, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
            }
            if let Err(refused) = settle(loopback).await {
                tracing::warn!(error = %refused, "the condition of a flow schema");
            }
        }
    }
}

async fn settle(loopback: &Loopback) -> Result<(), Refused> {
    let now = crate::kube::clock::now().to_seconds_text();
    let view = loopback.api().storage.local_view();
    let wrong: Vec<Object> = Storage::under(&view, SCHEMAS)
        .filter_map(|stored: Stored| stored.object().ok())
        .filter_map(|schema| condition(&view, &schema, &now))
        .collect();
    drop(view);
    for status in wrong {
        let name = lifecycle::name(&status).to_owned();
        let uri = format!("{API}/flowschemas/{name}/status?{CONSUMER}");
        match loopback.apply(&uri, &status).await {
            Err(refused) if !refused.is("NotFound") && !refused.is("Conflict") => {
                return Err(refused);
            }
            _ => {}
        }
    }
    Ok(())
}

/// What to apply to a flow schema's status, if its condition is not as it should be.
fn condition(view: &View, schema: &Object, now: &str) -> Option<Object> {
    let level = edit::text(schema, &["spec", "priorityLevelConfiguration", "name"]);
    let exists = view.keys().get(format!("{LEVELS}{level}").as_bytes()).is_some();
    let level = xebec_core::field_error::quoted(level);
    let (status, reason, fate) = match exists {
        true => ("False", "Found", "and it exists"),
        false => ("True", "NotFound", "but there is no such object"),
    };
    let message = format!(
        "This FlowSchema references the PriorityLevelConfiguration object named {level} {fate}"
    );
    let held = edit::items(schema, &["status", "conditions"]);
    let held = held.iter().find(|one| text(one, "type") == "Dangling");
    let as_wanted = |held: &&Value| {
        text(held, "status") == status
            && text(held, "reason") == reason
            && text(held, "message") == message
    };
    if held.as_ref().is_some_and(as_wanted) {
        return None;
    }
    // The time is that of a change of what the condition says.
    let since = held.filter(|held| text(held, "status") == status);
    let since = since.map_or(now, |held| text(held, "lastTransitionTime"));
    let condition = texts(&[
        ("type", "Dangling"),
        ("status", status),
        ("lastTransitionTime", since),
        ("reason", reason),
        ("message", &message),
    ]);
    let mut object = named("FlowSchema", API_VERSION, lifecycle::name(schema));
    let mut status = Object::new();
    status.push("conditions", Value::Array(vec![condition]));
    object.push("status", Value::Object(status));
    Some(object)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_objects_are_read() {
        let all = all();
        let count = |plural: &str| all.iter().filter(|one| one.uri().contains(plural)).count();
        assert_eq!((count("/flowschemas/"), count("/prioritylevelconfigurations/")), (11, 8));
    }

    fn object(name: &str, annotation: &str, generation: i64, spec: i64) -> Object {
        let text = format!(
            r#"{{"metadata":{{"name":"{name}","generation":{generation},"annotations":{{"{AUTO_UPDATE}":"{annotation}"}}}},"spec":{{"a":1,"b":{spec}}}}}"#
        );
        let value: Value = serde_json::from_str(&text).expect("JSON");
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn suggestions_may_be_changed_and_mandates_not() {
        let wanted = object("x", "true", 0, 1);
        assert_eq!(mend(&object("x", "true", 2, 1), &wanted), None);
        assert_eq!(mend(&object("x", "false", 2, 2), &wanted), None);
        let back = mend(&object("x", "true", 2, 2), &wanted).expect("changed");
        assert_eq!(back.get("spec"), wanted.get("spec"));
        let kept = mend(&object("x", "", 2, 2), &wanted).expect("annotated");
        assert_eq!(edit::int(&kept, &["spec", "b"]), Some(2));
        assert_eq!(edit::text(&kept, &["metadata", "annotations", AUTO_UPDATE]), "false");
        let mandate = object("exempt", "true", 0, 1);
        assert!(mend(&object("exempt", "false", 2, 2), &mandate).is_some());
    }
}
