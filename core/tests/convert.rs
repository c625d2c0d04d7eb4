//! Objects in other versions of their kinds.

use xebec_core::codec::json;
use xebec_core::registry::{Registry, Selection};
use xebec_core::target::Target;
use xebec_core::value::{Object, Value};
use xebec_core::{convert, defaults};

struct Kind {
    registry: Registry,
    group: &'static str,
    plural: &'static str,
}

impl Kind {
    fn new(group: &'static str, plural: &'static str) -> Self {
        Self { registry: Registry::built_in(Selection::Default), group, plural }
    }

    fn decode(&self, version: &str, text: &str) -> Object {
        let found = self.registry.find(self.group, version, self.plural);
        let (resource, version) = found.expect("a version of the kind");
        let target = Target { resource, version, subresource: "" };
        let decoded = json::decode(target.schema(), target.message(), text.as_bytes());
        let mut object = decoded.expect("valid").object;
        defaults::complete(target, &mut object);
        object
    }

    fn convert(&self, object: &Object, to: &str) -> Object {
        let found = self.registry.find(self.group, to, self.plural);
        let (resource, version) = found.expect("a version of the kind");
        convert::convert(resource, object.clone(), version).expect("convertible")
    }

    fn stored(&self, object: &Object) -> Object {
        let resource = self.registry.find_resource(self.group, self.plural).expect("known");
        convert::to_stored(resource, object.clone()).expect("convertible")
    }
}

fn text(object: &Object) -> String {
    serde_json::to_string(&Value::Object(object.clone())).expect("serializable")
}

const RICH: &str = r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2",
  "metadata":{"name":"h","annotations":{"a":"b"}},
  "spec":{"scaleTargetRef":{"kind":"Deployment","name":"w","apiVersion":"apps/v1"},"maxReplicas":3,
    "metrics":[
      {"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},
      {"type":"Pods","pods":{"metric":{"name":"a<b","selector":{"matchLabels":{"x":"y"}}},"target":{"type":"AverageValue","averageValue":"10"}}},
      {"type":"Object","object":{"describedObject":{"kind":"Ingress","name":"i"},"target":{"type":"Value","value":"2k"},"metric":{"name":"m"}}},
      {"type":"External","external":{"metric":{"name":"q"},"target":{"type":"AverageValue","averageValue":"30"}}},
      {"type":"ContainerResource","containerResource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60},"container":"c"}},
      {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}}],
    "behavior":{"scaleUp":{"stabilizationWindowSeconds":3,"tolerance":"100m"}}},
  "status":{"desiredReplicas":2,"currentReplicas":1,
    "currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":7,"averageValue":"12m"}}}],
    "conditions":[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"r","message":"m"}]}}"#;

#[test]
fn what_version_1_cannot_say_stands_in_annotations() {
    let kind = Kind::new("autoscaling", "horizontalpodautoscalers");
    let one = kind.convert(&kind.decode("v2", RICH), "v1");
    let annotations = one.get("metadata").and_then(|it| it.get("annotations"));
    let annotation = |name: &str| {
        let name = format!("autoscaling.alpha.kubernetes.io/{name}");
        annotations.and_then(|it| it.get(&name)).and_then(Value::as_str).unwrap_or_default()
    };
    assert_eq!(
        annotation("metrics"),
        concat!(
            r#"[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},"#,
            r#"{"type":"Pods","pods":{"metricName":"a\u003cb","targetAverageValue":"10","selector":{"matchLabels":{"x":"y"}}}},"#,
            r#"{"type":"Object","object":{"target":{"kind":"Ingress","name":"i"},"metricName":"m","targetValue":"2k"}},"#,
            r#"{"type":"External","external":{"metricName":"q","targetAverageValue":"30"}},"#,
            r#"{"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":60,"container":"c"}}]"#,
        )
    );
    assert_eq!(
        annotation("behavior"),
        concat!(
            r#"{"ScaleUp":{"StabilizationWindowSeconds":3,"SelectPolicy":"Max","Policies":["#,
            r#"{"Type":"Pods","Value":4,"PeriodSeconds":15},{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":"100m"},"#,
            r#""ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":["#,
            r#"{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}"#,
        )
    );
    assert_eq!(
        annotation("current-metrics"),
        r#"[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":7,"currentAverageValue":"12m"}}]"#
    );
    assert_eq!(
        annotation("conditions"),
        r#"[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"r","message":"m"}]"#
    );
    let mut plain = one.clone();
    plain.remove("metadata");
    assert_eq!(
        text(&plain),
        concat!(
            r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1","#,
            r#""spec":{"scaleTargetRef":{"kind":"Deployment","name":"w","apiVersion":"apps/v1"},"minReplicas":1,"maxReplicas":3,"targetCPUUtilizationPercentage":50},"#,
            r#""status":{"currentReplicas":1,"desiredReplicas":2,"currentCPUUtilizationPercentage":7}}"#,
        )
    );
}

#[test]
fn an_autoscaler_comes_back_from_version_1() {
    let kind = Kind::new("autoscaling", "horizontalpodautoscalers");
    let two = kind.decode("v2", RICH);
    let back = kind.convert(&kind.convert(&two, "v1"), "v2");
    assert_eq!(text(&back), text(&two));
}

#[test]
fn annotations_that_are_not_well_formed_are_passed_over() {
    let kind = Kind::new("autoscaling", "horizontalpodautoscalers");
    let one = kind.decode(
        "v1",
        r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1",
            "metadata":{"annotations":{"autoscaling.alpha.kubernetes.io/metrics":"[1",
                "autoscaling.alpha.kubernetes.io/behavior":"{\"scaleup\":7}"}},
            "spec":{"scaleTargetRef":{"kind":"D","name":"w"},"maxReplicas":3}}"#,
    );
    let two = kind.stored(&one);
    assert_eq!(
        text(&two),
        concat!(
            r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2","metadata":{},"#,
            r#""spec":{"scaleTargetRef":{"kind":"D","name":"w"},"minReplicas":1,"maxReplicas":3,"metrics":["#,
            r#"{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]},"#,
            r#""status":{"desiredReplicas":0,"currentMetrics":null}}"#,
        )
    );
}

#[test]
fn events_are_stored_as_those_of_the_core_group() {
    let kind = Kind::new("events.k8s.io", "events");
    let event = kind.decode(
        "v1",
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"e"},
            "eventTime":"2026-01-02T03:04:05.000006Z","reportingController":"c","reportingInstance":"i",
            "action":"A","reason":"R","regarding":{"kind":"Pod","name":"p"},"note":"n","type":"Normal",
            "deprecatedCount":2,"deprecatedSource":{"component":"k"},"series":{"count":3,"lastObservedTime":null}}"#,
    );
    let stored = kind.stored(&event);
    assert_eq!(
        text(&stored),
        concat!(
            r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p"},"#,
            r#""reason":"R","message":"n","source":{"component":"k"},"firstTimestamp":null,"lastTimestamp":null,"#,
            r#""count":2,"type":"Normal","eventTime":"2026-01-02T03:04:05.000006Z","#,
            r#""series":{"count":3,"lastObservedTime":null},"action":"A","#,
            r#""reportingComponent":"c","reportingInstance":"i"}"#,
        )
    );
    assert_eq!(text(&kind.convert(&stored, "v1")), text(&event));
}

#[test]
fn fields_that_say_the_same_agree() {
    let pods = Kind::new("", "pods");
    let pod = pods.decode(
        "v1",
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"pod.beta.kubernetes.io/init-containers":"x"}},
            "spec":{"containers":[],"serviceAccount":"s","terminationGracePeriodSeconds":-5},
            "status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.2"}]}}"#,
    );
    let pod = text(&pods.stored(&pod));
    assert!(pod.contains(r#""serviceAccountName":"s","serviceAccount":"s""#), "{pod}");
    assert!(pod.contains(r#""podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}]"#), "{pod}");
    assert!(pod.contains(r#""terminationGracePeriodSeconds":1,"#), "{pod}");
    assert!(pod.contains(r#""metadata":{},"#), "{pod}");

    let nodes = Kind::new("", "nodes");
    let spec = r#"{"apiVersion":"v1","spec":{"podCIDRs":["a","b"]}}"#;
    let node = text(&nodes.stored(&nodes.decode("v1", spec)));
    assert!(node.contains(r#""podCIDR":"a","podCIDRs":["a","b"]"#), "{node}");

    let secrets = Kind::new("", "secrets");
    let data =
        r#"{"apiVersion":"v1","data":{"a":"MQ==","c":"Mw=="},"stringData":{"a":"2","b":"2"}}"#;
    let secret = text(&secrets.stored(&secrets.decode("v1", data)));
    assert!(secret.contains(r#""data":{"a":"Mg==","b":"Mg==","c":"Mw=="},"type""#), "{secret}");
}
