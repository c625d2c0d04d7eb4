//! [`Endpoints`]: the addresses of the `kubernetes` Service: those of the replicas that serve.
//!
//! As upstream's servers do, each replica holds a key of its own on a lease, and any of them makes
//! the Endpoints and the EndpointSlice agree with the keys that are there. A replica that stops
//! takes its key away; one that dies loses it with its lease.

use super::system::{named, texts};
use crate::kube::limits::{ENDPOINTS_FAREWELL, ENDPOINTS_PERIOD, ENDPOINTS_TTL_S};
use crate::kube::loopback::{Loopback, Refused};
use crate::kube::storage::Storage;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use xebec_core::value::{Object, Value};

const KEYS: &str = "/registry/masterleases/";
const ENDPOINTS: &str = "/api/v1/namespaces/default/endpoints";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const NAME: &str = "kubernetes";

pub struct Endpoints {
    /// This replica's; `None` keeps it out.
    own: Option<SocketAddr>,
    lease: Mutex<Option<i64>>,
}

impl Endpoints {
    /// An address that only this machine can reach is no endpoint.
    pub fn new(own: Option<SocketAddr>) -> Self {
        let reached = |own: &SocketAddr| !own.ip().is_loopback() && !own.ip().is_unspecified();
        Self { own: own.filter(reached), lease: Mutex::new(None) }
    }

    /// Until `stop`, and then says farewell.
    pub async fn run(&self, loopback: &Loopback, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(ENDPOINTS_PERIOD) => {}
            }
            if let Err(refused) = self.reconcile(loopback).await {
                tracing::warn!(error = %refused, "the endpoints of the API");
            }
        }
        let farewell = timeout(ENDPOINTS_FAREWELL, self.leave(loopback)).await;
        if let Ok(Err(refused)) = farewell {
            tracing::debug!(error = %refused, "the last endpoints of this replica");
        }
    }

    /// Says that this replica serves, and writes down who does.
    pub async fn reconcile(&self, loopback: &Loopback) -> Result<(), Refused> {
        let Some(own) = self.own else { return Ok(()) };
        self.hold(&loopback.api().storage, own.ip()).await;
        write_down(loopback, own.port()).await
    }

    async fn leave(&self, loopback: &Loopback) -> Result<(), Refused> {
        let Some(own) = self.own else { return Ok(()) };
        let lease = self.lease.lock().take();
        if let Some(lease) = lease {
            loopback.api().storage.end_lease(lease).await;
        }
        write_down(loopback, own.port()).await
    }

    /// Holds this replica's key for as long again.
    async fn hold(&self, storage: &Storage, own: IpAddr) {
        let held = *self.lease.lock();
        if let Some(lease) = held
            && storage.keep_lease(lease).await
        {
            return;
        }
        let key = format!("{KEYS}{own}");
        let lease = storage.put_leased(&key, own.to_string(), ENDPOINTS_TTL_S).await;
        match lease {
            Ok(lease) => *self.lease.lock() = Some(lease),
            Err(status) => tracing::warn!(error = %status, "this replica's endpoint"),
        }
    }
}

/// Makes the objects name the replicas that hold a key.
async fn write_down(loopback: &Loopback, port: u16) -> Result<(), Refused> {
    let serving = match loopback.api().storage.view().await {
        Ok(view) => Storage::under(&view, KEYS)
            .filter_map(|stored| {
                let key = std::str::from_utf8(&stored.kv.key).ok()?;
                key.strip_prefix(KEYS)?.parse().ok()
            })
            .collect::<BTreeSet<IpAddr>>(),
        Err(_) => return Ok(()),
    };
    let endpoints = endpoints(&serving, port);
    settle(loopback, ENDPOINTS, endpoints, &["subsets"]).await?;
    let slice = slice(&serving, port);
    settle(loopback, SLICES, slice, &["endpoints", "ports"]).await
}

/// Makes an object, or sets some of its fields.
async fn settle(
    loopback: &Loopback,
    collection: &str,
    wanted: Object,
    fields: &[&str],
) -> Result<(), Refused> {
    let uri = format!("{collection}/{NAME}");
    let Some(mut existing) = loopback.get(&uri).await? else {
        loopback.create(collection, &wanted).await?;
        return Ok(());
    };
    let mut changed = false;
    for field in fields {
        let value = wanted.get(field).cloned().unwrap_or_default();
        let held = existing.get(field).cloned().unwrap_or_default();
        if agrees(&value, &held) {
            continue;
        }
        changed = true;
        existing.insert(*field, value);
    }
    if !changed {
        return Ok(());
    }
    match loopback.update(&uri, &existing).await {
        // Another replica has been here.
        Err(refused) if refused.is("Conflict") => Ok(()),
        other => other.map(drop),
    }
}

/// True if all that is wanted is held; what defaults have added does not count.
fn agrees(wanted: &Value, held: &Value) -> bool {
    match (wanted, held) {
        (Value::Object(wanted), Value::Object(held)) => wanted
            .iter()
            .all(|(name, value)| held.get(name).is_some_and(|held| agrees(value, held))),
        (Value::Array(wanted), Value::Array(held)) => {
            wanted.len() == held.len()
                && wanted.iter().zip(held).all(|(wanted, held)| agrees(wanted, held))
        }
        (Value::Array(wanted), Value::Null) => wanted.is_empty(),
        (wanted, held) => wanted == held,
    }
}

fn labelled(kind: &str, api_version: &str, label: (&str, &str)) -> Object {
    let mut object = named(kind, api_version, NAME);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.push("labels", texts(&[label]));
    }
    object
}

fn ports(port: u16) -> Value {
    let mut entry = Object::new();
    entry.push("name", "https".into());
    entry.push("port", Value::Int(port.into()));
    entry.push("protocol", "TCP".into());
    Value::Array(vec![Value::Object(entry)])
}

fn endpoints(serving: &BTreeSet<IpAddr>, port: u16) -> Object {
    let label = ("endpointslice.kubernetes.io/skip-mirror", "true");
    let mut object = labelled("Endpoints", "v1", label);
    if !serving.is_empty() {
        let addresses = serving.iter().map(|ip| texts(&[("ip", &ip.to_string())])).collect();
        let mut subset = Object::new();
        subset.push("addresses", Value::Array(addresses));
        subset.push("ports", ports(port));
        object.push("subsets", Value::Array(vec![Value::Object(subset)]));
    }
    object
}

fn slice(serving: &BTreeSet<IpAddr>, port: u16) -> Object {
    let label = ("kubernetes.io/service-name", NAME);
    let mut object = labelled("EndpointSlice", "discovery.k8s.io/v1", label);
    let v6 = serving.first().is_some_and(IpAddr::is_ipv6);
    object.push("addressType", if v6 { "IPv6" } else { "IPv4" }.into());
    let endpoint = |ip: &IpAddr| {
        let mut conditions = Object::new();
        conditions.push("ready", true.into());
        let mut endpoint = Object::new();
        endpoint.push("addresses", Value::Array(vec![ip.to_string().into()]));
        endpoint.push("conditions", Value::Object(conditions));
        Value::Object(endpoint)
    };
    object.push("endpoints", Value::Array(serving.iter().map(endpoint).collect()));
    object.push("ports", ports(port));
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use xebec_core::edit;

    #[test]
    fn what_defaults_add_makes_no_difference() {
        let value = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
        let wanted = value(r#"[{"a":[1]}]"#);
        assert!(agrees(&wanted, &value(r#"[{"a":[1],"b":2}]"#)));
        assert!(!agrees(&wanted, &value(r#"[{"a":[1,2]}]"#)));
        assert!(!agrees(&wanted, &value("[]")));
        assert!(agrees(&value("[]"), &Value::Null));
    }

    #[test]
    fn every_replica_is_named() {
        let serving = BTreeSet::from(["10.0.0.2", "10.0.0.1"].map(|ip| ip.parse().expect("an IP")));
        let object = endpoints(&serving, 6443);
        let subset = &edit::items(&object, &["subsets"])[0];
        let ips = subset.get("addresses").and_then(Value::as_array).expect("addresses");
        assert_eq!(ips, [texts(&[("ip", "10.0.0.1")]), texts(&[("ip", "10.0.0.2")])]);
        assert_eq!(edit::items(&slice(&serving, 6443), &["endpoints"]).len(), 2);
    }
}
