//! `scale`: the number of replicas of an object, read and written apart from it.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::{self, BodyKind};
use crate::kube::found::Found;
use crate::kube::handlers::managed::{name_of, writer};
use crate::kube::handlers::patch::{Wish, wish};
use crate::kube::handlers::update::{Live, live, not_found};
use crate::kube::handlers::write::{Attempt, Outcome, Prepared, to_client};
use crate::kube::handlers::{get, namespace_of};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply};
use std::sync::Arc;
use xebec_core::apply::scale::{to_parent, to_subresource};
use xebec_core::apply::{Filter, ManagedFieldsError, Manager};
use xebec_core::edit::{self, Edit};
use xebec_core::field_error::quoted;
use xebec_core::lifecycle;
use xebec_core::patch::{self, Patch};
use xebec_core::registry::{Resource, ScalePaths};
use xebec_core::schema::BUILT_IN;
use xebec_core::status::Status;
use xebec_core::strategy::scale::{self, Paths, REPLICAS};
use xebec_core::value::{Object, Value};
use xebec_store::View;

pub async fn get(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    let object = to_client(found, get::read(api, call, found).await?.object()?)?;
    let paths = paths(found);
    let (object, has_replicas) = scale::show(&object, paths.as_ref())?;
    match paths {
        Some(paths) if !has_replicas => Err(scale::no_replicas(&paths)),
        _ => Ok(Reply::Object { code: 200, object }),
    }
}

/// Where a custom resource keeps its numbers.
fn paths(found: &Found) -> Option<Paths<'_>> {
    found.version().scale.as_ref().map(ScalePaths::paths)
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
    let (object, _) = scale::show(&outcome.object, paths(found).as_ref())?;
    Ok(Reply::Object { code: 200, object })
}

fn prepare(
    attempt: &Attempt<'_>,
    view: &View,
    live: &Live,
    change: impl Fn(&Object) -> Result<Object, Status>,
) -> Result<Prepared, Status> {
    let target = attempt.found.stored();
    let own_paths = paths(attempt.found);
    let versions = replicas_paths(target.resource);
    let paths: Vec<(&str, Option<&[&str]>)> =
        versions.iter().map(|(version, path)| (version.as_str(), path.as_deref())).collect();
    let entries = entries(&live.object);
    let (mut shown, has_replicas) = scale::show(&live.object, own_paths.as_ref())?;
    if !has_replicas {
        set_replicas(&mut shown, NO_REPLICAS);
    }
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
    match &own_paths {
        None => scale::check(&new, &live.object)?,
        // What a custom resource's replicas may be, its own validation says.
        Some(paths) if edit::int(&new, REPLICAS) == Some(NO_REPLICAS) => {
            let path = quoted(paths.spec_replicas);
            let why = format!("the spec replicas field {path} cannot be empty");
            return Err(Status::bad_request(why));
        }
        Some(_) => {}
    }
    let mut object = live.object.clone();
    scale::write(target, &mut object, &new, own_paths.as_ref());
    let version = target.resource.api_version(target.version);
    let merged = to_parent(entries, self::entries(&new), &version, &paths)
        .map_err(|error| broken(&error))?;
    lifecycle::set_metadata(&mut object, "managedFields", Some(Value::Array(merged)));
    attempt.prepare_update(view, (&live.stored, &live.object), object)
}

/// What stands for replicas that an object does not have; a client must set them.
const NO_REPLICAS: i64 = i32::MIN as i64;

fn set_replicas(scale: &mut Object, replicas: i64) {
    if let Some(message) = decode::built_in("autoscaling", "v1", "Scale") {
        Edit::part(&BUILT_IN, message, scale).set(REPLICAS, replicas);
    }
}

/// Where each version of a resource keeps its replicas.
fn replicas_paths(resource: &Resource) -> Vec<(String, Option<Vec<&str>>)> {
    let of = resource.versions.iter().map(|version| {
        let path = match (&version.scale, resource.custom) {
            (Some(paths), _) => Some(scale::steps(&paths.replicas)),
            (None, true) => None,
            (None, false) => Some(REPLICAS.to_vec()),
        };
        (resource.api_version(version), path)
    });
    of.collect()
}

fn entries(object: &Object) -> &[Value] {
    let entries = lifecycle::metadata(object).get("managedFields");
    entries.and_then(Value::as_array).unwrap_or_default()
}

fn broken(error: &ManagedFieldsError) -> Status {
    Status::internal(format!("managed fields cannot be read: {error}"))
}
