//! What an autoscaler measures (`spec.metrics`).

use super::reference;
use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

/// Sources in the order in which upstream looks for them, and the types that say which is meant.
const SOURCES: [(&str, &str); 5] = [
    ("object", "Object"),
    ("external", "External"),
    ("pods", "Pods"),
    ("resource", "Resource"),
    ("containerResource", "ContainerResource"),
];

const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

pub fn all(spec: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let any_version = old.is_some_and(|old| {
        let mut metrics = old.objects("metrics");
        metrics.any(|(_, metric)| {
            let object = metric.object("object").map(|object| object.part("describedObject"));
            object.is_some_and(|it| reference::bad_version(it.text("apiVersion"), true).is_some())
        })
    });
    for (at, metric) in spec.objects("metrics") {
        of(metric, any_version, &path.index(at), errors);
    }
    let mut metrics = spec.objects("metrics");
    let counts_down = metrics.any(|(_, one)| matches!(one.text("type"), "Object" | "External"));
    if spec.int("minReplicas") == Some(0) && !counts_down {
        let detail = "must specify at least one Object or External metric to support scaling to \
                      zero replicas";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn of(metric: &Object, any_version: bool, path: &Path<'_>, errors: &mut Errors) {
    let kind = metric.text("type");
    if kind.is_empty() {
        let detail = "must specify a metric source type";
        errors.push(FieldError::required(path.child("type"), detail));
    }
    check::one_of(errors, path.child("type"), kind, &TYPES);
    let given: Vec<(&str, &Object)> =
        SOURCES.iter().filter_map(|(name, _)| Some((*name, metric.object(name)?))).collect();
    // Upstream judges the first source alone.
    if let Some((name, source)) = given.first() {
        self::source(name, source, any_version, &path.child(name), errors);
    }
    let meant = SOURCES.iter().find(|(_, one)| *one == kind).map(|(name, _)| *name);
    if let Some(meant) = meant.filter(|meant| !metric.has(meant)) {
        let detail = "must populate information for the given metric source";
        errors.push(FieldError::required(path.child(meant), detail));
    }
    if meant.is_none() {
        check::one_of(errors, path.child("type"), kind, &TYPES);
    }
    if given.len() == 1 {
        return;
    }
    for (name, _) in given.iter().filter(|(name, _)| Some(*name) != meant) {
        let detail = "must populate the given metric source only";
        errors.push(FieldError::forbidden(path.child(name), detail));
    }
}

fn source(name: &str, source: &Object, any_version: bool, path: &Path<'_>, errors: &mut Errors) {
    match name {
        "object" => {
            let options = reference::Options { any_version, core_group: true };
            let described = source.part("describedObject");
            reference::of(described, options, &path.child("describedObject"), errors);
            identifier(source, path, errors);
            target(source, path, errors);
            value_or_average(
                source,
                "must set either a target value or averageValue",
                path,
                errors,
            );
        }
        "external" => {
            identifier(source, path, errors);
            target(source, path, errors);
            let detail = "must set either a target value for metric or a per-pod target";
            value_or_average(source, detail, path, errors);
            let target = source.part("target");
            if target.has("value") && target.has("averageValue") {
                let detail = "may not set both a target value for metric and a per-pod target";
                errors.push(FieldError::forbidden(path.child("target.value"), detail));
            }
        }
        "pods" => {
            identifier(source, path, errors);
            target(source, path, errors);
            if !source.part("target").has("averageValue") {
                let detail = "must specify a positive target averageValue";
                errors.push(FieldError::required(path.child("target.averageValue"), detail));
            }
        }
        _ => resource(name, source, path, errors),
    }
}

fn value_or_average(source: &Object, detail: &str, path: &Path<'_>, errors: &mut Errors) {
    let target = source.part("target");
    if !target.has("value") && !target.has("averageValue") {
        errors.push(FieldError::required(path.child("target.averageValue"), detail));
    }
}

fn resource(name: &str, source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::required(
        errors,
        path.child("name"),
        source.text("name"),
        "must specify a resource name",
    );
    if name == "containerResource" {
        let container = source.text("container");
        let path = path.child("container");
        if container.is_empty() {
            errors.push(FieldError::required(path, "must specify a container"));
        } else {
            check::dns_label(errors, path, container);
        }
    }
    target(source, path, errors);
    let target = source.part("target");
    let (share, value) = (target.has("averageUtilization"), target.has("averageValue"));
    if !share && !value {
        let detail = "must set either a target raw value or a target utilization";
        errors.push(FieldError::required(path.child("target.averageUtilization"), detail));
    }
    if share && value {
        let detail = "may not set both a target raw value and a target utilization";
        errors.push(FieldError::forbidden(path.child("target.averageValue"), detail));
    }
}

fn target(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let target = source.part("target");
    let path = path.child("target");
    let kind = target.text("type");
    check::required(errors, path.child("type"), kind, "must specify a metric target type");
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.push(FieldError::invalid(path.child("type"), kind, detail));
    }
    for name in ["value", "averageValue"] {
        let Some(value) = target.value(name) else { continue };
        let quantity = check::quantity(Some(value));
        if quantity.is_negative() || quantity.is_zero() {
            errors.push(FieldError::invalid(path.child(name), value, "must be positive"));
        }
    }
    if let Some(share) = target.int("averageUtilization").filter(|share| *share < 1) {
        let path = path.child("averageUtilization");
        errors.push(FieldError::invalid(path, &Value::Int(share), "must be greater than 0"));
    }
}

fn identifier(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = source.part("metric").text("name");
    let path = path.child("metric.name");
    if name.is_empty() {
        errors.push(FieldError::required(path, "must specify a metric name"));
    } else {
        check::each(errors, path, name, names::path_segment(name));
    }
}
