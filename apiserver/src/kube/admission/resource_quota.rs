//! ResourceQuota: how much of what a namespace may hold.
//!
//! Upstream, a controller computes `status` and admission adds to it. Here `status.used` is kept
//! exact by whoever writes: the quota changes in the same transaction as the object, at the revision
//! at which both were judged. So a quota is never exceeded, however many replicas write at once, and
//! what goes is given back at once. A quota whose `status.hard` is not its `spec.hard` (a new one
//! has none) counts as well: its usage is computed from the keyspace by the first write that it
//! concerns, and stored by it.
//!
//! Two more things keep that exact. A quota that a write does not know of, because it is made or
//! changed while the write is under way, would miss it: every write that a quota could count asks
//! that its namespace's guard ([`guard_key`]) stands as it was, and every change of what a quota
//! limits moves the guard. And what an object uses depends on nothing but the object: a pod counts
//! until it has ended or is gone, also where upstream's controller gives up on one that is stuck.

mod claims;
mod measure;
mod pods;
mod quota;
mod scope;

use super::resource_list::{ResourceList, exceeds};
use super::{Operation, Plugin, Review};
use crate::kube::storage::Change;
pub use claims::storage_class;
use measure::Measure;
use quota::Quota;
use xebec_core::edit::{self, Edit};
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Object;
use xebec_store::kv::Revision;

const QUOTAS: GroupName<'static> = GroupName { group: "", name: "resourcequotas" };

pub struct ResourceQuota;

/// The key that stands still while no quota of a namespace begins to count anything else.
fn guard_key(namespace: &str) -> String {
    format!("/registry/quota-guards/{namespace}")
}

impl Plugin for ResourceQuota {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    /// A controller that counts does not see all that has been written: what it says of usage is
    /// replaced by what is there.
    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        let is_status = review.target.kind() == ("", "ResourceQuota")
            && (review.target.subresource, review.operation) == ("status", Operation::Update);
        if is_status && let Some(used) = Quota::told(object).recount(review)? {
            Edit::new(review.target, object).set(&["status", "used"], used);
        }
        Ok(())
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some(new) = object.filter(|_| review.operation != Operation::Delete) else {
            return Ok(());
        };
        let Some(measure) = measured(review) else { return Ok(()) };
        let moves = review.is_of("", "ResourceQuota") && changes_what_counts(new, review.old);
        let step = Step::of(review, measure, Some(new));
        if !moves && step.changes_nothing() {
            return Ok(());
        }
        stand_guard(review, moves);
        let quotas = others(review, &step)?;
        step.check_demands(review, &quotas)?;
        for quota in quotas {
            step.charge(review, quota)?;
        }
        Ok(())
    }

    fn removed(&self, review: &mut Review<'_>, object: &Object) -> Result<(), Status> {
        if review.target.kind() == ("", "Namespace") {
            forget_guard(review);
            return Ok(());
        }
        let Some(measure) = measured(review) else { return Ok(()) };
        // An update that removes the object has been charged as an update. What goes is what is
        // stored, whatever it would have become.
        if let Some(range) = quota_range(review) {
            review.effects.changes.retain(|change| !change.key.starts_with(&range));
        }
        let step = Step { measure, old: Some(object), new: None, is_judged: false };
        stand_guard(review, false);
        for quota in others(review, &step)? {
            step.charge(review, quota)?;
        }
        Ok(())
    }
}

/// How what is written is measured; `None` if no quota counts it.
fn measured(review: &Review<'_>) -> Option<Measure> {
    let resource = review.target.resource;
    let inside = resource.namespaced && !review.namespace.is_empty();
    if inside { Measure::of(&resource.group, &resource.plural) } else { None }
}

/// Scopes never change: validation sees to it.
fn changes_what_counts(new: &Object, old: Option<&Object>) -> bool {
    let hard = |quota| ResourceList::from_object(edit::object(quota, &["spec", "hard"]));
    old.is_none_or(|old| !hard(new).same(&hard(old)))
}

fn quota_range(review: &Review<'_>) -> Option<String> {
    let quotas = review.registry.find_resource(QUOTAS.group, QUOTAS.name)?;
    Some(quotas.key_range(Some(review.namespace)))
}

/// Asks that the namespace's guard stands, or moves it.
fn stand_guard(review: &mut Review<'_>, moves: bool) {
    let key = guard_key(review.namespace);
    let held = review.view.keys().get(key.as_bytes());
    let expected: Revision = held.map_or(0, |held| held.mod_revision);
    if moves {
        let value = Some(bytes::Bytes::new());
        review.effects.changes.push(Change { key, expected, value });
    } else {
        review.effects.guards.push((key, expected));
    }
}

/// A namespace that goes takes its guard along.
fn forget_guard(review: &mut Review<'_>) {
    let key = guard_key(review.name);
    if let Some(held) = review.view.keys().get(key.as_bytes()) {
        let expected = held.mod_revision;
        review.effects.changes.push(Change { key, expected, value: None });
    }
}

/// The quotas of the namespace that count what is written, before or after; an object never counts
/// in itself.
fn others(review: &Review<'_>, step: &Step<'_>) -> Result<Vec<Quota>, Status> {
    let mut quotas = Quota::all(review, QUOTAS)?;
    let own = (review.is_of("", "ResourceQuota")).then_some(review.name);
    quotas.retain(|quota| Some(quota.name()) != own && step.concerns(quota));
    Ok(quotas)
}

/// What a write makes of an object, as quotas see it.
struct Step<'s> {
    measure: Measure,
    /// What is stored, and counted.
    old: Option<&'s Object>,
    new: Option<&'s Object>,
    /// The write is refused where a quota has no room for it.
    is_judged: bool,
}

impl<'s> Step<'s> {
    fn of(review: &Review<'s>, measure: Measure, new: Option<&'s Object>) -> Self {
        let old = review.old;
        let is_judged = new.is_some_and(|new| measure.judges(review.target.subresource, new, old));
        Self { measure, old, new, is_judged }
    }

    fn changes_nothing(&self) -> bool {
        let (Some(old), Some(new)) = (self.old, self.new) else { return false };
        self.measure.is_same(old, new)
    }

    fn concerns(&self, quota: &Quota) -> bool {
        let counts = |object: Option<&Object>| {
            object.is_some_and(|object| quota.counts(&self.measure, object))
        };
        counts(self.old) || counts(self.new)
    }

    /// Some quotas refuse what does not say how much it needs.
    fn check_demands(&self, review: &Review<'_>, quotas: &[Quota]) -> Result<(), Status> {
        let Some(new) = self.new.filter(|_| self.is_judged) else { return Ok(()) };
        for quota in quotas.iter().filter(|quota| quota.counts(&self.measure, new)) {
            if let Some(why) = self.measure.missing(&quota.hard, new) {
                let name = quota.name();
                return Err(review.forbidden(format!("failed quota: {name}: {why}")));
            }
        }
        let negative: Vec<String> = self
            .measure
            .usage(new)
            .iter()
            .filter(|(_, amount)| amount.is_negative())
            .map(|(name, _)| name.to_owned())
            .collect();
        if negative.is_empty() {
            return Ok(());
        }
        let names = negative.join(",");
        Err(review.forbidden(format!("quota usage is negative for resource(s): {names}")))
    }

    /// What the write adds to a quota's usage, and takes from it.
    fn delta(&self, quota: &Quota) -> ResourceList {
        let mut delta = ResourceList::default();
        let counted = |object: &&Object| quota.counts(&self.measure, object);
        if let Some(new) = self.new.filter(counted) {
            delta.add(&self.measure.usage(new));
        }
        if let Some(old) = self.old.filter(counted) {
            delta.subtract(&self.measure.usage(old));
        }
        delta.retain(|name, amount| !amount.is_zero() && quota.hard.get(name).is_some());
        delta
    }

    fn charge(&self, review: &mut Review<'_>, mut quota: Quota) -> Result<(), Status> {
        let delta = self.delta(&quota);
        if delta.is_empty() {
            return Ok(());
        }
        if !quota.is_computed() {
            // Also where something only goes: else whoever computes meanwhile would count it.
            quota.compute(review)?;
        }
        if self.is_judged && review.target.subresource != "status" {
            check_room(review, &quota, &delta)?;
        }
        quota.used.add(&delta);
        review.effects.queue = Some(guard_key(review.namespace));
        let change = quota.into_change(review);
        review.effects.changes.push(change);
        Ok(())
    }
}

/// 403 if a quota has no room for what is added.
fn check_room(review: &Review<'_>, quota: &Quota, delta: &ResourceList) -> Result<(), Status> {
    let mut requested = delta.clone();
    requested.retain(|name, amount| {
        let used = quota.used.get(name).unwrap_or_default();
        let hard = quota.hard.get(name);
        !amount.is_negative() && hard.is_some_and(|hard| exceeds(used.plus(amount), hard))
    });
    if requested.is_empty() {
        return Ok(());
    }
    let of = |list: &ResourceList| {
        let mut list = list.clone();
        list.retain(|name, _| requested.get(name).is_some());
        list
    };
    Err(review.forbidden(format!(
        "exceeded quota: {}, requested: {requested}, used: {}, limited: {}",
        quota.name(),
        of(&quota.used),
        of(&quota.hard)
    )))
}
