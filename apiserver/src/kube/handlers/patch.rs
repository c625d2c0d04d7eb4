//! PATCH of an object: JSON patch, merge patch, strategic merge patch and server-side apply.

use super::managed::{name_of, with_manager, writer};
use super::update::{Live, answer, live, not_found};
use super::write::{Attempt, Prepared, complete};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::found::Found;
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::Answer;
use parking_lot::Mutex;
use std::sync::Arc;
use xebec_core::codec::yaml;
use xebec_core::lifecycle;
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};
use xebec_store::View;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// What a client wants made of an object.
pub enum Wish {
    Patch(PatchKind),
    /// The configuration, and whether the client may create what is not there.
    Apply(Object, Result<(), Status>),
}

pub async fn patch(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let (wish, options) = wish(api, call, found)?;
    let manager = name_of(call, &options.field_manager);
    let registry = api.registry.load();
    let attempt = Attempt { api, registry: &registry, call, found, dry_run: options.dry_run };
    let warnings = Mutex::default();
    let patching = Patching { wish, options: &options, manager: &manager, warnings };
    let outcome = attempt.run(|view| patching.prepare(&attempt, view)).await?;
    let warnings = patching.warnings.into_inner();
    call.warn(warnings);
    answer(call, found, outcome)
}

/// Reads what is wished from content type, options and body.
pub fn wish(api: &Api, call: &mut Call, found: &Found) -> Result<(Wish, WriteOptions), Status> {
    let content_type = call.header("content-type").unwrap_or_default();
    let kind = match content_type.split(';').next().unwrap_or_default() {
        JSON_PATCH => Some(PatchKind::Json),
        MERGE_PATCH => Some(PatchKind::Merge),
        STRATEGIC_PATCH if !found.resource.custom => Some(PatchKind::Strategic),
        APPLY_PATCH => None,
        _ => return Err(unsupported(found)),
    };
    let options_kind = if kind.is_some() { OptionsKind::Patch } else { OptionsKind::Apply };
    let options = WriteOptions::parse(call, options_kind)?;
    let wish = match kind {
        Some(kind) => Wish::Patch(kind),
        None => Wish::Apply(configuration(call, options.validation)?, api.may_create(call)),
    };
    Ok((wish, options))
}

fn unsupported(found: &Found) -> Status {
    let all = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH];
    let custom = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH];
    Status::unsupported_media_type(if found.resource.custom { &custom } else { &all })
}

/// The body of an apply: YAML or JSON.
fn configuration(call: &mut Call, validation: FieldValidation) -> Result<Object, Status> {
    let bad = |why: &str| Status::bad_request(format!("error decoding YAML: {why}"));
    let parsed = yaml::parse(&call.body).map_err(|error| bad(&error.to_string()))?;
    match (parsed.strict_error, validation) {
        (Some(error), FieldValidation::Strict) => {
            return Err(Status::bad_request(format!("error strict decoding YAML: {error}")));
        }
        (Some(error), FieldValidation::Warn) => call.warn([error]),
        _ => {}
    }
    match parsed.value {
        Value::Object(object) => Ok(object),
        _ => Err(bad("the configuration is not an object")),
    }
}

struct Patching<'p> {
    wish: Wish,
    options: &'p WriteOptions,
    manager: &'p str,
    /// Of the last attempt.
    warnings: Mutex<Vec<String>>,
}

impl Patching<'_> {
    fn prepare(&self, attempt: &Attempt<'_>, view: &View) -> Result<Prepared, Status> {
        self.warnings.lock().clear();
        let live = live(attempt, view)?;
        let mut new = match &self.wish {
            Wish::Patch(kind) => {
                let live = live.as_ref().ok_or_else(|| not_found(attempt))?;
                self.patched(attempt, *kind, live)?
            }
            Wish::Apply(configuration, may_create) => {
                if live.is_none() {
                    may_create.clone()?;
                }
                self.applied(attempt, configuration, live.as_ref())?
            }
        };
        let namespace = attempt.namespace();
        let name = &attempt.call.info.name;
        let uid = lifecycle::uid(&new);
        if live.is_none() && !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object \
                 was found"
            );
            return Err(Status::conflict(attempt.found.group_resource(), name, why));
        }
        lifecycle::object_namespace_matches(&mut new, namespace)?;
        lifecycle::check_name(&new, name, namespace)?;
        let new = attempt.to_stored(new)?;
        match live {
            Some(live) => attempt.prepare_update(view, (&live.stored, &live.object), new),
            None => attempt.prepare_create(view, new),
        }
    }

    fn patched(
        &self,
        attempt: &Attempt<'_>,
        kind: PatchKind,
        live: &Live,
    ) -> Result<Object, Status> {
        let target = attempt.found.target();
        let validation = self.options.validation;
        let patch = Patch { kind, body: &attempt.call.body, validation };
        let patched = patch::apply(target.schema(), target.message(), &live.shown, patch)?;
        self.warnings.lock().extend(patched.warnings);
        let mut new = complete(attempt.found, patched.object, attempt.call)?;
        with_manager(attempt.found, |fields| {
            let writer = writer(self.manager, attempt.call);
            fields.on_update(Some(&live.shown), &mut new, patched.resets_managed_fields, writer);
        });
        Ok(new)
    }

    fn applied(
        &self,
        attempt: &Attempt<'_>,
        configuration: &Object,
        live: Option<&Live>,
    ) -> Result<Object, Status> {
        let shown = live.map(|live| &live.shown);
        let writer = writer(self.manager, attempt.call);
        let applied = with_manager(attempt.found, |fields| {
            fields.on_apply(shown, configuration, self.options.force, writer)
        })?;
        complete(attempt.found, applied.object, attempt.call)
    }
}
