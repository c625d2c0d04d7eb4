//! What the leader writes into the status of definitions: accepted names and conditions.

use super::controller::Controller;
use super::known::Definition;
use crate::kube::api::Api;
use crate::kube::clock;
use crate::kube::found::Found;
use crate::kube::handlers::with_manager;
use crate::kube::object::{self, Stored};
use crate::kube::storage::{Change, Storage};
use xebec_core::apply::Writer;
use xebec_core::custom::conditions;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::target::Target;
use xebec_core::value::Object;
use xebec_store::kv::Revision;

/// Whose writes these are.
const MANAGER: &str = "kube-apiserver";

type Guards = Vec<(String, Revision)>;

/// The resource of definitions.
pub fn definitions(api: &Api) -> Result<Found, Status> {
    let registry = api.registry.load();
    let resource = registry.find_resource("apiextensions.k8s.io", "customresourcedefinitions");
    resource.map(Found::whole).ok_or_else(Status::no_such_resource)
}

/// Writes the status of the first definition that has not the one it should have. One at a time:
/// a name that is accepted is taken for those that come after. Returns whether something was
/// written.
pub async fn review(controller: &Controller<'_>) -> Result<bool, Status> {
    let api = controller.loopback.api();
    let found = definitions(api)?;
    let target = found.stored();
    let all = controller.definitions.all();
    let summaries = || all.iter().map(|(_, known)| &*known.summary);
    let now = clock::now();
    let differs =
        |known: &Definition| conditions::review(target, &known.summary, summaries(), now).is_some();
    let Some((key, known)) = all.iter().find(|(_, known)| differs(known)) else {
        return Ok(false);
    };
    // What names are free was judged by these.
    let group = edit::text(&known.summary, &["spec", "group"]);
    let others = all.iter().filter(|(other, known)| {
        other != key && edit::text(&known.summary, &["spec", "group"]) == group
    });
    let guards = others.map(|(key, known)| (key.clone(), known.revision)).collect();
    change(api, &found, (key, guards), |target, definition| {
        conditions::review(target, definition, summaries(), now)
    })
    .await
}

/// Changes a definition as it stands now; false if there was nothing to change, or something else
/// came between.
pub async fn change(
    api: &Api,
    found: &Found,
    (key, guards): (&str, Guards),
    change: impl Fn(Target<'_>, &Object) -> Option<Object>,
) -> Result<bool, Status> {
    let view = api.storage.local_view();
    let Some(stored) = Storage::read(&view, key)? else { return Ok(false) };
    drop(view);
    let old = stored.object()?;
    let Some(mut new) = change(found.stored(), &old) else { return Ok(false) };
    let part = found.part("status");
    let now = clock::now();
    with_manager(&part, |fields| {
        fields.on_update(Some(&old), &mut new, false, Writer { manager: MANAGER, now });
    });
    store(api, found, (&stored, guards), (&old, &new)).await
}

async fn store(
    api: &Api,
    found: &Found,
    (stored, guards): (&Stored, Guards),
    (old, new): (&Object, &Object),
) -> Result<bool, Status> {
    let ends = lifecycle::deletes_now(found.stored(), new, old);
    let change = Change {
        key: String::from_utf8_lossy(&stored.kv.key).into_owned(),
        expected: stored.revision(),
        value: (!ends).then(|| object::to_bytes(new)),
    };
    Ok(api.storage.write_all(vec![change], guards).await?.is_some())
}
