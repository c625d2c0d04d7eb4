//! `scale`: the number of replicas of an object, read and written apart from it.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::handlers::managed::{name_of, writer};
use crate::kube::handlers::patch::{Wish, wish};
use crate::kube::handlers::update::{Live, live, not_found};
use crate::kube::handlers::write::{Attempt, Outcome, Prepared};
use crate::kube::handlers::{get, namespace_of};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply};
use std::sync::Arc;
use xebec_core::apply::scale::{to_parent, to_subresource};
use xebec_core::apply::{Filter, ManagedFieldsError, Manager};
use xebec_core::lifecycle;
use xebec_core::patch::{self, Patch};
use xebec_core::status::Status;
use xebec_core::strategy::scale::{self, REPLICAS};
use xebec_core::value::{Object, Value};
use xebec_store::View;

pub async fn get(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    let object = get::read(api, call, found).await?.object()?;
    let (object, _) = scale::show(&object, None)?;
    Ok(Reply::Object { code: 200, object })
}

pub async fn update(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Update)?;
    let decoded = BodyKind::of(found).decode(call, options.validation)?;
    let mut new = decoded.object;
    let namespace = namespace_of(call, found);
    lifecycle::object_namespace_matches(&mut new, namespace)?;
    lifecycle::check_name(&new, &call.info.name, namespace)?;
    let manager = name_of(call, &options.field_manager);
    write(api, call, (found, options.dry_run), |fields, shown, call| {
        let mut new = new.clone();
        fields.on_update(Some(shown), &mut new, false, writer(&manager, call));
        Ok(new)
    })
    .await
}

pub async fn patch(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let (wish, options) = wish(api, call, found)?;
    let manager = name_of(call, &options.field_manager);
    write(api, call, (found, options.dry_run), |fields, shown, call| match &wish {
        Wish::Patch(kind) => {
            let patch = Patch { kind: *kind, body: &call.body, validation: options.validation };
            let mut new = patch::apply(fields.schema, fields.id, shown, patch)?.object;
            fields.on_update(Some(shown), &mut new, false, writer(&manager, call));
            Ok(new)
        }
        Wish::Apply(configuration, _) => {
            let writer = writer(&manager, call);
            let applied = fields.on_apply(Some(shown), configuration, options.force, writer)?;
            Ok(applied.object)
        }
    })
    .await
}

/// Has `change` make a new Scale of the one that is there, and writes that into the object.
async fn write(
    api: &Arc<Api>,
    call: &Call,
    (found, dry_run): (&Found, bool),
    change: impl Fn(Manager<'_>, &Object, &Call) -> Result<Object, Status> + Send + Sync,
) -> Answer {
    let registry = api.registry.load();
    let whole = found.part("");
    let kind = BodyKind::of(found);
    let attempt = Attempt { api, registry: &registry, call, found: &whole, dry_run };
    let outcome: Outcome = attempt
        .run(|view| {
            let live = live(&attempt, view)?.ok_or_else(|| not_found(&attempt))?;
            let versions = [(kind.api_version.as_str(), kind.message)];
            let fields = Manager {
                schema: kind.schema,
                id: kind.message,
                api_version: &kind.api_version,
                kind: kind.kind,
                subresource: "scale",
                filter: &Filter::All,
                versions: &versions,
            };
            prepare(&attempt, view, &live, |shown| change(fields, shown, call))
        })
        .await?;
    let (object, _) = scale::show(&outcome.object, None)?;
    Ok(Reply::Object { code: 200, object })
}

fn prepare(
    attempt: &Attempt<'_>,
    view: &View,
    live: &Live,
    change: impl Fn(&Object) -> Result<Object, Status>,
) -> Result<Prepared, Status> {
    let target = attempt.found.stored();
    let versions: Vec<String> =
        target.resource.versions.iter().map(|one| target.resource.api_version(one)).collect();
    let paths: Vec<(&str, Option<&[&str]>)> =
        versions.iter().map(|one| (one.as_str(), Some(REPLICAS))).collect();
    let entries = entries(&live.object);
    let (mut shown, _) = scale::show(&live.object, None)?;
    let own = to_subresource(entries, &paths).map_err(|error| broken(&error))?;
    lifecycle::set_metadata(&mut shown, "managedFields", Some(Value::Array(own)));
    let new = change(&shown)?;
    let (given, held) = (lifecycle::uid(&new), lifecycle::uid(&live.object));
    if !given.is_empty() && given != held {
        let name = &attempt.call.info.name;
        let why = format!(
            "Precondition failed: UID in precondition: {given}, UID in object meta: {held}"
        );
        return Err(Status::conflict(attempt.found.group_resource(), name, why));
    }
    scale::check(&new, &live.object)?;
    let mut object = live.object.clone();
    scale::write(target, &mut object, &new, None);
    let version = target.resource.api_version(target.version);
    let merged = to_parent(entries, self::entries(&new), &version, &paths)
        .map_err(|error| broken(&error))?;
    lifecycle::set_metadata(&mut object, "managedFields", Some(Value::Array(merged)));
    attempt.prepare_update(view, (&live.stored, &live.object), object)
}

fn entries(object: &Object) -> &[Value] {
    let entries = lifecycle::metadata(object).get("managedFields");
    entries.and_then(Value::as_array).unwrap_or_default()
}

fn broken(error: &ManagedFieldsError) -> Status {
    Status::internal(format!("managed fields cannot be read: {error}"))
}
