//! Fields that upstream takes away because the feature behind them is off.
//!
//! The schema names the gates of fields (`gate=`); here is which of v1.36's gates are off. A field
//! stays where the stored object already makes use of its gate.

use crate::codec::normal;
use crate::edit::{self, Edit};
use crate::schema::{Arity, BUILT_IN, Kind, Message, MessageId, Schema};
use crate::target::Target;
use crate::value::{Object, Value};
use std::sync::LazyLock;

/// The gates that are off by default and have fields.
const OFF: &[&str] = &[
    "ClusterTrustBundleProjection",
    "ContainerStopSignals",
    "CoordinatedLeaderElection",
    "DRAListTypeAttributes",
    "DRANodeAllocatableResources",
    "DRAWorkloadResourceClaims",
    "GenericWorkload",
    "ImageVolumeWithDigest",
    "MaxUnavailableStatefulSet",
    "PodCertificateProjection",
    "TopologyAwareWorkloadScheduling",
    "VolumeLimitScaling",
    "WorkloadAwarePreemption",
];

/// Fields that the API's source does not mark, but upstream's code drops.
const UNMARKED: &[(&str, &str, &str)] =
    &[("k8s.io.api.core.v1.Lifecycle", "stopSignal", "ContainerStopSignals")];

/// The set of gates of which an object makes use, by their place in [`OFF`].
type Used = u32;

const _: () = assert!(OFF.len() <= Used::BITS as usize, "a bit for each gate");

/// For each built-in message: its gated fields, and whether any lie below it.
static GATED: LazyLock<Vec<Gated>> = LazyLock::new(find_gated);

#[derive(Debug, Default, Clone)]
struct Gated {
    /// JSON name and gate.
    own: Vec<(&'static str, u8)>,
    /// Fields that lead to messages with gated fields.
    below: Vec<Below>,
}

#[derive(Debug, Clone, Copy)]
struct Below {
    /// Empty for an inlined message, which lies in the object itself.
    name: &'static str,
    message: MessageId,
    arity: Arity,
}

impl Gated {
    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.below.is_empty()
    }
}

fn find_gated() -> Vec<Gated> {
    let schema: &'static Schema = &BUILT_IN;
    let messages = || schema.messages().map(|(_, message)| message);
    let mut found: Vec<Gated> =
        messages().map(|message| Gated { own: own(message), ..Gated::default() }).collect();
    // What lies below a message is known once what it leads to is: as often as something is new.
    let mut is_new = true;
    while is_new {
        is_new = false;
        for (at, message) in messages().enumerate() {
            let below: Vec<Below> = message
                .fields
                .iter()
                .filter(|field| field.inline || !field.json.is_empty())
                .filter_map(|field| match field.kind {
                    Kind::Message(inner) if !found[inner.index()].is_empty() => Some(Below {
                        name: if field.inline { "" } else { &field.json },
                        message: inner,
                        arity: field.arity,
                    }),
                    _ => None,
                })
                .collect();
            is_new |= below.len() != found[at].below.len();
            found[at].below = below;
        }
    }
    found
}

fn own(message: &'static Message) -> Vec<(&'static str, u8)> {
    let place = |gate: &str| OFF.iter().position(|off| *off == gate).map(|at| at as u8);
    let marked = message.fields.iter().filter_map(|field| {
        // A field of several gates needs them all.
        let gate = field.gate.as_deref()?.split(',').find_map(place)?;
        Some((field.json.as_str(), gate))
    });
    let unmarked = UNMARKED.iter().filter(|(name, ..)| *name == message.name);
    marked.chain(unmarked.filter_map(|(_, field, gate)| Some((*field, place(gate)?)))).collect()
}

/// Takes the fields of disabled features away, unless `old` has such.
pub(super) fn drop_disabled(target: Target<'_>, new: &mut Object, old: Option<&Object>) {
    let id = target.message();
    if !std::ptr::eq(target.schema(), &*BUILT_IN) || GATED[id.index()].is_empty() {
        return;
    }
    let asked = used(id, new);
    if asked == 0 {
        return;
    }
    let kept = old.map_or(0, |old| used(id, old));
    drop_unless(id, new, kept);
    if super::pod_spec_path(target).is_some() {
        tidy_lifecycles(target, new);
    }
}

fn used(id: MessageId, object: &Object) -> Used {
    let gated = &GATED[id.index()];
    let own = gated.own.iter().filter(|(name, _)| object.get(name).is_some_and(|v| !v.is_null()));
    let own = own.fold(0, |used, (_, gate)| used | 1 << gate);
    gated.below.iter().fold(own, |all, below| {
        let inner =
            |value: &Value| value.as_object().map_or(0, |object| used(below.message, object));
        all | match (below.arity, object.get(below.name)) {
            _ if below.name.is_empty() => used(below.message, object),
            (Arity::One, Some(value)) => inner(value),
            (Arity::List, Some(Value::Array(items))) => {
                items.iter().fold(0, |all, item| all | inner(item))
            }
            (Arity::Map, Some(Value::Object(map))) => {
                map.iter().fold(0, |all, (_, entry)| all | inner(entry))
            }
            _ => 0,
        }
    })
}

fn drop_unless(id: MessageId, object: &mut Object, kept: Used) {
    let gated = &GATED[id.index()];
    let before = object.len();
    let is_off = |name: &str| {
        gated.own.iter().any(|(field, gate)| *field == name && kept & (1 << gate) == 0)
    };
    object.retain(|name, _| !is_off(name));
    if object.len() != before {
        normal::complete(&BUILT_IN, id, object);
    }
    for below in &gated.below {
        let inner = |value: &mut Value| {
            if let Some(object) = value.as_object_mut() {
                drop_unless(below.message, object, kept);
            }
        };
        if below.name.is_empty() {
            drop_unless(below.message, object, kept);
            continue;
        }
        match (below.arity, object.get_mut(below.name)) {
            (Arity::One, Some(value)) => inner(value),
            (Arity::List, Some(Value::Array(items))) => items.iter_mut().for_each(inner),
            (Arity::Map, Some(Value::Object(map))) => {
                map.iter_mut().for_each(|(_, one)| inner(one));
            }
            _ => {}
        }
    }
}

/// A container's lifecycle of which nothing is left goes as a whole.
fn tidy_lifecycles(target: Target<'_>, object: &mut Object) {
    let path = super::pod_spec_path(target).unwrap_or(&["spec"]);
    let mut edit = Edit::new(target, object);
    let Some(mut spec) = edit.at(path) else { return };
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        spec.each(&[list], |mut container| {
            if edit::object(container.object(), &["lifecycle"]).is_some_and(Object::is_empty) {
                container.remove(&["lifecycle"]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_has_fields() {
        let found: Vec<u8> =
            GATED.iter().flat_map(|gated| &gated.own).map(|(_, gate)| *gate).collect();
        for (at, gate) in OFF.iter().enumerate() {
            assert!(found.contains(&(at as u8)), "{gate}");
        }
    }
}
