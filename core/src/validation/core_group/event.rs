//! Events, of both groups that serve them: the core group's are taken nearly as they come, those
//! of `events.k8s.io` must be complete and stay as they are.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::internal;
use crate::validation::meta;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check};
use crate::value::Object;

const NAME_MAX_BYTES: usize = 128;
const NOTE_MAX_BYTES: usize = 1_024;

pub(super) const RULES: Rules = Rules {
    create: |_, event, errors| legacy(event, errors),
    update: |_, event, _, errors| legacy(event, errors),
    warnings: |_, _, _, _| {},
};

/// Of `events.k8s.io`; stored in the core group's form.
pub(in crate::validation) const STRICT: Rules = Rules {
    create: strict_on_create,
    update: |_, new, old, errors| strict_on_update(new, old, errors),
    warnings: |_, _, _, _| {},
};

/// What every event must be, however it comes.
fn legacy(event: &Object, errors: &mut Errors) {
    let namespace = metadata(event).text("namespace");
    let of = event.part("involvedObject").text("namespace");
    let matches = match (event.has("eventTime"), of) {
        (false, "") => matches!(namespace, "" | "default"),
        (false, of) => namespace == of,
        (true, "") => matches!(namespace, "default" | "kube-system"),
        (true, _) => true,
    };
    if !matches {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid("involvedObject.namespace", of, detail));
    }
    if event.has("eventTime") {
        complete(event, errors);
    }
    check::dns_subdomain(errors, "namespace", namespace);
}

/// What is asked of events that tell when they happened.
fn complete(event: &Object, errors: &mut Errors) {
    let controller = event.text("reportingComponent");
    check::required(errors, "reportingController", controller, "");
    check::each(errors, "reportingController", controller, names::label_key(controller));
    let mut bounded = |name: &str, most: usize, needed: bool| {
        let text = event.text(name);
        if needed {
            check::required(errors, name, text, "");
        }
        if text.len() > most {
            let detail = format!("can have at most {most} characters");
            errors.push(FieldError::invalid(name, "", &detail));
        }
    };
    bounded("reportingInstance", NAME_MAX_BYTES, true);
    bounded("action", NAME_MAX_BYTES, true);
    bounded("reason", NAME_MAX_BYTES, true);
    bounded("message", NOTE_MAX_BYTES, false);
}

/// What is asked beyond that of a new event of `events.k8s.io`; the object has the core group's
/// form.
fn strict_on_create(target: Target<'_>, event: &Object, errors: &mut Errors) {
    legacy(event, errors);
    meta::on_create(target, event, meta::subdomain, errors);
    series(event, errors);
    if !event.has("eventTime") {
        errors.push(FieldError::required("eventTime", ""));
    }
    let kind = event.text("type");
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", "", &format!("has invalid value: {kind}")));
    }
    let source = event.part("source");
    let old_fields = [
        ("firstTimestamp", event.has("firstTimestamp")),
        ("lastTimestamp", event.has("lastTimestamp")),
        ("count", event.int("count").unwrap_or(0) != 0),
        ("source", ["component", "host"].iter().any(|name| !source.text(name).is_empty())),
    ];
    for (name, _) in old_fields.iter().filter(|(_, set)| *set) {
        errors.push(FieldError::invalid(name, "", "needs to be unset"));
    }
}

/// What is asked of an event of `events.k8s.io` that replaces another: nothing but its series
/// changes.
fn strict_on_update(new: &Object, old: &Object, errors: &mut Errors) {
    legacy(new, errors);
    meta::on_update(new, old, errors);
    if !same(new.value("series"), old.value("series")) {
        series(new, errors);
    }
    let reference = |errors: &mut Errors, name: &str| {
        if !same(new.value(name), old.value(name)) {
            let (path, message) = (Path::root(name), "k8s.io.api.core.v1.ObjectReference");
            errors.push(internal::invalid(&path, message, new.value(name), meta::IMMUTABLE));
        }
    };
    reference(errors, "involvedObject");
    let mut fixed = |json: &str, shown: &str, absent: &str| {
        let (now, before) = (new.value(json), old.value(json));
        check::immutable(errors, &Path::root(shown), now, before, absent);
    };
    fixed("reason", "reason", "\"\"");
    fixed("message", "message", "\"\"");
    fixed("source", "source", "{\"Component\":\"\",\"Host\":\"\"}");
    fixed("firstTimestamp", "firstTimestamp", "null");
    fixed("lastTimestamp", "lastTimestamp", "null");
    fixed("count", "count", "0");
    fixed("reason", "reason", "\"\"");
    fixed("type", "type", "\"\"");
    fixed("eventTime", "eventTime", "null");
    fixed("action", "action", "\"\"");
    reference(errors, "related");
    let mut fixed = |json: &str, shown: &str| {
        let (now, before) = (new.value(json), old.value(json));
        check::immutable(errors, &Path::root(shown), now, before, "\"\"");
    };
    fixed("reportingComponent", "reportingController");
    fixed("reportingInstance", "reportingInstance");
}

fn series(event: &Object, errors: &mut Errors) {
    let Some(series) = event.object("series") else { return };
    if series.int("count").unwrap_or(0) < 2 {
        errors.push(FieldError::invalid("series.count", "", "should be at least 2"));
    }
    if !series.has("lastObservedTime") {
        errors.push(FieldError::required("series.lastObservedTime", ""));
    }
}
