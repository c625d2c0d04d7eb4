//! Binding a pod to a node.

use crate::kube::admission::{Effects, copy_topology_labels};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::BodyKind;
use crate::kube::found::Found;
use crate::kube::handlers::update::{live, not_found};
use crate::kube::handlers::write::{Attempt, Prepared};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply, success};
use std::sync::Arc;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::strategy::binding;
use xebec_core::target::Target;
use xebec_core::value::Object;
use xebec_store::View;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let binding = BodyKind::of(found).decode(call, options.validation)?.object;
    bind(api, call, found, (&binding, options.dry_run)).await
}

/// `POST …/bindings`, the form that takes the pod's name from the body.
pub async fn create_legacy(api: &Arc<Api>, call: &mut Call, binding: &Object) -> Answer {
    let dry_run = WriteOptions::parse(call, OptionsKind::Create)?.dry_run;
    lifecycle::name(binding).clone_into(&mut call.info.name);
    "pods".clone_into(&mut call.info.resource);
    "binding".clone_into(&mut call.info.subresource);
    let found = Found::of(&call.info, &api.registry.load())?;
    bind(api, call, &found, (binding, dry_run)).await
}

async fn bind(
    api: &Arc<Api>,
    call: &Call,
    found: &Found,
    (wanted, dry_run): (&Object, bool),
) -> Answer {
    binding::check(wanted, &call.info.name)?;
    let registry = api.registry.load();
    let attempt = Attempt { api, registry: &registry, call, found, dry_run };
    attempt.run(|view| prepare(&attempt, view, wanted)).await?;
    Ok(Reply::Status { code: 201, status: success(201) })
}

fn prepare(attempt: &Attempt<'_>, view: &View, wanted: &Object) -> Result<Prepared, Status> {
    let live = live(attempt, view)?.ok_or_else(|| not_found(attempt))?;
    let target = Target { subresource: "", ..attempt.found.stored() };
    let mut wanted = wanted.clone();
    let node = edit::text(&wanted, &["target", "name"]).to_owned();
    copy_topology_labels(view, attempt.registry, &node, &mut wanted)?;
    let object = binding::bind(target, &live.object, &wanted, attempt.call.now)?;
    Ok(Prepared {
        key: attempt.found.resource.key(attempt.namespace(), &attempt.call.info.name),
        object,
        expected: live.stored.revision(),
        deletes: false,
        unchanged: false,
        effects: Effects::default(),
    })
}
