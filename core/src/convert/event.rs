//! Events: those of `events.k8s.io` are stored as those of the core group. They differ in names.

use crate::codec::normal;
use crate::schema::{BUILT_IN, MessageId};
use crate::value::Object;
use std::sync::LazyLock;

static CORE: LazyLock<MessageId> = LazyLock::new(|| find("k8s.io.api.core.v1.Event"));
static EVENTS: LazyLock<MessageId> = LazyLock::new(|| find("k8s.io.api.events.v1.Event"));

/// Names in the core group, and in `events.k8s.io`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn find(name: &str) -> MessageId {
    BUILT_IN.find(name).expect("a kind of the table")
}

pub(super) fn to_core(event: Object) -> Object {
    renamed(event, *CORE, |name| {
        NAMES.iter().find(|(_, theirs)| *theirs == name).map(|(core, _)| *core)
    })
}

pub(super) fn from_core(event: Object) -> Object {
    renamed(event, *EVENTS, |name| {
        NAMES.iter().find(|(core, _)| *core == name).map(|(_, theirs)| *theirs)
    })
}

fn renamed(event: Object, to: MessageId, name: impl Fn(&str) -> Option<&'static str>) -> Object {
    let mut made = Object::with_capacity(event.len());
    for (field, value) in event {
        let field = name(&field).map_or(field, Box::from);
        made.push(field, value);
    }
    normal::complete(&BUILT_IN, to, &mut made);
    made
}
