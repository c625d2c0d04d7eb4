//! POST of a new object.

use super::managed::{name_of, with_manager, writer};
use super::write::{Attempt, Outcome, complete, to_client};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode::{BodyKind, Decoded};
use crate::kube::found::Found;
use crate::kube::limits::GENERATED_NAME_ATTEMPTS_MAX;
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply};
use std::sync::Arc;
use xebec_core::lifecycle;
use xebec_core::status::Status;
use xebec_core::value::Object;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let mut decoded = BodyKind::of(found).decode(call, options.validation)?;
    decoded.object = complete(found, decoded.object, call)?;
    if found.resource.storage_version.is_none() {
        return super::unstored(api, call, found, (decoded, &options)).await;
    }
    let outcome = store(api, call, found, (decoded, &options)).await?;
    let object = to_client(found, outcome.object)?;
    Ok(Reply::Object { code: 201, object })
}

/// A decoded and completed object with what the system sets and takes away before anybody looks.
pub fn receive(
    call: &mut Call,
    found: &Found,
    decoded: Decoded,
    options: &WriteOptions,
) -> Result<Object, Status> {
    let Decoded { mut object, resets_managed_fields } = decoded;
    let namespace = Some(call.info.namespace.as_str()).filter(|name| !name.is_empty());
    lifecycle::receive(found.target(), &mut object, namespace)?;
    call.warn(lifecycle::deduplicate_owners(&mut object, false));
    let manager = name_of(call, &options.field_manager);
    with_manager(found, |fields| {
        fields.on_update(None, &mut object, resets_managed_fields, writer(&manager, call));
    });
    Ok(object)
}

/// Stores a decoded and completed object.
async fn store(
    api: &Arc<Api>,
    call: &mut Call,
    found: &Found,
    (decoded, options): (Decoded, &WriteOptions),
) -> Result<Outcome, Status> {
    let object = receive(call, found, decoded, options)?;
    // A Namespace is created as one inside itself.
    if found.target().kind() == ("", "Namespace") {
        lifecycle::name(&object).clone_into(&mut call.info.namespace);
    }
    let generated = lifecycle::needs_name(&object);
    let registry = api.registry.load();
    let attempt = Attempt { api, registry: &registry, call, found, dry_run: options.dry_run };
    let object = attempt.to_stored(object)?;
    let mut tries = if generated { GENERATED_NAME_ATTEMPTS_MAX } else { 1 };
    let mut outcome = loop {
        let outcome = attempt.run(|view| attempt.prepare_create(view, object.clone())).await;
        tries -= 1;
        match outcome {
            // Another name is drawn.
            Err(status) if status.reason == "AlreadyExists" && tries > 0 => {}
            other => break other?,
        }
    };
    call.warnings.append(&mut outcome.warnings);
    Ok(outcome)
}
