//! What the registry must hold.

use super::*;
use crate::value::Value;

fn object(text: &str) -> Value {
    serde_json::from_str(text).expect("valid JSON")
}

fn widget(versions: &[&str]) -> Resource {
    let pods = Registry::built_in(Selection::Default);
    let mut resource = (**pods.find_resource("", "configmaps").expect("configmaps")).clone();
    resource.group = "example.com".into();
    resource.plural = "widgets".into();
    resource.kind = "Widget".into();
    resource.custom = true;
    let version = resource.versions[0].clone();
    let named = versions.iter().map(|name| Version { name: (*name).into(), ..version.clone() });
    resource.versions = named.collect();
    resource
}

#[test]
fn finds_resources_by_path_and_kind() {
    let registry = Registry::built_in(Selection::Default);
    let (resource, version) = registry.find("apps", "v1", "deployments").expect("deployments");
    assert_eq!((&*resource.kind, &*version.name), ("Deployment", "v1"));
    assert!(resource.has_scale() && resource.has_status() && resource.generation);
    assert!(registry.find("apps", "v1", "pods").is_none());
    assert!(registry.find("apps", "v2", "deployments").is_none());
    let (events, _) = registry.find_kind("events.k8s.io", "v1", "Event").expect("events");
    assert_eq!(&*events.key_prefix, "/registry/events/");
    assert_eq!(events.stored().api_version(events.stored_version()), "v1");
}

#[test]
fn alpha_and_beta_versions_are_off_by_default() {
    let default = Registry::built_in(Selection::Default);
    assert!(default.find("resource.k8s.io", "v1beta1", "deviceclasses").is_none());
    assert!(default.group("storagemigration.k8s.io").is_none());
    let all = Registry::built_in(Selection::All);
    assert!(all.find("resource.k8s.io", "v1beta1", "deviceclasses").is_some());
    assert_eq!(all.resources().len(), 76);
}

#[test]
fn keys_are_upstreams() {
    let registry = Registry::built_in(Selection::Default);
    for (group, plural, namespace, key) in [
        ("", "pods", Some("a"), "/registry/pods/a/x"),
        ("", "services", Some("a"), "/registry/services/specs/a/x"),
        ("", "nodes", None, "/registry/minions/x"),
        ("networking.k8s.io", "ingresses", Some("a"), "/registry/ingress/a/x"),
        ("apps", "deployments", Some("a"), "/registry/deployments/a/x"),
        (
            "apiregistration.k8s.io",
            "apiservices",
            None,
            "/registry/apiregistration.k8s.io/apiservices/x",
        ),
    ] {
        let resource = registry.find_resource(group, plural).expect(plural);
        assert_eq!(resource.key(namespace, "x"), key);
    }
}

#[test]
fn selectable_fields_read_their_zero_where_unset() {
    let registry = Registry::built_in(Selection::Default);
    let value = |plural: &str, field: &str, text: &str| {
        let (_, version) = registry.find("", "v1", plural).expect(plural);
        let found = version.selectable.iter().find(|one| &*one.name == field).expect(field);
        found.value(&object(text)).into_owned()
    };
    assert_eq!(value("pods", "spec.nodeName", r#"{"spec":{"nodeName":"n"}}"#), "n");
    assert_eq!(value("pods", "spec.nodeName", "{}"), "");
    assert_eq!(value("pods", "spec.hostNetwork", "{}"), "false");
    assert_eq!(value("nodes", "spec.unschedulable", r#"{"spec":{"unschedulable":true}}"#), "true");
    assert_eq!(value("replicationcontrollers", "status.replicas", "{}"), "0");
    assert_eq!(value("events", "source", r#"{"reportingComponent":"r"}"#), "r");
    let event = r#"{"source":{"component":"c"},"reportingComponent":"r"}"#;
    assert_eq!(value("events", "source", event), "c");
}

#[test]
fn custom_resources_come_and_go() {
    let shared = SharedRegistry::new(Registry::built_in(Selection::Default));
    let before = shared.load();
    shared.add(widget(&["v1alpha1", "v2", "foo", "v1", "v1beta2", "v10"])).expect("no conflict");
    let now = shared.load();
    assert!(before.find("example.com", "v1", "widgets").is_none());
    assert!(now.find_kind("example.com", "v1", "Widget").is_some());
    let group = now.group("example.com").expect("group");
    let versions: Vec<&str> = group.versions.iter().map(|version| &**version).collect();
    assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1alpha1", "foo"]);
    assert_eq!(now.groups().last().map(|group| &*group.name), Some("example.com"));
    shared.add(widget(&["v1"])).expect("replaces");
    assert_eq!(shared.load().group("example.com").map(|group| group.versions.len()), Some(1));
    shared.remove("example.com", "widgets");
    assert!(shared.load().group("example.com").is_none());
    assert_eq!(shared.load().resources().len(), before.resources().len());
}

#[test]
fn built_in_resources_cannot_be_replaced() {
    let registry = Registry::built_in(Selection::Default);
    let mut resource = widget(&["v1"]);
    resource.group = "".into();
    resource.plural = "pods".into();
    assert!(registry.with(resource).is_err());
}
