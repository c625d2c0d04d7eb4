//! What recordings do not show of pods: resizes, ephemeral containers, Windows.

use crate::registry::{Registry, Resource, Selection};
use crate::target::Target;
use crate::validation;
use crate::value::{Object, Value};

const LIMITS: &str =
    r#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}"#;

fn pods() -> std::sync::Arc<Resource> {
    let registry = Registry::built_in(Selection::All);
    let (pods, _) = registry.find("", "v1", "pods").expect("pods are served");
    pods.clone()
}

/// A completed pod; `container` and `spec` are further fields.
fn pod(container: &str, spec: &str) -> Object {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"Pod",
            "metadata":{{"name":"p","namespace":"n","uid":"u","resourceVersion":"1"}},
            "spec":{{"containers":[{{"name":"c","image":"i","imagePullPolicy":"Always",
                "terminationMessagePolicy":"File"{container}}}],
                "restartPolicy":"Always","dnsPolicy":"ClusterFirst","securityContext":{{}},
                "enableServiceLinks":true,"terminationGracePeriodSeconds":30{spec}}},
            "status":{{}}}}"#
    );
    let value: Value = serde_json::from_str(&text).expect("a tree");
    value.as_object().expect("an object").clone()
}

fn created(container: &str, spec: &str) -> Vec<String> {
    let errors = validation::on_create(Target::stored(&pods()), &pod(container, spec));
    errors.iter().map(ToString::to_string).collect()
}

fn updated(subresource: &str, old: &Object, new: &Object) -> Vec<String> {
    let pods = pods();
    let target = Target { subresource, ..Target::stored(&pods) };
    let errors = validation::on_update(target, new, old);
    errors.iter().map(ToString::to_string).collect()
}

fn resources(resources: &str) -> String {
    format!(r#","resources":{resources}"#)
}

#[test]
fn a_plain_pod_is_valid() {
    assert!(created("", "").is_empty());
    assert!(updated("", &pod("", ""), &pod("", "")).is_empty());
}

#[test]
fn images_and_new_tolerations_are_what_an_update_changes() {
    let old = pod("", "");
    let tolerant = pod("", r#","tolerations":[{"key":"k","operator":"Exists"}]"#);
    assert!(updated("", &old, &tolerant).is_empty());
    let found = updated("", &tolerant, &old);
    assert!(found[0].starts_with("spec.tolerations: Forbidden: existing toleration can not be"));
    let found = updated("", &old, &pod(r#","args":["x"]"#, ""));
    assert!(found[0].starts_with("spec: Forbidden: pod updates may not change fields other than"));
}

#[test]
fn a_resize_changes_compute_resources() {
    let old = pod(&resources(LIMITS), "");
    let new = pod(&resources(&LIMITS.replace("\"1\"", "\"2\"")), "");
    assert!(updated("resize", &old, &new).is_empty());
    let other = pod(&format!(r#"{},"args":["x"]"#, resources(LIMITS)), "");
    let wanted = "spec: Forbidden: only cpu and memory resources are mutable";
    assert_eq!(updated("resize", &old, &other), [wanted]);
}

#[test]
fn a_resize_keeps_the_class_of_service() {
    let old = pod(&resources(LIMITS), "");
    let less = LIMITS.replace(r#""requests":{"cpu":"1""#, r#""requests":{"cpu":"500m""#);
    let found = updated("resize", &old, &pod(&resources(&less), ""));
    assert!(
        found[0].ends_with("Pod QOS Class may not change as a result of resizing"),
        "{found:?}"
    );
}

#[test]
fn ephemeral_containers_are_added_and_stay() {
    let debug = |image: &str| {
        let container = format!(
            r#","ephemeralContainers":[{{"name":"d","image":"{image}",
                "imagePullPolicy":"Always","terminationMessagePolicy":"File"}}]"#
        );
        pod("", &container)
    };
    assert_eq!(
        validation::on_create(Target::stored(&pods()), &debug("i"))[0].to_string(),
        "spec.ephemeralContainers: Forbidden: cannot be set on create"
    );
    assert!(updated("ephemeralcontainers", &pod("", ""), &debug("i")).is_empty());
    let wanted = "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"d\" may \
                  not be changed";
    assert_eq!(updated("ephemeralcontainers", &debug("i"), &debug("j")), [wanted]);
}

#[test]
fn windows_pods_say_nothing_of_linux() {
    let found = created("", r#","os":{"name":"windows"},"hostPID":true"#);
    assert_eq!(found, ["spec.hostPID: Forbidden: cannot be set for a windows pod"],);
    let found = created(r#","securityContext":{"runAsUser":1}"#, r#","os":{"name":"windows"}"#);
    let wanted = "spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a \
                  windows pod";
    assert_eq!(found, [wanted]);
}

#[test]
fn ports_of_the_host_are_taken_once() {
    let ports = r#","ports":[{"containerPort":80,"hostPort":8080,"protocol":"TCP"},
        {"containerPort":81,"hostPort":8080,"protocol":"TCP"}]"#;
    let found = created(ports, "");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("spec.containers[0].ports[1].hostPort: Duplicate value"));
}
