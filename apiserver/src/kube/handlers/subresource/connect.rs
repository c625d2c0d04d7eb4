//! Connections into pods, nodes and services. Nothing takes them yet: what can be said is said as
//! upstream would, and then the client is told so.

use crate::kube::api::Api;
use crate::kube::body::Body;
use crate::kube::call::Call;
use crate::kube::found::Found;
use crate::kube::handlers::namespace_of;
use crate::kube::reply::{Answer, Reply};
use crate::kube::storage::Storage;
use http::{Response, StatusCode};
use std::sync::Arc;
use xebec_core::status::{GroupName, Status};
use xebec_core::strategy::connect::{self, Reference};
use xebec_core::value::Object;

pub async fn refuse(api: &Arc<Api>, call: &Call, found: &Found) -> Answer {
    match (&*found.resource.plural, &*found.subresource) {
        ("services", _) => Err(service(api, call).await?),
        ("nodes", _) => {
            let asked = Reference::parse(&call.info.name, "node")?;
            Err(agent(api, asked.name).await?)
        }
        (_, "proxy") => {
            let asked = Reference::parse(&call.info.name, "pod")?;
            let pod = read(api, "pods", namespace_of(call, found), asked.name).await?;
            connect::check_pod_address(&pod)?;
            Err(Status::unavailable(format!("nothing connects to pod {:?}", asked.name)))
        }
        (_, "log") => {
            connect::check_log_options(&call.info.name, |name| call.query.get(name))?;
            pod(api, call, found).await
        }
        _ => pod(api, call, found).await,
    }
}

/// What the agent of a pod's node would do.
async fn pod(api: &Api, call: &Call, found: &Found) -> Answer {
    let name = &call.info.name;
    let pod = read(api, "pods", namespace_of(call, found), name).await?;
    if &*found.subresource != "portforward" {
        connect::check_container(&pod, call.query.get("container").unwrap_or_default())?;
    }
    match connect::node(&pod) {
        // What has not begun has said nothing.
        "" if &*found.subresource == "log" => {
            let mut nothing = Response::new(Body::EMPTY);
            *nothing.status_mut() = StatusCode::NO_CONTENT;
            Ok(Reply::Raw(nothing))
        }
        "" => Err(connect::no_node(name)),
        node => Err(agent(api, node).await?),
    }
}

/// Why the agent of a node is not reached.
async fn agent(api: &Api, name: &str) -> Result<Status, Status> {
    connect::check_node_address(&read(api, "nodes", None, name).await?)?;
    Ok(Status::unavailable(format!("the agent of node {name:?} cannot be reached")))
}

/// Why a service is not reached.
async fn service(api: &Api, call: &Call) -> Result<Status, Status> {
    let asked = Reference::parse(&call.info.name, "service")?;
    let namespace = Some(call.info.namespace.as_str());
    let service;
    let port = match asked.port.parse::<i64>() {
        Ok(_) => {
            service = read(api, "services", namespace, asked.name).await?;
            connect::service_port(&service, asked.port)?
        }
        Err(_) => asked.port,
    };
    let endpoints = read(api, "endpoints", namespace, asked.name).await?;
    connect::check_endpoints(&endpoints, port, &call.info.name)?;
    Ok(Status::unavailable(format!("nothing connects to service {:?}", asked.name)))
}

async fn read(
    api: &Api,
    resource: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<Object, Status> {
    let of = GroupName { group: "", name: resource };
    let registry = api.registry.load();
    let found = registry.find_resource(of.group, of.name).ok_or_else(Status::no_such_resource)?;
    let key = found.key(namespace, name);
    let stored = Storage::read(&*api.storage.view().await?, &key)?;
    stored.ok_or_else(|| Status::not_found(of, name))?.object()
}
