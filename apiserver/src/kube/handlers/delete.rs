//! DELETE of an object, and of a collection.

use super::write::{Attempt, to_client};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode;
use crate::kube::found::Found;
use crate::kube::limits::CONFLICT_RETRIES_MAX;
use crate::kube::negotiate::Media;
use crate::kube::object::{self, Stored};
use crate::kube::reply::{Answer, Reply};
use crate::kube::storage::{Change, Storage};
use std::sync::Arc;
use xebec_core::codec::{json, proto, yaml};
use xebec_core::lifecycle::{self, DeleteOptions, DeletePlan};
use xebec_core::schema::BUILT_IN;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};
use xebec_store::View;

pub async fn delete(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = options(call)?;
    call.warn(lifecycle::delete_warnings(found.stored(), &options).map(str::to_owned));
    let name = call.info.name.clone();
    let done = delete_one(api, call, found, (&name, &options)).await?;
    if done.shows_object {
        let object = to_client(found, done.object)?;
        return Ok(Reply::Object { code: done.code, object });
    }
    let status = lifecycle::deleted_status(found.target(), &done.object);
    Ok(Reply::Status { code: done.code, status })
}

/// What a deletion came to.
pub struct Deleted {
    pub object: Object,
    /// The client is shown the object, not a Status.
    pub shows_object: bool,
    pub code: u16,
}

/// Deletes one object as its kind is deleted: at once, or by marking it.
pub async fn delete_one(
    api: &Arc<Api>,
    call: &Call,
    found: &Found,
    (name, options): (&str, &DeleteOptions),
) -> Result<Deleted, Status> {
    let registry = api.registry.load();
    let attempt = Attempt { api, registry: &registry, call, found, dry_run: options.is_dry_run() };
    let key = found.resource.key(attempt.namespace(), name);
    let mut queue: Option<String> = None;
    for _ in 0..CONFLICT_RETRIES_MAX {
        let _turn = match &queue {
            Some(queue) => api.turns.wait(queue).await,
            None => None,
        };
        let view = api.storage.view().await?;
        let stored = Storage::read(&view, &key)?;
        let stored = stored.ok_or_else(|| Status::not_found(found.group_resource(), name))?;
        match try_delete(&attempt, &view, (&key, stored), options).await? {
            Ok(done) => return Ok(done),
            Err(held) => queue = held,
        }
    }
    let why = "the object has been modified too often; please try again";
    Err(Status::conflict(found.group_resource(), name, why))
}

/// One attempt; if something has changed meanwhile, the queue for the next one.
async fn try_delete(
    attempt: &Attempt<'_>,
    view: &View,
    (key, stored): (&str, Stored),
    options: &DeleteOptions,
) -> Result<Result<Deleted, Option<String>>, Status> {
    let target = attempt.found.stored();
    let old = stored.object()?;
    let plan = lifecycle::plan(target, &old, options, attempt.call.now)?;
    let removes = matches!(plan, DeletePlan::Remove { .. });
    let mut effects = attempt.review_delete(view, &old, removes)?;
    let (shows_object, code) = (plan.answers_object(target, options), plan.code(options));
    let change = |value| Change { key: key.to_owned(), expected: stored.revision(), value };
    let (mut object, change) = match plan {
        DeletePlan::Pending { .. } => (old, None),
        DeletePlan::Mark(marked) => {
            let bytes = object::to_bytes(&marked);
            (marked, Some(change(Some(bytes))))
        }
        DeletePlan::Remove { first } => (first.unwrap_or(old), Some(change(None))),
    };
    let Some(change) = change.filter(|_| !attempt.dry_run) else {
        return Ok(Ok(Deleted { object, shows_object, code }));
    };
    let stays = change.value.is_some();
    let mut changes = vec![change];
    changes.append(&mut effects.changes);
    let Some(revision) = attempt.api.storage.write_all(changes, effects.guards).await? else {
        return Ok(Err(effects.queue));
    };
    // What is gone is shown as it last was.
    object::set_resource_version(&mut object, if stays { revision } else { stored.revision() });
    Ok(Ok(Deleted { object, shows_object, code }))
}

pub async fn delete_collection(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = options(call)?;
    let chosen = crate::kube::list::chosen(api, call, found).await?;
    let revision = chosen.revision;
    let mut items = Vec::new();
    for stored in chosen.items {
        let object = stored.object()?;
        let name = lifecycle::name(&object).to_owned();
        let mut one = Call::clone(call);
        lifecycle::namespace(&object).clone_into(&mut one.info.namespace);
        match delete_one(api, &one, found, (&name, &options)).await {
            Ok(_) => items.push(Value::Object(item(found, object)?)),
            // Somebody else was faster.
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    let mut list = Object::new();
    list.push("kind", found.resource.list_kind.as_ref().into());
    list.push("apiVersion", found.api_version().into());
    let mut metadata = Object::new();
    metadata.push("resourceVersion", revision.to_string().into());
    list.push("metadata", Value::Object(metadata));
    list.push("items", Value::Array(items));
    Ok(Reply::List(list))
}

/// An object as it stands in a list: built-in kinds do not repeat what they are.
fn item(found: &Found, object: Object) -> Result<Object, Status> {
    let mut object = to_client(found, object)?;
    if !found.resource.custom {
        object.retain(|name, _| !matches!(name, "kind" | "apiVersion"));
    }
    Ok(object)
}

/// From the body if there is one, else from the parameters.
pub fn options(call: &Call) -> Result<DeleteOptions, Status> {
    let object = if call.body.is_empty() { from_query(call)? } else { from_body(call)? };
    let options = DeleteOptions::from_object(&object);
    options.validate()?;
    Ok(options)
}

fn from_query(call: &Call) -> Result<Object, Status> {
    let mut object = Object::new();
    if let Some(given) = call.query.get("gracePeriodSeconds") {
        let seconds: i64 = given.parse().map_err(|_| {
            Status::bad_request(format!("strconv.ParseInt: parsing {given:?}: invalid syntax"))
        })?;
        object.push("gracePeriodSeconds", Value::Int(seconds));
    }
    if let Some(orphan) = call.query.optional_flag("orphanDependents") {
        object.push("orphanDependents", Value::Bool(orphan));
    }
    if let Some(policy) = call.query.get("propagationPolicy") {
        object.push("propagationPolicy", policy.into());
    }
    let dry_run: Vec<Value> = call.query.all("dryRun").map(Value::from).collect();
    if !dry_run.is_empty() {
        object.push("dryRun", Value::Array(dry_run));
    }
    Ok(object)
}

fn from_body(call: &Call) -> Result<Object, Status> {
    let bad = |error: &dyn std::fmt::Display| Status::bad_request(error.to_string());
    let message = decode::built_in("meta.k8s.io", "v1", "DeleteOptions")
        .ok_or_else(|| Status::internal("no message for DeleteOptions"))?;
    let decoded = match decode::content_type(call)? {
        Media::Json => json::decode(&BUILT_IN, message, &call.body),
        Media::Yaml => yaml::decode(&BUILT_IN, message, &call.body),
        Media::Protobuf => {
            let envelope = proto::open(&call.body).map_err(|error| bad(&error))?;
            return proto::decode(&BUILT_IN, message, envelope.raw).map_err(|error| bad(&error));
        }
    };
    let object = decoded.map_err(|error| bad(&error))?.object;
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if !matches!(kind, "" | "DeleteOptions") {
        let why = format!("no kind {kind:?} is registered for version {version:?}");
        return Err(Status::bad_request(why));
    }
    Ok(object)
}
