//! Strategies, kind by kind.

use super::*;
use crate::edit;
use crate::lifecycle;
use crate::registry::{Registry, Resource, Selection};
use crate::time::Timestamp;
use crate::value::Value;
use std::sync::Arc;

fn resource(group: &str, plural: &str) -> Arc<Resource> {
    let registry = Registry::built_in(Selection::All);
    Arc::clone(registry.find_resource(group, plural).expect("a built-in resource"))
}

fn parse(text: &str) -> Object {
    match serde_json::from_str(text).expect("valid JSON") {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn json(value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| serde_json::to_string(value).expect("serializable"))
}

fn context() -> Context<'static> {
    let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("a time");
    Context { now, namespace: Some("n"), requester: Requester::named("me") }
}

fn create(group: &str, plural: &str, object: &str) -> Object {
    let resource = resource(group, plural);
    let mut object = parse(object);
    prepare_for_create(Target::stored(&resource), &mut object, &context());
    object
}

fn update(of: (&str, &str, &str), new: &str, old: &str) -> Object {
    let (group, plural, subresource) = of;
    let resource = resource(group, plural);
    let target = Target { subresource, ..Target::stored(&resource) };
    let (mut new, old) = (parse(new), parse(old));
    lifecycle::before_update(target, &mut new, &old, &context()).expect("in its namespace");
    new
}

#[test]
fn clients_set_no_status_and_no_specification_through_status() {
    let made = create("apps", "deployments", r#"{"spec":{"replicas":1},"status":{"replicas":3}}"#);
    assert_eq!(json(made.get("status")), "{}");
    let old = r#"{"metadata":{"name":"d","generation":4,"labels":{"a":"1"}},"spec":{"replicas":1},"status":{"replicas":1}}"#;
    let new = r#"{"metadata":{"name":"d","generation":9,"labels":{"a":"2"}},"spec":{"replicas":2},"status":{"replicas":2}}"#;
    let main = update(("apps", "deployments", ""), new, old);
    assert_eq!(json(main.get("status")), r#"{"replicas":1}"#);
    assert_eq!(edit::int(&main, &["metadata", "generation"]), Some(5));
    let status = update(("apps", "deployments", "status"), new, old);
    assert_eq!(json(status.get("status")), r#"{"replicas":2}"#);
    assert_eq!(edit::int(&status, &["spec", "replicas"]), Some(1));
    assert_eq!(edit::int(&status, &["metadata", "generation"]), Some(4));
    assert_eq!(edit::text(&status, &["metadata", "labels", "a"]), "1");
}

#[test]
fn pods_have_a_class() {
    let class = |containers: &str| {
        let pod = create("", "pods", &format!(r#"{{"spec":{{"containers":[{containers}]}}}}"#));
        edit::text(&pod, &["status", "qosClass"]).to_owned()
    };
    assert_eq!(class(r#"{"name":"c"}"#), "BestEffort");
    let full = r#"{"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1000m","memory":"1Gi"}}}"#;
    assert_eq!(class(full), "Guaranteed");
    assert_eq!(class(&format!("{full},{{}}")), "Burstable");
    assert_eq!(class(r#"{"resources":{"requests":{"cpu":"1"}}}"#), "Burstable");
    assert_eq!(class(r#"{"resources":{"requests":{"example.com/gpu":"1"}}}"#), "BestEffort");
}

#[test]
fn a_resize_changes_resources_alone() {
    let old = r#"{"metadata":{"name":"p","generation":1},"spec":{"containers":[{"name":"c","image":"a","resources":{}}],"nodeName":"m"},"status":{"phase":"Running"}}"#;
    let new = r#"{"metadata":{"name":"p","labels":{"x":"y"}},"spec":{"containers":[{"name":"c","image":"b","resources":{"limits":{"cpu":"1"}}}]},"status":{}}"#;
    let resized = update(("", "pods", "resize"), new, old);
    assert_eq!(
        json(edit::at(&resized, &["spec"])),
        r#"{"containers":[{"name":"c","image":"a","resources":{"limits":{"cpu":"1"}}}],"nodeName":"m"}"#
    );
    assert_eq!(json(resized.get("metadata")), r#"{"name":"p","namespace":"n","generation":2}"#);
    assert_eq!(json(resized.get("status")), r#"{"phase":"Running"}"#);
}

#[test]
fn fields_of_disabled_features_go_unless_they_are_in_use() {
    let with = r#"{"spec":{"containers":[{"name":"c","lifecycle":{"stopSignal":"SIGTERM"}}],"schedulingGroup":{"podGroupName":"g"}}}"#;
    let pod = create("", "pods", with);
    assert_eq!(json(pod.get("spec")), r#"{"containers":[{"name":"c","resources":{}}]}"#);
    let old = r#"{"spec":{"containers":null,"schedulingGroup":{"podGroupName":"g"}}}"#;
    let kept = update(("", "pods", ""), with, old);
    assert!(edit::at(&kept, &["spec", "schedulingGroup"]).is_some());
}

#[test]
fn jobs_select_their_pods_by_uid() {
    let job = create(
        "batch",
        "jobs",
        r#"{"metadata":{"name":"j","uid":"u"},"spec":{"template":{"metadata":{"labels":{"job-name":"mine"}}}}}"#,
    );
    assert_eq!(
        json(edit::at(&job, &["spec", "template", "metadata", "labels"])),
        r#"{"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"j","controller-uid":"u","job-name":"mine"}"#
    );
    assert_eq!(
        json(edit::at(&job, &["spec", "selector"])),
        r#"{"matchLabels":{"batch.kubernetes.io/controller-uid":"u"}}"#
    );
}

#[test]
fn sources_of_claims_are_said_twice() {
    let claim = |spec: &str| {
        let claim = create("", "persistentvolumeclaims", &format!(r#"{{"spec":{spec}}}"#));
        json(edit::at(&claim, &["spec", "dataSource"]))
            + &json(edit::at(&claim, &["spec", "dataSourceRef"]))
    };
    let source = r#"{"kind":"PersistentVolumeClaim","name":"a"}"#;
    assert_eq!(claim(&format!(r#"{{"dataSource":{source}}}"#)).matches(r#""name":"a""#).count(), 2);
    assert_eq!(claim(r#"{"dataSource":{"kind":"Pod","name":"a"}}"#), "");
    assert_eq!(claim(r#"{"dataSourceRef":{"kind":"X","name":"a","namespace":"b"}}"#), "");
}

#[test]
fn services_keep_what_was_allocated() {
    let resource = resource("", "services");
    let target = Target::stored(&resource);
    let old = parse(
        r#"{"spec":{"type":"NodePort","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ports":[{"name":"a","port":80,"nodePort":30001}]}}"#,
    );
    let mut new = parse(r#"{"spec":{"type":"NodePort","ports":[{"name":"a","port":81}]}}"#);
    before_allocation(target, &mut new, Some(&old));
    assert_eq!(edit::text(&new, &["spec", "clusterIP"]), "10.0.0.1");
    assert!(json(edit::at(&new, &["spec", "ports"])).contains("30001"));
    let mut external =
        parse(&json(Some(&Value::Object(old.clone()))).replace("NodePort", "ExternalName"));
    prepare_for_update(target, &mut external, &old, &context());
    assert_eq!(
        json(edit::at(&external, &["spec"])),
        r#"{"ports":[{"name":"a","port":80,"targetPort":0}],"type":"ExternalName"}"#
    );
}

#[test]
fn requests_name_who_asks() {
    let csr = create(
        "certificates.k8s.io",
        "certificatesigningrequests",
        r#"{"spec":{"request":"","signerName":"s","username":"root","groups":["system:masters"]}}"#,
    );
    assert_eq!(json(csr.get("spec")), r#"{"request":"","signerName":"s","username":"me"}"#);
    let old = r#"{"metadata":{"name":"c"},"spec":{"request":""},"status":{}}"#;
    let new = r#"{"metadata":{"name":"c"},"spec":{"request":"x"},"status":{"certificate":"eA==","conditions":[{"type":"Approved","status":"True"}]}}"#;
    let approved =
        update(("certificates.k8s.io", "certificatesigningrequests", "approval"), new, old);
    assert_eq!(
        json(approved.get("status")),
        r#"{"conditions":[{"type":"Approved","status":"True","lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}"#
    );
}

#[test]
fn budgets_put_evictions_off() {
    let resource = resource("policy", "poddisruptionbudgets");
    let target = Target::stored(&resource);
    let pod = parse(
        r#"{"metadata":{"name":"p","labels":{"a":"b"}},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}"#,
    );
    let budget = |status: &str| {
        parse(&format!(
            r#"{{"metadata":{{"name":"b","generation":1}},"spec":{{"selector":{{"matchLabels":{{"a":"b"}}}}}},"status":{status}}}"#
        ))
    };
    let decide = |status: &str| eviction::decide(target, &pod, &[budget(status)], context().now);
    let fresh = decide(r#"{"disruptionsAllowed":1}"#).expect_err("not yet seen");
    assert_eq!((fresh.code, fresh.details.expect("details").retry_after_s), (429, 10));
    let spent = decide(
        r#"{"observedGeneration":1,"disruptionsAllowed":0,"desiredHealthy":2,"currentHealthy":2}"#,
    )
    .expect_err("nothing left");
    let details = spent.details.expect("details");
    assert_eq!(
        details.causes[0].message,
        "The disruption budget b needs 2 healthy pods and has 2 currently"
    );
    let allowed = decide(r#"{"observedGeneration":1,"disruptionsAllowed":1}"#).expect("one left");
    let eviction::Eviction::Spend { budget } = allowed else { panic!("{allowed:?}") };
    assert_eq!(edit::int(&budget, &["status", "disruptionsAllowed"]), Some(0));
    assert_eq!(
        json(edit::at(&budget, &["status", "disruptedPods"])),
        r#"{"p":"2026-01-01T00:00:00Z"}"#
    );
    assert!(json(edit::at(&budget, &["status", "conditions"])).contains("InsufficientPods"));
}

#[test]
fn a_binding_puts_a_pod_on_a_node_once() {
    let resource = resource("", "pods");
    let target = Target::stored(&resource);
    let pod = parse(
        r#"{"metadata":{"name":"p","namespace":"n"},"spec":{"containers":null},"status":{}}"#,
    );
    let to = |node: &str| {
        parse(&format!(r#"{{"metadata":{{"name":"p"}},"target":{{"name":"{node}"}}}}"#))
    };
    let bound = binding::bind(target, &pod, &to("m"), context().now).expect("free");
    assert_eq!(edit::text(&bound, &["spec", "nodeName"]), "m");
    assert_eq!(
        binding::bind(target, &bound, &to("o"), context().now).expect_err("bound").message,
        r#"Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "m""#
    );
}

#[test]
fn a_scale_shows_and_sets_replicas() {
    let resource = resource("apps", "deployments");
    let mut object = parse(
        r#"{"metadata":{"name":"d"},"spec":{"replicas":1,"selector":{"matchLabels":{"b":"2","a":"1"}}}}"#,
    );
    let (scale, _) = scale::show(&object, None).expect("built in");
    assert_eq!(
        json(Some(&Value::Object(scale))),
        r#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"d"},"spec":{"replicas":1},"status":{"replicas":0,"selector":"a=1,b=2"}}"#
    );
    let asked = parse(r#"{"metadata":{"name":"d"},"spec":{"replicas":7}}"#);
    scale::write(Target::stored(&resource), &mut object, &asked, None);
    assert_eq!(edit::int(&object, &["spec", "replicas"]), Some(7));
}
