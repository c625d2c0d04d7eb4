//! What objects get where their authors said nothing.

use xebec_core::codec::json;
use xebec_core::defaults;
use xebec_core::registry::{Registry, Selection};
use xebec_core::schema::BUILT_IN;
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::Value;

/// A message of the API, completed; as JSON.
fn complete(kind: &str, text: &str) -> String {
    let id = BUILT_IN.find(&format!("k8s.io.api.{kind}")).expect("a kind of the table");
    let mut object = json::decode(&BUILT_IN, id, text.as_bytes()).expect("valid").object;
    defaults::complete_message(id, &mut object);
    serde_json::to_string(&Value::Object(object)).expect("serializable")
}

fn check(kind: &str, text: &str, expected: &str) {
    assert_eq!(complete(kind, text), expected);
}

#[test]
fn a_container_is_the_same_in_a_pod_and_in_a_template() {
    let container = r#"{"name":"c","image":"a:1","ports":[{"containerPort":80}],"livenessProbe":{"grpc":{"port":1}}}"#;
    let completed = concat!(
        r#"{"name":"c","image":"a:1","ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{},"#,
        r#""livenessProbe":{"grpc":{"port":1,"service":""},"timeoutSeconds":1,"periodSeconds":10,"#,
        r#""successThreshold":1,"failureThreshold":3},"terminationMessagePath":"/dev/termination-log","#,
        r#""terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}"#,
    );
    let pod = format!(r#"{{"spec":{{"containers":[{container}]}}}}"#);
    assert!(complete("core.v1.Pod", &pod).contains(completed));
    let job = format!(r#"{{"spec":{{"jobTemplate":{{"spec":{{"template":{pod}}}}}}}}}"#);
    let job = complete("batch.v1.CronJob", &job);
    assert!(job.contains(completed), "{job}");
    assert!(!job.contains("enableServiceLinks") && !job.contains("backoffLimit"));
}

#[test]
fn requests_follow_limits_and_pods_follow_their_containers() {
    let pod = complete(
        "core.v1.Pod",
        r#"{"spec":{"resources":{"limits":{"cpu":"4","memory":"1Gi","hugepages-2Mi":"4Mi"}},
            "initContainers":[
                {"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"500m"}}},
                {"name":"i","resources":{"requests":{"cpu":"3"}}}],
            "containers":[{"name":"a","resources":{"limits":{"cpu":"1"}}},
                {"name":"b","resources":{"requests":{"cpu":"100m","example.com/x":"1"}}}]}}"#,
    );
    let resources = r#""resources":{"limits":{"cpu":"4","hugepages-2Mi":"4Mi","memory":"1Gi"},"requests":{"cpu":"3500m","hugepages-2Mi":"4Mi","memory":"1Gi"}}"#;
    assert!(pod.contains(resources), "{pod}");
    assert!(pod.contains(r#"{"limits":{"cpu":"1"},"requests":{"cpu":"1"}}"#), "{pod}");
}

#[test]
fn amounts_are_rounded_up_to_thousandths() {
    check(
        "core.v1.ResourceRequirements",
        r#"{"limits":{"cpu":"1500u","memory":"1Gi"}}"#,
        r#"{"limits":{"cpu":"2m","memory":"1Gi"}}"#,
    );
}

#[test]
fn a_service_that_is_balanced_says_how() {
    check(
        "core.v1.Service",
        r#"{"spec":{"type":"LoadBalancer","ports":[{"port":80}],"sessionAffinity":"ClientIP"}}"#,
        concat!(
            r#"{"metadata":{},"spec":{"ports":[{"protocol":"TCP","port":80,"targetPort":80}],"#,
            r#""type":"LoadBalancer","sessionAffinity":"ClientIP","externalTrafficPolicy":"Cluster","#,
            r#""sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}},"#,
            r#""allocateLoadBalancerNodePorts":true,"internalTrafficPolicy":"Cluster"},"status":{"loadBalancer":{}}}"#,
        ),
    );
}

#[test]
fn a_behaviour_has_both_its_rules() {
    check(
        "autoscaling.v2.HorizontalPodAutoscalerBehavior",
        r#"{"scaleDown":{"stabilizationWindowSeconds":5}}"#,
        concat!(
            r#"{"scaleUp":{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":["#,
            r#"{"type":"Pods","value":4,"periodSeconds":15},{"type":"Percent","value":100,"periodSeconds":15}]},"#,
            r#""scaleDown":{"stabilizationWindowSeconds":5,"selectPolicy":"Max","policies":["#,
            r#"{"type":"Percent","value":100,"periodSeconds":15}]}}"#,
        ),
    );
}

#[test]
fn volumes_and_selectors_of_fields() {
    check("core.v1.Volume", r#"{"name":"v"}"#, r#"{"name":"v","emptyDir":{}}"#);
    check(
        "core.v1.Volume",
        r#"{"name":"v","projected":{"sources":[{"downwardAPI":{"items":[{"path":"p","fieldRef":{"fieldPath":"f"}}]}}]}}"#,
        r#"{"name":"v","projected":{"sources":[{"downwardAPI":{"items":[{"path":"p","fieldRef":{"apiVersion":"v1","fieldPath":"f"}}]}}],"defaultMode":420}}"#,
    );
    check(
        "core.v1.Volume",
        r#"{"name":"v","azureDisk":{"diskName":"d","diskURI":"u","cachingMode":"None"}}"#,
        r#"{"name":"v","azureDisk":{"diskName":"d","diskURI":"u","cachingMode":"None","fsType":"ext4","readOnly":false,"kind":"Shared"}}"#,
    );
}

#[test]
fn subresources_are_completed_by_their_own_kind() {
    let registry = Registry::built_in(Selection::Default);
    let (resource, version) = registry.find("", "v1", "serviceaccounts").expect("known");
    let target = Target { resource, version, subresource: "token" };
    let body = target.body().expect("a kind of the table");
    let mut object = json::decode(&BUILT_IN, body, b"{}").expect("valid").object;
    defaults::complete(target, &mut object);
    let seconds = object.get("spec").and_then(|spec| spec.get("expirationSeconds"));
    assert_eq!(seconds, Some(&Value::Int(3600)));
}

#[test]
fn taints_of_devices_get_the_time() {
    let registry = Registry::built_in(Selection::Default);
    let (resource, version) =
        registry.find("resource.k8s.io", "v1", "resourceslices").expect("known");
    let target = Target { resource, version, subresource: "" };
    let text = br#"{"spec":{"devices":[{"name":"d","taints":[{"key":"k","effect":"NoExecute"},
        {"key":"l","effect":"NoExecute","timeAdded":"2026-01-02T00:00:00Z"}]}]}}"#;
    let mut object = json::decode(&BUILT_IN, target.message(), text).expect("valid").object;
    let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("valid");
    defaults::stamp(target, &mut object, now);
    let text = serde_json::to_string(&Value::Object(object)).expect("serializable");
    assert!(
        text.contains(r#"{"key":"k","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"}"#)
    );
    assert!(
        text.contains(r#"{"key":"l","effect":"NoExecute","timeAdded":"2026-01-02T00:00:00Z"}"#)
    );
}
