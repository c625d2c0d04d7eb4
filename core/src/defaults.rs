//! Defaults: what an object has where its author said nothing.
//!
//! Static ones stand in the schema table (`default=`); those that depend on other fields are
//! functions, one file for each group, listed by the message they complete. A walker brings both to
//! every place of an object where the message stands, so that what holds for a pod's containers is
//! written once and holds in every pod template. Source: the `SetDefaults_*` functions of
//! kubernetes/pkg/apis and the order in which defaulter-gen calls them: a message before its parts.
//!
//! Fields that a feature gate will drop are completed all the same, as upstream does.

mod admission;
mod apps;
mod autoscaling;
mod batch;
mod core;
mod draft;
mod flowcontrol;
mod networking;
mod others;
mod plan;
mod pod;
mod pod_resources;
mod rbac;
mod resource;
mod service;
mod storage;
mod volume;

pub use resource::stamp;

use crate::codec::normal;
use crate::custom;
use crate::quantity::Quantity;
use crate::registry::MessageRef;
use crate::schema::{Arity, BUILT_IN, MessageId};
use crate::target::Target;
use crate::value::{Object, Value};
use draft::Draft;
use plan::{PLANS, Plan};

/// Completes one message; what it leaves is in normal form.
type Rule = fn(&mut Draft<'_>);

/// Completes an object in normal form of the target's version, or what is sent to its subresource.
/// Doing it twice changes nothing. Custom resources have their defaults from their own schema.
pub fn complete(target: Target<'_>, object: &mut Object) {
    if matches!(target.version.message, MessageRef::Custom(..)) {
        if target.subresource != "scale"
            && let Some(structural) = custom::structural_of(target)
        {
            custom::default::complete(structural, object);
            custom::arrange_root(object);
        }
    } else if let Some(message) = target.body() {
        complete_message(message, object);
    }
}

/// Completes an object of a built-in message.
pub fn complete_message(id: MessageId, object: &mut Object) {
    let Some(plan) = &PLANS[id.index()] else { return };
    for rule in &plan.rules {
        rule(&mut Draft::new(id, object));
    }
    complete_fields(plan, id, object);
    for child in &plan.children {
        let Some(value) = object.get_mut(child.name) else { continue };
        match (child.arity, value) {
            (Arity::One, Value::Object(inner)) => complete_message(child.message, inner),
            (Arity::List, Value::Array(items)) => {
                for inner in items.iter_mut().filter_map(Value::as_object_mut) {
                    complete_message(child.message, inner);
                }
            }
            (Arity::Map, Value::Object(entries)) => {
                for inner in entries.iter_mut().filter_map(|(_, value)| value.as_object_mut()) {
                    complete_message(child.message, inner);
                }
            }
            _ => {}
        }
    }
}

fn complete_fields(plan: &Plan, id: MessageId, object: &mut Object) {
    for fixed in &plan.fixed {
        let is_set = object.get(fixed.name).is_some_and(|held| fixed.counts_as_set(held));
        if !is_set {
            normal::put(&BUILT_IN, id, object, fixed.name, fixed.value.clone());
        }
    }
    for name in &plan.amounts {
        let Some(Value::Object(amounts)) = object.get_mut(name) else { continue };
        for (_, amount) in amounts.iter_mut() {
            round_up_to_milli(amount);
        }
    }
}

/// Upstream keeps no amount of a resource finer than a thousandth.
fn round_up_to_milli(amount: &mut Value) {
    let Some(text) = amount.as_str() else { return };
    // Canonical texts show by their suffix how fine they are.
    let is_fine = text.ends_with(['n', 'u']) || text.contains("e-");
    if is_fine && let Ok(quantity) = Quantity::parse(text) {
        *amount = quantity.round_up_to_milli().to_string().into();
    }
}
