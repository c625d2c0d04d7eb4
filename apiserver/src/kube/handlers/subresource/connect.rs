//! Connections into pods, nodes and services. No agent is there to take them: what can be said is
//! said, and the client is told so.

use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::found::Found;
use crate::kube::handlers::get;
use crate::kube::reply::Answer;
use std::sync::Arc;
use xebec_core::status::Status;

pub async fn refuse(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    let object = get::read(api, call, found).await?.object()?;
    let name = &call.info.name;
    let spec = object.get("spec");
    let node = spec.and_then(|spec| spec.get("nodeName")).and_then(|node| node.as_str());
    if &*found.resource.plural == "pods" && node.unwrap_or_default().is_empty() {
        return Err(Status::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let what = match &*found.resource.plural {
        "services" => format!("no endpoints available for service {name:?}"),
        "nodes" => format!("the agent of node {name:?} cannot be reached"),
        _ => format!("the agent of node {:?} cannot be reached", node.unwrap_or_default()),
    };
    Err(Status::unavailable(what))
}
