//! Dynamic resource allocation.

use super::Rule;
use super::draft::Draft;
use crate::codec::normal;
use crate::schema::{BUILT_IN, Kind, MessageId};
use crate::target::Target;
use crate::time::Timestamp;
use crate::value::{Object, Value};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("DeviceRequest", request),
    ("DeviceSubRequest", exact_request),
    ("ExactDeviceRequest", exact_request),
    ("NodeAllocatableResourceMapping", mapping),
];

const EXACT_COUNT: &str = "ExactCount";

/// Before v1beta2 a request of one class stood in the request itself.
fn request(request: &mut Draft<'_>) {
    if !request.text("deviceClassName").is_empty() {
        exact_request(request);
    }
}

fn exact_request(request: &mut Draft<'_>) {
    request.default("allocationMode", EXACT_COUNT);
    if request.text("allocationMode") == EXACT_COUNT {
        request.default("count", 1);
    }
}

fn mapping(mapping: &mut Draft<'_>) {
    mapping.default("allocationMultiplier", "1");
}

/// Says of the taints of devices since when they are, where nobody did. This is a default upstream;
/// it is apart from the others because it needs the time.
pub fn stamp(target: Target<'_>, object: &mut Object, now: Timestamp) {
    if *target.resource.group != *"resource.k8s.io" || target.resource.custom {
        return;
    }
    stamp_message(target.message(), object, &now.to_seconds_text().into());
}

/// The fields that lead to a taint, in any version.
const TO_TAINTS: [&str; 5] = ["spec", "devices", "basic", "taints", "taint"];

fn stamp_message(id: MessageId, object: &mut Object, now: &Value) {
    if BUILT_IN.message(id).name.ends_with(".DeviceTaint") && object.get("timeAdded").is_none() {
        normal::put(&BUILT_IN, id, object, "timeAdded", now.clone());
    }
    for name in TO_TAINTS {
        let Some(field) = BUILT_IN.field(id, name) else { continue };
        let Kind::Message(inner) = field.kind else { continue };
        match object.get_mut(name) {
            Some(Value::Object(object)) => stamp_message(inner, object, now),
            Some(Value::Array(items)) => {
                for object in items.iter_mut().filter_map(Value::as_object_mut) {
                    stamp_message(inner, object, now);
                }
            }
            _ => {}
        }
    }
}
