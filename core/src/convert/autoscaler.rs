//! Autoscalers: version 1 knows one metric, the use of processors. What it cannot say goes into
//! annotations, and comes back from them; what is not well formed there is passed over.

use super::metrics;
use crate::codec::{json, normal};
use crate::defaults;
use crate::schema::{BUILT_IN, MessageId};
use crate::value::{Object, Value};
use std::sync::LazyLock;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const ANNOTATIONS: [&str; 6] = [
    METRICS,
    BEHAVIOR,
    CURRENT_METRICS,
    CONDITIONS,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

static V1: LazyLock<Messages> = LazyLock::new(|| Messages::of("k8s.io.api.autoscaling.v1"));
static V2: LazyLock<Messages> = LazyLock::new(|| Messages::of("k8s.io.api.autoscaling.v2"));

struct Messages {
    whole: MessageId,
    spec: MessageId,
    status: MessageId,
    metric: MessageId,
    metric_status: MessageId,
    condition: MessageId,
}

impl Messages {
    fn of(package: &str) -> Self {
        let find = |name: &str| {
            BUILT_IN.find(&format!("{package}.{name}")).expect("a message of the table")
        };
        Self {
            whole: find("HorizontalPodAutoscaler"),
            spec: find("HorizontalPodAutoscalerSpec"),
            status: find("HorizontalPodAutoscalerStatus"),
            metric: find("MetricSpec"),
            metric_status: find("MetricStatus"),
            condition: find("HorizontalPodAutoscalerCondition"),
        }
    }
}

/// Takes away the annotations that carry what version 1 cannot say.
pub(super) fn drop_annotations(object: &mut Object) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        super::settle::drop_annotations(metadata, &ANNOTATIONS);
    }
}

/// From version 2.
pub(super) fn to_v1(mut object: Object) -> Object {
    drop_annotations(&mut object);
    let mut annotations = Vec::new();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec_to_v1(spec, &mut annotations);
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status_to_v1(status, &mut annotations);
    }
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        for (name, value) in annotations {
            set_annotation(metadata, name, &value);
        }
    }
    object
}

fn spec_to_v1(spec: &mut Object, annotations: &mut Vec<(&'static str, Value)>) {
    let given = take_items(spec, "metrics");
    let first = given.iter().find_map(metrics::of_cpu);
    if let Some(percent) = first.and_then(|metric| at(metric, &["target", "averageUtilization"])) {
        spec.insert("targetCPUUtilizationPercentage", percent.clone());
    }
    let is_said = |metric: &Value| {
        let cpu = metrics::of_cpu(metric);
        cpu.is_some_and(|metric| at(metric, &["target", "averageUtilization"]).is_some())
    };
    let others = given.iter().filter(|metric| !is_said(metric));
    let others: Vec<Value> =
        others.map(|metric| metrics::to_v1(metric, metrics::SOURCES, V1.metric)).collect();
    if !others.is_empty() {
        annotations.push((METRICS, others.into()));
    }
    if let Some(behavior) = spec.remove("behavior") {
        annotations.push((BEHAVIOR, behavior_to_internal(&behavior)));
    }
    normal::complete(&BUILT_IN, V1.spec, spec);
}

fn status_to_v1(status: &mut Object, annotations: &mut Vec<(&'static str, Value)>) {
    let current = take_items(status, "currentMetrics");
    // Upstream lets the last one count.
    let mut used = current.iter().rev().filter_map(metrics::of_cpu);
    let used = used.find_map(|metric| at(metric, &["current", "averageUtilization"]));
    if let Some(percent) = used {
        status.insert("currentCPUUtilizationPercentage", percent.clone());
    }
    if !current.is_empty() {
        let shown = current.iter();
        let shown = shown.map(|one| metrics::to_v1(one, metrics::STATES, V1.metric_status));
        annotations.push((CURRENT_METRICS, shown.collect::<Vec<Value>>().into()));
    }
    let conditions = take_items(status, "conditions");
    if !conditions.is_empty() {
        annotations.push((CONDITIONS, conditions.into()));
    }
    status.remove("currentMetrics");
    normal::complete(&BUILT_IN, V1.status, status);
}

/// To version 2.
pub(super) fn from_v1(mut object: Object) -> Object {
    let annotation = |name: &str| annotation(&object, name);
    let metrics = annotation(METRICS).and_then(|it| decode_items(&it, V1.metric));
    let behavior = annotation(BEHAVIOR).and_then(|it| behavior_from_internal(&it));
    let current = annotation(CURRENT_METRICS).and_then(|it| decode_items(&it, V1.metric_status));
    let conditions = annotation(CONDITIONS).and_then(|it| decode_items(&it, V1.condition));
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let others = metrics.unwrap_or_default();
        let others = others.iter();
        let others = others.map(|one| metrics::from_v1(one, metrics::SOURCES, V2.metric));
        let mut metrics: Vec<Value> = others.collect();
        let percent = spec.remove("targetCPUUtilizationPercentage");
        if let Some(percent) = percent.filter(|percent| !percent.is_null()) {
            metrics.push(metrics::cpu("target", percent));
        }
        // What remains empty is completed below.
        spec.insert("metrics", metrics.into());
        if let Some(behavior) = behavior {
            spec.insert("behavior", behavior);
        }
        normal::complete(&BUILT_IN, V2.spec, spec);
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let percent = status.remove("currentCPUUtilizationPercentage");
        let shown = match (current, percent.filter(|percent| !percent.is_null())) {
            (Some(current), _) => current
                .iter()
                .map(|one| metrics::from_v1(one, metrics::STATES, V2.metric_status))
                .collect(),
            (None, Some(percent)) => vec![metrics::cpu("current", percent)],
            (None, None) => Vec::new(),
        };
        if !shown.is_empty() {
            status.insert("currentMetrics", shown.into());
        }
        if let Some(conditions) = conditions {
            status.insert("conditions", conditions.into());
        }
        normal::complete(&BUILT_IN, V2.status, status);
    }
    drop_annotations(&mut object);
    // Upstream completes what it reads from storage, and this is where version 2 begins.
    defaults::complete_message(V2.whole, &mut object);
    object
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| value.get(step))
}

fn take_items(object: &mut Object, name: &str) -> Vec<Value> {
    match object.remove(name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn annotation(object: &Object, name: &str) -> Option<Value> {
    let annotations = object.get("metadata")?.get("annotations")?;
    serde_json::from_str(annotations.get(name)?.as_str()?).ok()
}

fn set_annotation(metadata: &mut Object, name: &str, value: &Value) {
    let text = Value::from(go_json(value));
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        return annotations.insert_sorted(name, text);
    }
    let mut annotations = Object::new();
    annotations.push(name, text);
    let id = BUILT_IN.find("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    let id = id.expect("a message of the table");
    normal::put(&BUILT_IN, id, metadata, "annotations", Value::Object(annotations));
}

/// JSON as Go writes it: what means something in HTML stands escaped.
fn go_json(value: &Value) -> String {
    let text = serde_json::to_string(value).expect("a tree serializes");
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A list of messages; nothing where it is not of their form.
fn decode_items(value: &Value, id: MessageId) -> Option<Vec<Value>> {
    let decoded = value.as_array()?.iter().map(|item| json::decode_tree(&BUILT_IN, id, item));
    decoded.map(|item| Some(Value::Object(item.ok()?.object))).collect()
}

const DIRECTIONS: [(&str, &str); 2] = [("scaleUp", "ScaleUp"), ("scaleDown", "ScaleDown")];
const RULES: [(&str, &str); 4] = [
    ("stabilizationWindowSeconds", "StabilizationWindowSeconds"),
    ("selectPolicy", "SelectPolicy"),
    ("policies", "Policies"),
    ("tolerance", "Tolerance"),
];
const POLICY: [(&str, &str); 3] =
    [("type", "Type"), ("value", "Value"), ("periodSeconds", "PeriodSeconds")];

/// Behaviour stands in its annotation as upstream's internal type does: under Go's names, with
/// every field.
fn behavior_to_internal(behavior: &Value) -> Value {
    let rename = |object: &Value, names: &[(&str, &str)]| -> Object {
        let field = |name: &str| object.get(name).cloned().unwrap_or_default();
        names.iter().map(|(name, internal)| (Box::from(*internal), field(name))).collect()
    };
    let mut made = rename(behavior, &DIRECTIONS);
    for (_, rules) in made.iter_mut().filter(|(_, rules)| !rules.is_null()) {
        let mut renamed = rename(rules, &RULES);
        if let Some(Value::Array(policies)) = renamed.get_mut("Policies") {
            for policy in policies {
                *policy = Value::Object(rename(policy, &POLICY));
            }
        }
        *rules = Value::Object(renamed);
    }
    Value::Object(made)
}

fn behavior_from_internal(internal: &Value) -> Option<Value> {
    let rename = |object: &Value, names: &[(&str, &str)]| -> Option<Object> {
        let fields = object.as_object()?.iter().filter(|(_, value)| !value.is_null());
        let known = fields.filter_map(|(given, value)| {
            // Go's decoder does not look at the case of names.
            let name = names.iter().find(|(_, internal)| internal.eq_ignore_ascii_case(given));
            name.map(|(name, _)| (Box::from(*name), value.clone()))
        });
        Some(known.collect())
    };
    let mut made = rename(internal, &DIRECTIONS)?;
    for (_, rules) in made.iter_mut() {
        let mut renamed = rename(rules, &RULES)?;
        if let Some(Value::Array(policies)) = renamed.get_mut("policies") {
            for policy in policies {
                *policy = Value::Object(rename(policy, &POLICY)?);
            }
        }
        *rules = Value::Object(renamed);
    }
    let id = BUILT_IN.find("k8s.io.api.autoscaling.v2.HorizontalPodAutoscalerBehavior")?;
    let decoded = json::decode_tree(&BUILT_IN, id, &Value::Object(made)).ok()?.object;
    (!decoded.is_empty()).then_some(Value::Object(decoded))
}
