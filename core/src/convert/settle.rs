//! What upstream's internal types keep once and version 1 shows twice, or not at all. Every object
//! goes through them upstream, whatever its version.

use crate::codec::normal;
use crate::edit;
use crate::lifecycle;
use crate::registry::Resource;
use crate::schema::{BUILT_IN, MessageId};
use crate::value::{Object, Value};
use base64::Engine as _;
use std::sync::LazyLock;

static MESSAGES: LazyLock<Messages> = LazyLock::new(Messages::find);

struct Messages {
    node_spec: MessageId,
    pod_spec: MessageId,
    pod_status: MessageId,
    secret: MessageId,
    claim: MessageId,
}

impl Messages {
    fn find() -> Self {
        let find = |name: &str| {
            BUILT_IN.find(&format!("k8s.io.api.core.v1.{name}")).expect("a message of the table")
        };
        Self {
            node_spec: find("NodeSpec"),
            pod_spec: find("PodSpec"),
            pod_status: find("PodStatus"),
            secret: find("Secret"),
            claim: find("PersistentVolumeClaim"),
        }
    }
}

/// How init containers were said before there was a field for them; nobody reads it.
const INIT_CONTAINERS: [&str; 4] = [
    "pod.beta.kubernetes.io/init-containers",
    "pod.alpha.kubernetes.io/init-containers",
    "pod.beta.kubernetes.io/init-container-statuses",
    "pod.alpha.kubernetes.io/init-container-statuses",
];

/// Makes fields agree that say the same, in an object of the stored version: a pod's service
/// account and its deprecated alias, one address and the list of them, a secret's texts and its
/// data. Whoever changes one of them afterwards (admission does) calls this again; doing it twice
/// changes nothing.
pub fn settle(resource: &Resource, object: &mut Object) {
    if resource.custom {
        return;
    }
    match (&*resource.group, &*resource.kind) {
        ("", "Pod") => pod(object),
        ("", "Node") => node(object),
        ("", "Secret") => secret(object),
        ("", "PodTemplate") => template(Some(object)),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet")
        | ("batch", "Job") => template(part(object, &["spec"])),
        ("apps", "DaemonSet") => {
            template(part(object, &["spec"]));
            count_template(object);
        }
        ("apps", "StatefulSet") => {
            template(part(object, &["spec"]));
            claim_templates(object);
        }
        ("batch", "CronJob") => template(part(object, &["spec", "jobTemplate", "spec"])),
        ("autoscaling", "HorizontalPodAutoscaler") => super::autoscaler::drop_annotations(object),
        _ => {}
    }
}

fn part<'o>(object: &'o mut Object, path: &[&str]) -> Option<&'o mut Object> {
    path.iter().try_fold(object, |object, step| object.get_mut(step)?.as_object_mut())
}

fn text<'o>(object: &'o Object, name: &str) -> &'o str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn pod(pod: &mut Object) {
    if let Some(metadata) = part(pod, &["metadata"]) {
        drop_annotations(metadata, &INIT_CONTAINERS);
    }
    if let Some(spec) = part(pod, &["spec"]) {
        pod_spec(spec);
        if let Some(Value::Int(seconds)) = spec.get_mut("terminationGracePeriodSeconds") {
            // Of a pod, not of a template: less than nothing was once allowed.
            *seconds = if *seconds < 0 { 1 } else { *seconds };
        }
    }
    if let Some(status) = part(pod, &["status"]) {
        first_of(status, MESSAGES.pod_status, "podIP", "podIPs", |ip| {
            let mut item = Object::new();
            item.push("ip", ip.into());
            Value::Object(item)
        });
    }
}

/// The template in a specification.
fn template(holder: Option<&mut Object>) {
    let Some(template) = holder.and_then(|holder| part(holder, &["template"])) else { return };
    if let Some(metadata) = part(template, &["metadata"]) {
        drop_annotations(metadata, &INIT_CONTAINERS);
    }
    if let Some(spec) = part(template, &["spec"]) {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Object) {
    let name = match text(spec, "serviceAccountName") {
        "" => text(spec, "serviceAccount"),
        name => name,
    };
    if !name.is_empty() {
        let name = Value::from(name);
        put(spec, MESSAGES.pod_spec, "serviceAccountName", name.clone());
        put(spec, MESSAGES.pod_spec, "serviceAccount", name);
    }
}

fn node(node: &mut Object) {
    if let Some(spec) = part(node, &["spec"]) {
        first_of(spec, MESSAGES.node_spec, "podCIDR", "podCIDRs", |range| range.into());
    }
}

/// The one is the first of the many; where they differ, the one counts.
fn first_of(
    object: &mut Object,
    id: MessageId,
    one: &str,
    many: &str,
    item: impl Fn(&str) -> Value,
) {
    let first = object.get(many).and_then(Value::as_array).and_then(|items| items.first());
    let first = first.map(|first| first.get("ip").unwrap_or(first));
    let first = first.and_then(Value::as_str).unwrap_or_default();
    let single = text(object, one);
    if single == first {
        return;
    }
    if single.is_empty() {
        let first = Value::from(first);
        put(object, id, one, first);
    } else {
        let items = vec![item(single)];
        put(object, id, many, items.into());
    }
}

/// Text is data that a client writes unencoded.
fn secret(secret: &mut Object) {
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    if texts.is_empty() {
        return;
    }
    let mut data = match secret.remove("data") {
        Some(Value::Object(data)) => data,
        _ => Object::new(),
    };
    let encoded = texts.iter().map(|(key, value)| {
        let bytes = value.as_str().unwrap_or_default();
        (key.into(), base64::engine::general_purpose::STANDARD.encode(bytes).into())
    });
    data.extend_sorted(encoded);
    put(secret, MESSAGES.secret, "data", Value::Object(data));
}

/// A DaemonSet always says how often its template has changed.
fn count_template(set: &mut Object) {
    const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
    let annotations = edit::object(lifecycle::metadata(set), &["annotations"]);
    if annotations.is_some_and(|annotations| annotations.get(TEMPLATE_GENERATION).is_some()) {
        return;
    }
    let mut annotations = annotations.cloned().unwrap_or_default();
    annotations.insert_sorted(TEMPLATE_GENERATION, "0".into());
    lifecycle::set_metadata(set, "annotations", Some(Value::Object(annotations)));
}

/// Claims in templates say their kind, for clients that work by reflection.
fn claim_templates(set: &mut Object) {
    let templates = part(set, &["spec"]).and_then(|spec| spec.get_mut("volumeClaimTemplates"));
    let Some(Value::Array(templates)) = templates else { return };
    for claim in templates.iter_mut().filter_map(Value::as_object_mut) {
        put(claim, MESSAGES.claim, "kind", "PersistentVolumeClaim".into());
        put(claim, MESSAGES.claim, "apiVersion", "v1".into());
    }
}

/// Takes annotations away from metadata.
pub(super) fn drop_annotations(metadata: &mut Object, names: &[&str]) {
    let Some(Value::Object(annotations)) = metadata.get_mut("annotations") else { return };
    annotations.retain(|name, _| !names.contains(&name));
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

fn put(object: &mut Object, id: MessageId, name: &str, value: Value) {
    normal::put(&BUILT_IN, id, object, name, value);
}
