//! What upstream says of each type and field, collected by the build script.

use flate2::read::DeflateDecoder;
use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptions.deflate"));

/// By the name of the definition (`io.k8s.api.core.v1.Pod`).
static ALL: LazyLock<HashMap<Box<str>, Described>> = LazyLock::new(unpack);

#[derive(Debug, Default)]
struct Described {
    own: Box<str>,
    fields: HashMap<Box<str>, Box<str>>,
}

fn unpack() -> HashMap<Box<str>, Described> {
    let mut text = String::new();
    DeflateDecoder::new(PACKED).read_to_string(&mut text).expect("the build script packs UTF-8");
    let mut all: HashMap<Box<str>, Described> = HashMap::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(next) = line.strip_prefix('=') {
            name = next;
            continue;
        }
        let Some((field, literal)) = line.split_once('\t') else { continue };
        let text: String = serde_json::from_str(literal).expect("the source holds JSON strings");
        let described = all.entry(name.into()).or_default();
        match field {
            "" => described.own = text.into(),
            _ => drop(described.fields.insert(field.into(), text.into())),
        }
    }
    all
}

/// The OpenAPI name of a message: `k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod`.
pub fn definition_name(message: &str) -> String {
    let rest = message.strip_prefix("k8s.io.").map(|rest| format!("io.k8s.{rest}"));
    let name = rest.unwrap_or_else(|| message.to_owned());
    name.replace("apiextensions_apiserver", "apiextensions-apiserver")
        .replace("kube_aggregator", "kube-aggregator")
}

/// What is said of a message.
pub fn message(message: &str) -> Option<&'static str> {
    let own = &ALL.get(definition_name(message).as_str())?.own;
    (!own.is_empty()).then_some(own)
}

/// What is said of a message's field, by its JSON name.
pub fn field(message: &str, field: &str) -> Option<&'static str> {
    let described = ALL.get(definition_name(message).as_str())?;
    described.fields.get(field).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_fields_are_described() {
        let pod = message("k8s.io.api.core.v1.Pod").expect("a pod is described");
        assert!(pod.starts_with("Pod is a collection of containers"), "{pod}");
        let port = field("k8s.io.api.core.v1.ContainerPort", "protocol").expect("described");
        assert!(port.ends_with("Defaults to \"TCP\"."), "{port}");
        let spec = field("k8s.io.api.apps.v1.DeploymentSpec", "template").expect("described");
        assert!(spec.starts_with("Template describes the pods"), "{spec}");
        let api = "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.APIServiceSpec";
        assert!(field(api, "caBundle").is_some());
        assert!(field("k8s.io.api.core.v1.Pod", "nothing").is_none());
    }
}
