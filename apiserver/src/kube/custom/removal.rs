//! The end of a definition: its objects are deleted as clients delete them, and when none is left
//! the finalizer goes, and the definition with it.

use super::controller::{Controller, Left};
use super::known::Definition;
use super::review::{change, definitions};
use crate::kube::clock;
use crate::kube::object::Stored;
use crate::kube::storage::Storage;
use std::collections::BTreeSet;
use xebec_core::custom::conditions::{self, Removal};
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::registry::Resource;
use xebec_core::status::Status;
use xebec_core::value::Value;

/// Takes one step for each definition that is being deleted.
pub async fn remove(controller: &Controller<'_>) -> Result<Left, Status> {
    let mut left = Left::Nothing;
    for (key, known) in controller.definitions.all() {
        if !conditions::awaits_removal(&known.summary) {
            continue;
        }
        left = Left::Waiting;
        let removal = step(controller, &known).await?;
        if note(controller, &key, &removal).await? {
            return Ok(Left::Written);
        }
    }
    Ok(left)
}

async fn note(controller: &Controller<'_>, key: &str, removal: &Removal) -> Result<bool, Status> {
    let api = controller.loopback.api();
    let found = definitions(api)?;
    change(api, &found, (key, Vec::new()), |target, definition| {
        let mut new = definition.clone();
        conditions::note_removal(target, &mut new, removal, clock::now());
        (new != *definition).then_some(new)
    })
    .await
}

/// Asks that everything that is left be deleted; says how far that has come.
async fn step(controller: &Controller<'_>, known: &Definition) -> Result<Removal, Status> {
    if !has_begun(known) {
        return Ok(Removal::Begun);
    }
    let api = controller.loopback.api();
    if !conditions::is_served(&known.summary) {
        return Ok(Removal::NeverServed);
    }
    let registry = api.registry.load();
    let group = edit::text(&known.summary, &["spec", "group"]);
    let plural = edit::text(&known.summary, &["spec", "names", "plural"]);
    let resource = match registry.find_resource(group, plural) {
        Some(resource) if resource.custom => resource,
        // The name is that of a built-in resource, which was there before.
        Some(_) => return Ok(Removal::NeverServed),
        None => return Ok(Removal::Failed("its objects cannot be read".to_owned())),
    };
    let view = api.storage.view().await?;
    let range = resource.key_range(None);
    let all: Vec<Stored> = Storage::under(&view, &range).collect();
    drop(view);
    if all.is_empty() {
        return Ok(Removal::Completed);
    }
    let mut namespaces = BTreeSet::new();
    for stored in &all {
        let object = stored.object()?;
        if edit::at(lifecycle::metadata(&object), &["deletionTimestamp"]).is_none() {
            namespaces.insert(lifecycle::namespace(&object).to_owned());
        }
    }
    let mut failures = Vec::new();
    for namespace in namespaces {
        let refused = controller.loopback.delete(&collection(resource, &namespace)).await.err();
        failures.extend(refused.map(|refused| refused.to_string()));
    }
    if failures.is_empty() {
        return Ok(Removal::Begun);
    }
    Ok(Removal::Failed(format!("could not issue all deletes: {}", failures.join(", "))))
}

/// Removal has been announced in the status.
fn has_begun(known: &Definition) -> bool {
    let conditions = edit::items(&known.summary, &["status", "conditions"]);
    conditions.iter().any(|one| {
        let text = |name| one.get(name).and_then(Value::as_str).unwrap_or_default();
        text("type") == "Terminating"
            && text("reason").starts_with("InstanceDeletion")
            && text("reason") != "InstanceDeletionPending"
    })
}

/// The path of the objects of a namespace, or of a resource that has none.
fn collection(resource: &Resource, namespace: &str) -> String {
    let (group, version) = (&resource.group, &resource.versions[0].name);
    let within = match namespace {
        "" => String::new(),
        name => format!("namespaces/{name}/"),
    };
    format!("/apis/{group}/{version}/{within}{}", resource.plural)
}
