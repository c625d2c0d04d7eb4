//! Eviction: a deletion of a pod that asks its disruption budget first.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::handlers::{delete, namespace_of};
use crate::kube::limits::CONFLICT_RETRIES_MAX;
use crate::kube::object::{self, Stored};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply, success};
use crate::kube::storage::{Change, Storage};
use std::sync::Arc;
use xebec_core::lifecycle::{self, DeleteOptions};
use xebec_core::status::Status;
use xebec_core::strategy::eviction::{self, Eviction};
use xebec_core::target::Target;
use xebec_core::value::Object;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let wanted = BodyKind::of(found).decode(call, options.validation)?.object;
    eviction::check(&wanted, &call.info.name)?;
    let dry_run: &[Box<str>] = if options.dry_run { &["All".into()] } else { &[] };
    let deletion = eviction::options(&wanted, dry_run)?;
    deletion.validate()?;
    evict(api, call, &found.part(""), deletion).await?;
    Ok(Reply::Status { code: 201, status: success(201) })
}

async fn evict(
    api: &Arc<Api>,
    call: &Call,
    pods: &Found,
    mut deletion: DeleteOptions,
) -> Result<(), Status> {
    let name = &call.info.name;
    let key = pods.resource.key(namespace_of(call, pods), name);
    let registry = api.registry.load();
    let budgets = registry.find_resource("policy", "poddisruptionbudgets");
    let budgets = budgets.ok_or_else(|| Status::internal("no disruption budgets"))?;
    let target = Target { subresource: "status", ..Target::stored(budgets) };
    let range = budgets.key_range(Some(&call.info.namespace));
    let mut spent = false;
    for _ in 0..CONFLICT_RETRIES_MAX {
        let view = api.storage.view().await?;
        let stored = Storage::read(&view, &key)?;
        let stored = stored.ok_or_else(|| Status::not_found(pods.group_resource(), name))?;
        let pod = stored.object()?;
        let all: Vec<Stored> = Storage::under(&view, &range).collect();
        let objects = all.iter().map(Stored::object).collect::<Result<Vec<_>, _>>()?;
        // What has been counted once is not counted again.
        let decision = if spent {
            Eviction::Delete { same_version: false, conflict: None }
        } else {
            eviction::decide(target, &pod, &objects, call.now)?
        };
        let mut conflict = None;
        match decision {
            Eviction::Delete { same_version, conflict: answer } => {
                conflict = answer;
                if same_version && deletion.preconditions.resource_version.is_none() {
                    let version = stored.revision().to_string().into();
                    deletion.preconditions.resource_version = Some(version);
                }
            }
            Eviction::Spend { budget } if !deletion.is_dry_run() => {
                let change = replaced(&all, &budget)?;
                if api.storage.write_all(vec![change], Vec::new()).await?.is_none() {
                    continue;
                }
                spent = true;
            }
            Eviction::Spend { .. } => {}
        }
        let named = deletion.preconditions.resource_version.is_some();
        if !named && !deletion.is_dry_run() && !mark(api, pods, (&key, &stored, &pod), call).await?
        {
            continue;
        }
        return match delete::delete_one(api, call, pods, (name, &deletion)).await {
            Err(status) if status.reason == "Conflict" => {
                Err(conflict.map_or(status, |conflict| *conflict))
            }
            other => other.map(drop),
        };
    }
    Err(eviction::budget_is_contended(name))
}

/// The change that stores a budget in its new state.
fn replaced(all: &[Stored], budget: &Object) -> Result<Change, Status> {
    let version = lifecycle::resource_version(budget)?;
    let stored = all.iter().find(|one| one.revision().cast_unsigned() == version);
    let stored = stored.ok_or_else(|| Status::internal("a budget without its version"))?;
    Ok(Change {
        key: String::from_utf8_lossy(&stored.kv.key).into_owned(),
        expected: stored.revision(),
        value: Some(object::to_bytes(budget)),
    })
}

/// Notes on the pod why it goes; false if it has changed meanwhile.
async fn mark(
    api: &Api,
    pods: &Found,
    (key, stored, pod): (&str, &Stored, &Object),
    call: &Call,
) -> Result<bool, Status> {
    let marked = eviction::mark(pods.stored(), pod, call.now);
    if marked == *pod {
        return Ok(true);
    }
    let value = Some(object::to_bytes(&marked));
    let change = Change { key: key.to_owned(), expected: stored.revision(), value };
    Ok(api.storage.write_all(vec![change], Vec::new()).await?.is_some())
}
