//! GET of a collection.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::decode;
use crate::kube::found::Found;
use crate::kube::negotiate::{self, Offers};
use crate::kube::object::Stored;
use crate::kube::reply::{Answer, Reply};
use crate::kube::respond::{self, Shown};
use crate::kube::storage::Storage;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};
use xebec_store::kv::Revision;

/// Objects of one revision.
pub struct Chosen {
    pub revision: Revision,
    pub items: Vec<Stored>,
}

pub async fn chosen(api: &Arc<Api>, call: &Call, found: &Found) -> Result<Chosen, Status> {
    let view = api.storage.view().await?;
    let namespace = super::namespace_of(call, found).filter(|name| !name.is_empty());
    let range = found.resource.key_range(namespace);
    Ok(Chosen { revision: view.revision(), items: Storage::under(&view, &range).collect() })
}

pub async fn list(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    let wanted = negotiate::negotiate(call, Offers::ALL)?;
    let Chosen { revision, items } = chosen(api, call, found).await?;
    let mut shown = Vec::with_capacity(items.len());
    for item in items {
        let mut object = super::to_client(found, item.object()?)?;
        object.retain(|name, _| !matches!(name, "kind" | "apiVersion"));
        shown.push(Value::Object(object));
    }
    let mut list = Object::new();
    list.push("kind", found.resource.list_kind.as_ref().into());
    list.push("apiVersion", found.api_version().into());
    let metadata = [("resourceVersion".into(), Value::from(revision.to_string()))];
    list.push("metadata", Value::Object(metadata.into_iter().collect()));
    list.push("items", Value::Array(shown));
    let message = decode::list_message(found);
    let shown = Shown { object: &list, schema: found.target().schema(), message };
    Ok(Reply::Raw(respond::object(&wanted, 200, shown)))
}
