//! Deletes, decided.

use super::*;
use crate::registry::{Registry, Selection};

const NOW: &str = "2026-01-01T00:00:00Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW).expect("a time")
}

fn parse(text: &str) -> Object {
    match serde_json::from_str(text).expect("valid JSON") {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn decide(group: &str, plural: &str, object: &str, options: &DeleteOptions) -> (DeletePlan, u16) {
    let registry = Registry::built_in(Selection::All);
    let resource = registry.find_resource(group, plural).expect("a built-in resource");
    let plan = plan(Target::stored(resource), &parse(object), options, now()).expect("no conflict");
    let code = plan.code(options);
    (plan, code)
}

fn marked(plan: &DeletePlan) -> String {
    let (DeletePlan::Mark(object) | DeletePlan::Remove { first: Some(object) }) = plan else {
        return format!("{plan:?}");
    };
    let metadata = Value::Object(metadata::metadata(object).clone());
    serde_json::to_string(&metadata).expect("serializable")
}

fn asked(grace_period_s: i64) -> DeleteOptions {
    DeleteOptions { grace_period_s: Some(grace_period_s), ..DeleteOptions::default() }
}

const RUNNING: &str = r#"{"metadata":{"name":"p","generation":1},"spec":{"nodeName":"n","terminationGracePeriodSeconds":30}}"#;

#[test]
fn a_running_pod_has_its_grace() {
    let (plan, _) = decide("", "pods", RUNNING, &DeleteOptions::default());
    assert!(matches!(plan, DeletePlan::Mark(_)));
    assert_eq!(
        marked(&plan),
        r#"{"name":"p","generation":2,"deletionTimestamp":"2026-01-01T00:00:30Z","deletionGracePeriodSeconds":30}"#
    );
    let (plan, _) = decide("", "pods", RUNNING, &asked(-7));
    assert!(marked(&plan).ends_with(r#""deletionGracePeriodSeconds":1}"#));
}

#[test]
fn nobody_waits_for_a_pod_without_a_node_or_without_grace() {
    let idle = r#"{"metadata":{"name":"p"},"spec":{"terminationGracePeriodSeconds":30}}"#;
    let over = r#"{"metadata":{"name":"p"},"spec":{"nodeName":"n"},"status":{"phase":"Failed"}}"#;
    for (pod, options) in [(idle, DeleteOptions::default()), (over, asked(9)), (RUNNING, asked(0))]
    {
        let (plan, _) = decide("", "pods", pod, &options);
        assert!(matches!(plan, DeletePlan::Remove { first: Some(_) }), "{plan:?}");
        assert!(marked(&plan).contains(r#""deletionTimestamp":"2026-01-01T00:00:00Z""#));
    }
}

#[test]
fn grace_can_only_shrink() {
    let dying = r#"{"metadata":{"name":"p","generation":2,"deletionTimestamp":"2026-01-01T00:00:20Z","deletionGracePeriodSeconds":30},"spec":{"nodeName":"n"}}"#;
    let (plan, _) = decide("", "pods", dying, &asked(30));
    assert_eq!(plan, DeletePlan::Pending { shows_object: false });
    let (plan, _) = decide("", "pods", dying, &asked(15));
    assert_eq!(
        marked(&plan),
        r#"{"name":"p","generation":2,"deletionTimestamp":"2026-01-01T00:00:05Z","deletionGracePeriodSeconds":15}"#
    );
    let (plan, _) = decide("", "pods", dying, &asked(5));
    assert_eq!(
        marked(&plan),
        r#"{"name":"p","generation":2,"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":1}"#
    );
    let (plan, _) = decide("", "pods", dying, &asked(0));
    assert!(matches!(plan, DeletePlan::Remove { first: Some(_) }));
}

#[test]
fn finalizers_hold_and_policies_change_them() {
    let held = r#"{"metadata":{"name":"d","generation":3,"finalizers":["a/b","orphan"]}}"#;
    let policy =
        |name: &str| DeleteOptions { propagation: Some(name.into()), ..DeleteOptions::default() };
    let finalizers = |options| {
        let (plan, _) = decide("apps", "deployments", held, &options);
        marked(&plan).split_once("finalizers").expect("held").1.to_owned()
    };
    assert_eq!(finalizers(DeleteOptions::default()), r#"":["a/b","orphan"]}"#);
    assert_eq!(finalizers(policy("Foreground")), r#"":["a/b","foregroundDeletion"]}"#);
    assert_eq!(finalizers(policy("Background")), r#"":["a/b"]}"#);
    let (plan, _) =
        decide("apps", "deployments", r#"{"metadata":{"name":"d"}}"#, &policy("Background"));
    assert_eq!(plan, DeletePlan::Remove { first: None });
    let (plan, _) =
        decide("batch", "jobs", r#"{"metadata":{"name":"d"}}"#, &DeleteOptions::default());
    assert!(marked(&plan).contains(r#""finalizers":["orphan"]"#));
    let (plan, _) = decide("", "events", r#"{"metadata":{"name":"d"}}"#, &policy("Foreground"));
    assert_eq!(plan, DeletePlan::Remove { first: None });
}

#[test]
fn what_is_not_gone_at_once_is_accepted_where_cascading_was_asked_for() {
    let held = r#"{"metadata":{"name":"d","finalizers":["a/b"]}}"#;
    let options = DeleteOptions { orphan_dependents: Some(false), ..DeleteOptions::default() };
    assert_eq!(decide("", "configmaps", held, &options).1, 202);
    assert_eq!(decide("", "configmaps", held, &DeleteOptions::default()).1, 200);
}

#[test]
fn a_namespace_waits_for_its_own_finalizers() {
    let active = r#"{"metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#;
    let (plan, _) = decide("", "namespaces", active, &DeleteOptions::default());
    let DeletePlan::Mark(object) = plan else { panic!("the first delete marks") };
    assert_eq!(edit::text(&object, &["status", "phase"]), "Terminating");
    let text = serde_json::to_string(&Value::Object(object)).expect("serializable");
    let (plan, _) = decide("", "namespaces", &text, &DeleteOptions::default());
    assert_eq!(plan, DeletePlan::Pending { shows_object: true });
    let emptied = text.replace(r#""finalizers":["kubernetes"]"#, "");
    let (plan, _) = decide("", "namespaces", &emptied, &DeleteOptions::default());
    assert_eq!(plan, DeletePlan::Remove { first: None });
}

#[test]
fn preconditions_name_the_kind() {
    let registry = Registry::built_in(Selection::All);
    let resource = registry.find_resource("apps", "deployments").expect("built in");
    let mut options = DeleteOptions::default();
    options.preconditions.uid = Some("x".into());
    let object = parse(r#"{"metadata":{"name":"d","uid":"u"}}"#);
    let status = plan(Target::stored(resource), &object, &options, now()).expect_err("another uid");
    assert_eq!(
        status.message,
        r#"Operation cannot be fulfilled on Deployment.apps "d": the UID in the precondition (x) does not match the UID in record (u). The object might have been deleted and then recreated"#
    );
}
