//! One file per verb, and one per family of subresources.

mod create;
mod delete;
mod get;
mod managed;
mod patch;
mod subresource;
mod update;
mod write;

pub use managed::with_manager;
pub use write::{Attempt, to_client};

use super::api::Api;
use super::call::Call;
use super::decode::Decoded;
use super::found::Found;
use super::options::WriteOptions;
use super::reply::Answer;
use super::reviews;
use std::sync::Arc;
use xebec_core::registry::Verb;
use xebec_core::status::{Details, Status};

/// Does what a request for a resource asks.
pub async fn handle(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let verb = allowed(call, found)?;
    if !found.subresource.is_empty() {
        return subresource::handle(api, call, found, verb).await;
    }
    match verb {
        Verb::Get => get::get(api, call, found).await,
        Verb::List => super::list::list(api, call, found).await,
        Verb::Watch => super::watch::watch(api, call, found).await,
        Verb::Create => create::create(api, call, found).await,
        Verb::Update => update::update(api, call, found).await,
        Verb::Patch => patch::patch(api, call, found).await,
        Verb::Delete => delete::delete(api, call, found).await,
        Verb::DeleteCollection => delete::delete_collection(api, call, found).await,
    }
}

/// What is created and answered, but never stored.
async fn unstored(
    api: &Arc<Api>,
    call: &mut Call,
    found: &Found,
    (decoded, options): (Decoded, &WriteOptions),
) -> Answer {
    match found.target().kind() {
        ("", "Binding") => subresource::create_binding(api, call, &decoded.object).await,
        ("authentication.k8s.io" | "authorization.k8s.io", _) => {
            let object = create::receive(call, found, decoded, options)?;
            reviews::create(api, call, found, object).await
        }
        _ => Err(method_not_allowed()),
    }
}

/// The verb of a request, if the resource has it; 405 otherwise.
fn allowed(call: &Call, found: &Found) -> Result<Verb, Status> {
    let verb = Verb::ALL.into_iter().find(|verb| verb.name() == call.info.verb);
    let verbs = found.subresource_entry().map_or(found.resource.verbs, |entry| entry.verbs);
    // A collection is created in, an object is replaced and patched.
    let needs_name = matches!(verb, Some(Verb::Update | Verb::Patch));
    let has_name = !call.info.name.is_empty();
    let fits = match verb {
        Some(Verb::Create) => has_name != found.subresource.is_empty(),
        _ => !needs_name || has_name,
    };
    verb.filter(|verb| verbs.has(*verb) && fits).ok_or_else(method_not_allowed)
}

/// 405 for a path that exists.
pub fn method_not_allowed() -> Status {
    Status {
        code: 405,
        reason: "MethodNotAllowed",
        message: "the server does not allow this method on the requested resource".to_owned(),
        details: Some(Box::new(Details::default())),
        continues: "".into(),
    }
}

/// The namespace of a request, if its resource lives in one.
fn namespace_of<'c>(call: &'c Call, found: &Found) -> Option<&'c str> {
    found.resource.namespaced.then_some(call.info.namespace.as_str())
}
