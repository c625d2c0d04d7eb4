//! GET of one object.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::errors;
use crate::kube::found::Found;
use crate::kube::object::Stored;
use crate::kube::reply::{Answer, Reply};
use crate::kube::storage::Storage;
use std::sync::Arc;
use xebec_core::field_error::FieldError;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Value;
use xebec_store::kv::Revision;

pub async fn get(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    Ok(Reply::Stored(read(api, call, found).await?))
}

/// Reads the object that a request names; 404 if it is not there.
pub async fn read(api: &Arc<Api>, call: &Call, found: &Found) -> Result<Stored, Status> {
    let key = found.resource.key(super::namespace_of(call, found), &call.info.name);
    let given = call.query.get("resourceVersion").unwrap_or_default();
    let view = match parse_version(given)? {
        // Also for "0": what a client has seen through one replica, it sees through every other.
        0 => api.storage.view().await?,
        least => {
            let local = api.storage.local_view();
            let view = if local.revision() >= least { local } else { api.storage.view().await? };
            if view.revision() < least {
                return Err(errors::too_large_resource_version(least, view.revision()));
            }
            view
        }
    };
    let stored = Storage::read(&view, &key)?;
    stored.ok_or_else(|| Status::not_found(found.group_resource(), &call.info.name))
}

/// A resource version as a client gives it; 0 for none.
pub fn parse_version(given: &str) -> Result<Revision, Status> {
    if given.is_empty() {
        return Ok(0);
    }
    let parsed = given.parse::<u64>().ok().and_then(|number| Revision::try_from(number).ok());
    parsed.ok_or_else(|| {
        let why = format!("strconv.ParseUint: parsing {given:?}: invalid syntax");
        let error = FieldError::invalid("resourceVersion", &Value::from(given), &why);
        let of = GroupName { group: "", name: "" };
        Status { code: 400, ..Status::invalid(of, "", &[error]) }
    })
}
