//! PUT of an object.

use super::managed::{name_of, with_manager, writer};
use super::write::{Attempt, Outcome, Prepared, complete, to_client};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::object::Stored;
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply};
use crate::kube::storage::Storage;
use std::sync::Arc;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::value::Object;
use xebec_store::View;

pub async fn update(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Update)?;
    let decoded = BodyKind::of(found).decode(call, options.validation)?;
    let mut object = complete(found, decoded.object, call)?;
    let namespace = super::namespace_of(call, found);
    lifecycle::object_namespace_matches(&mut object, namespace)?;
    lifecycle::check_name(&object, &call.info.name, namespace)?;
    call.warn(lifecycle::deduplicate_owners(&mut object, false));
    let manager = name_of(call, &options.field_manager);
    let may_create = lifecycle::allows_create_on_update(found.stored());
    let replacement = Replacement {
        object,
        resets: decoded.resets_managed_fields,
        manager: &manager,
        create: if may_create { Some(api.may_create(call)) } else { None },
    };
    let registry = api.registry.load();
    let attempt = Attempt { api, registry: &registry, call, found, dry_run: options.dry_run };
    let outcome = attempt.run(|view| replacement.prepare(&attempt, view)).await?;
    answer(call, found, outcome)
}

/// The answer to an update or patch.
pub fn answer(call: &mut Call, found: &Found, outcome: Outcome) -> Answer {
    call.warn(outcome.warnings);
    let object = to_client(found, outcome.object)?;
    Ok(Reply::Object { code: if outcome.created { 201 } else { 200 }, object })
}

/// What stands where a write goes: as stored, and in the client's version.
pub struct Live {
    pub stored: Stored,
    pub object: Object,
    pub shown: Object,
}

/// Reads what stands where a write goes.
pub fn live(attempt: &Attempt<'_>, view: &View) -> Result<Option<Live>, Status> {
    let name = &attempt.call.info.name;
    let key = attempt.found.resource.key(attempt.namespace(), name);
    let Some(stored) = Storage::read(view, &key)? else { return Ok(None) };
    let mut object = stored.object()?;
    let shown = to_client(attempt.found, object.clone())?;
    if attempt.found.resource.custom {
        object = shown.clone();
    }
    Ok(Some(Live { stored, object, shown }))
}

/// 404 for the object that a write names.
pub fn not_found(attempt: &Attempt<'_>) -> Status {
    Status::not_found(attempt.found.group_resource(), &attempt.call.info.name)
}

struct Replacement<'r> {
    object: Object,
    resets: bool,
    manager: &'r str,
    /// Whether the client may create what is not there; `None` where an update never does.
    create: Option<Result<(), Status>>,
}

impl Replacement<'_> {
    fn prepare(&self, attempt: &Attempt<'_>, view: &View) -> Result<Prepared, Status> {
        let mut new = self.object.clone();
        let live = live(attempt, view)?;
        if live.is_none() {
            self.create.clone().unwrap_or_else(|| Err(not_found(attempt)))?;
        }
        let target = attempt.found.stored();
        lifecycle::check_uid(target, &new, live.as_ref().map(|live| &live.object))?;
        let writer = writer(self.manager, attempt.call);
        with_manager(attempt.found, |fields| {
            let shown = live.as_ref().map(|live| &live.shown);
            fields.on_update(shown, &mut new, self.resets, writer);
        });
        let new = attempt.to_stored(new)?;
        match live {
            Some(live) => attempt.prepare_update(view, (&live.stored, &live.object), new),
            None => attempt.prepare_create(view, new),
        }
    }
}
