//! Requests for a part of an object.

mod binding;
mod connect;
mod eviction;
mod scale;
mod token;

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::found::Found;
use crate::kube::reply::Answer;
use std::sync::Arc;
use xebec_core::registry::Verb;

/// Most parts are read, replaced and patched as the whole is: what they may change is up to the
/// kind's strategy.
pub async fn handle(api: &Arc<Api>, call: &mut Call, found: &Found, verb: Verb) -> Answer {
    match (&*found.subresource, verb) {
        ("scale", Verb::Get) => scale::get(api, call, found).await,
        ("scale", Verb::Update) => scale::update(api, call, found).await,
        ("scale", Verb::Patch) => scale::patch(api, call, found).await,
        ("binding", Verb::Create) => binding::create(api, call, found).await,
        ("eviction", Verb::Create) => eviction::create(api, call, found).await,
        ("token", Verb::Create) => token::create(api, call, found).await,
        ("exec" | "attach" | "portforward" | "proxy" | "log", _) => {
            connect::refuse(api, call, found).await
        }
        (_, Verb::Update) => super::update::update(api, call, found).await,
        (_, Verb::Patch) => super::patch::patch(api, call, found).await,
        (_, Verb::Get) => super::get::get(api, call, found).await,
        _ => Err(super::method_not_allowed()),
    }
}

pub use binding::create_legacy as create_binding;
