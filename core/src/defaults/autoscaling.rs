//! Autoscalers.

use super::Rule;
use super::draft::{Draft, object};
use crate::value::Value;

pub(super) const RULES_V1: &[(&str, Rule)] = &[("HorizontalPodAutoscaler", least)];

pub(super) const RULES_V2: &[(&str, Rule)] = &[
    ("HorizontalPodAutoscaler", least),
    ("HorizontalPodAutoscaler", metrics),
    ("HorizontalPodAutoscalerBehavior", behavior),
];

/// What an autoscaler without metrics looks at: the use of processors, in percent.
const CPU_PERCENT: i64 = 80;
const PERIOD_SECONDS: i64 = 15;

fn least(autoscaler: &mut Draft<'_>) {
    autoscaler.child("spec").default("minReplicas", 1);
}

fn metrics(autoscaler: &mut Draft<'_>) {
    let mut spec = autoscaler.child("spec");
    if spec.is_empty("metrics") {
        spec.put("metrics", Value::Array(vec![cpu_metric(CPU_PERCENT)]));
    }
}

/// The metric that version 1 could tell.
fn cpu_metric(percent: i64) -> Value {
    let target = [("type", "Utilization".into()), ("averageUtilization", percent.into())];
    let resource = [("name", "cpu".into()), ("target", object(target))];
    object([("type", "Resource".into()), ("resource", object(resource))])
}

/// A behaviour that says anything has both its rules in full.
fn behavior(behavior: &mut Draft<'_>) {
    let percent = policy("Percent", 100);
    let mut up = behavior.child("scaleUp");
    up.default("stabilizationWindowSeconds", 0);
    up.default("selectPolicy", "Max");
    up.default("policies", vec![policy("Pods", 4), percent.clone()]);
    let mut down = behavior.child("scaleDown");
    down.default("selectPolicy", "Max");
    down.default("policies", vec![percent]);
}

fn policy(kind: &str, value: i64) -> Value {
    let period = ("periodSeconds", PERIOD_SECONDS.into());
    object([("type", kind.into()), ("value", value.into()), period])
}
