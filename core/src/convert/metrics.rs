//! Metrics of autoscalers, between the form of version 1, which stands in annotations, and that of
//! version 2.

use crate::codec::json;
use crate::schema::{BUILT_IN, MessageId};
use crate::value::{Object, Value};

/// How the fields of a kind of metric are called in version 1, and where they stand in version 2.
pub(super) struct Form {
    name: &'static str,
    fields: &'static [(&'static str, &'static [&'static str])],
    /// What is measured against, where version 2 says so: the field of version 1 of which the
    /// presence decides, what it is then, and what it is otherwise.
    target: Option<(&'static str, &'static str, &'static str)>,
}

pub(super) const SOURCES: &[Form] = &[
    Form {
        name: "object",
        fields: &[
            ("target", &["describedObject"]),
            ("metricName", &["metric", "name"]),
            ("targetValue", &["target", "value"]),
            ("selector", &["metric", "selector"]),
            ("averageValue", &["target", "averageValue"]),
        ],
        target: Some(("averageValue", "AverageValue", "Value")),
    },
    Form {
        name: "pods",
        fields: &[
            ("metricName", &["metric", "name"]),
            ("targetAverageValue", &["target", "averageValue"]),
            ("selector", &["metric", "selector"]),
        ],
        target: Some(("targetAverageValue", "AverageValue", "AverageValue")),
    },
    Form { name: "resource", fields: RESOURCE, target: Some(UTILIZATION) },
    Form { name: "containerResource", fields: CONTAINER_RESOURCE, target: Some(UTILIZATION) },
    Form {
        name: "external",
        fields: &[
            ("metricName", &["metric", "name"]),
            ("metricSelector", &["metric", "selector"]),
            ("targetValue", &["target", "value"]),
            ("targetAverageValue", &["target", "averageValue"]),
        ],
        target: Some(("targetValue", "Value", "AverageValue")),
    },
];

type Fields = &'static [(&'static str, &'static [&'static str])];

const RESOURCE: Fields = &[
    ("name", &["name"]),
    ("targetAverageUtilization", &["target", "averageUtilization"]),
    ("targetAverageValue", &["target", "averageValue"]),
];
const CONTAINER_RESOURCE: Fields = &[
    ("name", &["name"]),
    ("targetAverageUtilization", &["target", "averageUtilization"]),
    ("targetAverageValue", &["target", "averageValue"]),
    ("container", &["container"]),
];
const UTILIZATION: (&str, &str, &str) = ("targetAverageUtilization", "Utilization", "AverageValue");

pub(super) const STATES: &[Form] = &[
    Form {
        name: "object",
        fields: &[
            ("target", &["describedObject"]),
            ("metricName", &["metric", "name"]),
            ("currentValue", &["current", "value"]),
            ("selector", &["metric", "selector"]),
            ("averageValue", &["current", "averageValue"]),
        ],
        target: None,
    },
    Form {
        name: "pods",
        fields: &[
            ("metricName", &["metric", "name"]),
            ("currentAverageValue", &["current", "averageValue"]),
            ("selector", &["metric", "selector"]),
        ],
        target: None,
    },
    Form {
        name: "resource",
        fields: &[
            ("name", &["name"]),
            ("currentAverageUtilization", &["current", "averageUtilization"]),
            ("currentAverageValue", &["current", "averageValue"]),
        ],
        target: None,
    },
    Form {
        name: "containerResource",
        fields: &[
            ("name", &["name"]),
            ("currentAverageUtilization", &["current", "averageUtilization"]),
            ("currentAverageValue", &["current", "averageValue"]),
            ("container", &["container"]),
        ],
        target: None,
    },
    Form {
        name: "external",
        fields: &[
            ("metricName", &["metric", "name"]),
            ("metricSelector", &["metric", "selector"]),
            ("currentValue", &["current", "value"]),
            ("currentAverageValue", &["current", "averageValue"]),
        ],
        target: None,
    },
];

/// The resource metric of processors, if a metric or its state is that.
pub(super) fn of_cpu(metric: &Value) -> Option<&Value> {
    let text = |value: &Value, name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let resource = metric.get("resource")?;
    let is_cpu = text(metric, "type")? == "Resource" && text(resource, "name")? == "cpu";
    is_cpu.then_some(resource)
}

/// The metric that version 1 can say, or (`which` is `current`) its state.
pub(super) fn cpu(which: &str, percent: Value) -> Value {
    let mut holder = Object::new();
    if which == "target" {
        holder.push("type", "Utilization".into());
    }
    holder.push("averageUtilization", percent);
    let mut resource = Object::new();
    resource.push("name", "cpu".into());
    resource.push(which, Value::Object(holder));
    let mut metric = Object::new();
    metric.push("type", "Resource".into());
    metric.push("resource", Value::Object(resource));
    Value::Object(metric)
}

/// A metric of version 2 in the form of version 1.
pub(super) fn to_v1(metric: &Value, forms: &[Form], to: MessageId) -> Value {
    changed(metric, forms, to, |form, from| {
        let mut made = Object::new();
        for (name, path) in form.fields {
            let value = path.iter().try_fold(from, |value, step| value.get(step));
            if let Some(value) = value.filter(|value| !value.is_null()) {
                made.push(*name, value.clone());
            }
        }
        made
    })
}

/// A metric of version 1, in normal form, in the form of version 2.
pub(super) fn from_v1(metric: &Value, forms: &[Form], to: MessageId) -> Value {
    changed(metric, forms, to, |form, from| {
        let mut made = Object::new();
        if let Some((decides, then, otherwise)) = form.target {
            let is_given = from.get(decides).is_some_and(|value| !value.is_null());
            let kind = if is_given { then } else { otherwise };
            set(&mut made, &["target", "type"], kind.into());
        }
        for (name, path) in form.fields {
            if let Some(value) = from.get(name).filter(|value| !value.is_null()) {
                set(&mut made, path, value.clone());
            }
        }
        made
    })
}

fn changed(
    metric: &Value,
    forms: &[Form],
    to: MessageId,
    change: impl Fn(&Form, &Value) -> Object,
) -> Value {
    let mut made = Object::new();
    made.push("type", metric.get("type").cloned().unwrap_or_default());
    for form in forms {
        if let Some(from) = metric.get(form.name).filter(|from| !from.is_null()) {
            made.push(form.name, Value::Object(change(form, from)));
        }
    }
    let made = Value::Object(made);
    // What was of one version's form is of the other's: nothing here can fail.
    match json::decode_tree(&BUILT_IN, to, &made) {
        Ok(decoded) => Value::Object(decoded.object),
        Err(_) => made,
    }
}

fn set(object: &mut Object, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            object.insert(*last, value);
        }
        [first, rest @ ..] => {
            if object.get(first).is_none() {
                object.push(*first, Value::Object(Object::new()));
            }
            if let Some(Value::Object(inner)) = object.get_mut(first) {
                set(inner, rest, value);
            }
        }
    }
}
