//! Namespaces, priority classes, the `kubernetes` Service, and what servers tell each other in
//! ConfigMaps.

use super::{Wanted, ensure};
use crate::kube::loopback::{Loopback, Refused};
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::SocketAddr;
use xebec_core::codec::yaml;
use xebec_core::edit;
use xebec_core::value::{Object, Value};

const OBJECTS: &str = include_str!("objects.yaml");
const MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";
const CLIENT_CA: &str = "client-ca-file";
const HTTPS: i64 = 443;

/// What the settings say of this server.
#[derive(Debug, Clone)]
pub struct Facts {
    pub service_ranges: Vec<IpNet>,
    /// Where clients reach this replica.
    pub address: Option<SocketAddr>,
    pub client_ca_pem: Option<Vec<u8>>,
    /// The rules of aggregated roles are gathered here.
    pub aggregate_roles: bool,
}

/// The documents of a compiled-in file.
pub fn documents(text: &str) -> Vec<Object> {
    let document = |text: &str| match yaml::parse(text.as_bytes()).map(|parsed| parsed.value) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    };
    text.split("\n---\n")
        .map(|text| document(text).expect("a test reads the compiled-in objects"))
        .collect()
}

fn of_kind(kind: &str, collection: &str) -> Vec<Wanted> {
    let all = documents(OBJECTS).into_iter();
    all.filter(|object| edit::text(object, &["kind"]) == kind)
        .map(|object| Wanted { collection: collection.to_owned(), object })
        .collect()
}

pub fn namespaces() -> Vec<Wanted> {
    of_kind("Namespace", "/api/v1/namespaces")
}

pub fn priority_classes() -> Vec<Wanted> {
    of_kind("PriorityClass", "/apis/scheduling.k8s.io/v1/priorityclasses")
}

/// An object with a name, to be filled.
pub fn named(kind: &str, api_version: &str, name: &str) -> Object {
    let mut metadata = Object::new();
    metadata.push("name", name.into());
    let mut object = Object::new();
    object.push("kind", kind.into());
    object.push("apiVersion", api_version.into());
    object.push("metadata", Value::Object(metadata));
    object
}

/// An object of texts.
pub fn texts(pairs: &[(&str, &str)]) -> Value {
    let mut map = Object::new();
    pairs.iter().for_each(|(name, text)| map.push(*name, (*text).into()));
    Value::Object(map)
}

/// The range of Services, and the Service by which pods find the API.
pub async fn ensure_service(loopback: &Loopback) -> Result<(), Refused> {
    let facts = &loopback.api().facts;
    let Some(first) = facts.service_ranges.first() else { return Ok(()) };
    let mut range = named("ServiceCIDR", "networking.k8s.io/v1", "kubernetes");
    let mut spec = Object::new();
    let ranges = facts.service_ranges.iter().map(|range| range.to_string().into());
    spec.push("cidrs", Value::Array(ranges.collect()));
    range.push("spec", Value::Object(spec));
    let collection = "/apis/networking.k8s.io/v1/servicecidrs".to_owned();
    ensure(loopback, Wanted { collection, object: range }).await?;
    // The first host of the range.
    let Some(address) = first.hosts().next() else { return Ok(()) };
    let mut service = named("Service", "v1", "kubernetes");
    if let Some(metadata) = service.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.push("labels", texts(&[("component", "apiserver"), ("provider", "kubernetes")]));
    }
    let mut port = Object::new();
    port.push("name", "https".into());
    port.push("protocol", "TCP".into());
    port.push("port", Value::Int(HTTPS));
    let target = facts.address.map_or(HTTPS, |address| address.port().into());
    port.push("targetPort", Value::Int(target));
    let mut spec = Object::new();
    spec.push("ports", Value::Array(vec![Value::Object(port)]));
    spec.push("clusterIP", address.to_string().into());
    spec.push("type", "ClusterIP".into());
    spec.push("sessionAffinity", "None".into());
    spec.push("ipFamilyPolicy", "SingleStack".into());
    service.push("spec", Value::Object(spec));
    let collection = "/api/v1/namespaces/default/services".to_owned();
    ensure(loopback, Wanted { collection, object: service }).await
}

/// What extension servers need to know of clients, and since when tokens in Secrets are watched.
pub async fn ensure_configuration(loopback: &Loopback) -> Result<(), Refused> {
    let since = crate::kube::clock::now().to_seconds_text();
    let since = since.split('T').next().unwrap_or_default();
    let name = "kube-apiserver-legacy-service-account-token-tracking";
    let mut tracking = named("ConfigMap", "v1", name);
    tracking.push("data", texts(&[("since", since)]));
    ensure(loopback, Wanted { collection: MAPS.to_owned(), object: tracking }).await?;
    ensure_authentication(loopback).await
}

/// The authorities of clients: those of all replicas, which may be in the midst of a change.
async fn ensure_authentication(loopback: &Loopback) -> Result<(), Refused> {
    let mut map = named("ConfigMap", "v1", "extension-apiserver-authentication");
    let own = loopback.api().facts.client_ca_pem.as_deref().unwrap_or_default();
    let own = String::from_utf8_lossy(own);
    let wanted = Wanted { collection: MAPS.to_owned(), object: map.clone() };
    match loopback.get(&wanted.uri()).await? {
        None => {
            if !own.is_empty() {
                map.push("data", texts(&[(CLIENT_CA, &own)]));
            }
            loopback.create(MAPS, &map).await?;
        }
        Some(mut existing) => {
            let held = edit::text(&existing, &["data", CLIENT_CA]);
            if let Some(both) = together(held, &own) {
                let mut data = edit::object(&existing, &["data"]).cloned().unwrap_or_default();
                data.insert_sorted(CLIENT_CA, both.into());
                existing.insert("data", Value::Object(data));
                loopback.update(&wanted.uri(), &existing).await?;
            }
        }
    }
    Ok(())
}

/// The certificates of both texts, each once; `None` if the first has them all.
fn together(held: &str, own: &str) -> Option<String> {
    let read = |text: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok).collect()
    };
    let known = read(held);
    if read(own).iter().all(|certificate| known.contains(certificate)) {
        return None;
    }
    Some(format!("{}{}{own}", held.trim_end(), if held.is_empty() { "" } else { "\n" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_objects_are_read() {
        assert_eq!(namespaces().len(), 4);
        assert_eq!(priority_classes().len(), 2);
    }

    #[test]
    fn authorities_are_added_once() {
        let pem = |name: &str| {
            rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("made").cert.pem()
        };
        let (a, b) = (pem("a"), pem("b"));
        assert_eq!(together(&a, &a), None);
        let both = together(&a, &b).expect("one more");
        assert_eq!(together(&both, &a), None);
        assert_eq!(together(&both, &b), None);
        assert_eq!(together("", &a).as_deref(), Some(&*a));
    }
}
