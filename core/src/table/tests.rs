use super::*;
use crate::registry::{CustomColumn, Registry, Selection};

const NOW: Timestamp = Timestamp { seconds: 1_000_000_000, nanos: 0 };

fn cells(group: &str, kind: &str, object: &str) -> String {
    let value: Value = serde_json::from_str(object).expect("valid JSON");
    let cells = Printer::of_kind(group, kind).cells(&value, NOW);
    let texts = cells.iter().map(crate::jsonpath::text);
    texts.collect::<Vec<_>>().join("|")
}

fn pod(spec: &str, status: &str) -> String {
    let object = format!(
        r#"{{"metadata":{{"name":"p","creationTimestamp":"2001-09-09T01:45:40Z"}},
            "spec":{spec},"status":{status}}}"#
    );
    let cells = cells("", "Pod", &object);
    cells.splitn(6, '|').take(5).collect::<Vec<_>>().join("|")
}

#[test]
fn pods_sum_up_their_containers() {
    let two = r#"{"containers":[{"name":"a"},{"name":"b"}]}"#;
    assert_eq!(pod(two, r#"{"phase":"Pending"}"#), "p|0/2|Pending|0|60s");
    let crash = r#"{"phase":"Running","containerStatuses":[
        {"name":"a","ready":true,"state":{"running":{}},"restartCount":1},
        {"name":"b","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"finishedAt":"2001-09-09T01:44:40Z"}}}]}"#;
    assert_eq!(pod(two, crash), "p|1/2|CrashLoopBackOff|5 (2m ago)|60s");
    let done = r#"{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],
        "containerStatuses":[{"ready":true,"state":{"running":{}}},
        {"state":{"terminated":{"reason":"Completed"}}}]}"#;
    assert_eq!(pod(two, done), "p|1/2|NotReady|0|60s");
    let signal =
        r#"{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"signal":9}}}]}"#;
    assert_eq!(pod(two, signal), "p|0/2|Signal:9|0|60s");
    let gated =
        r#"{"phase":"Pending","conditions":[{"type":"PodScheduled","reason":"SchedulingGated"}]}"#;
    assert_eq!(pod(two, gated), "p|0/2|SchedulingGated|0|60s");
    let evicted = r#"{"phase":"Failed","reason":"Evicted"}"#;
    assert_eq!(pod(two, evicted), "p|0/2|Evicted|0|60s");
}

#[test]
fn pods_show_how_far_their_initialization_is() {
    let spec = r#"{"containers":[{"name":"a"}],
        "initContainers":[{"name":"i"},{"name":"s","restartPolicy":"Always"},{"name":"j"}]}"#;
    let done = r#"{"name":"i","state":{"terminated":{"exitCode":0}}}"#;
    let status = |rest: &str| format!(r#"{{"phase":"Pending","initContainerStatuses":[{rest}]}}"#);
    let failed = r#"{"name":"i","restartCount":2,"state":{"terminated":{"exitCode":3}}}"#;
    assert_eq!(pod(spec, &status(failed)), "p|0/2|Init:ExitCode:3|2|60s");
    let waiting = r#"{"name":"i","state":{"waiting":{"reason":"ErrImagePull"}}}"#;
    assert_eq!(pod(spec, &status(waiting)), "p|0/2|Init:ErrImagePull|0|60s");
    let sidecar = r#"{"name":"s","started":true,"ready":true,"state":{"running":{}}}"#;
    let third = r#"{"name":"j","state":{"waiting":{"reason":"PodInitializing"}}}"#;
    let all = status(&format!("{done},{sidecar},{third}"));
    assert_eq!(pod(spec, &all), "p|1/2|Init:2/3|0|60s");
}

#[test]
fn deleted_pods_terminate() {
    let object = |phase: &str, reason: &str| {
        format!(
            r#"{{"metadata":{{"name":"p","deletionTimestamp":"2001-09-09T01:46:40Z"}},
            "status":{{"phase":"{phase}","reason":"{reason}"}}}}"#
        )
    };
    let status = |phase, reason| {
        let cells = cells("", "Pod", &object(phase, reason));
        cells.split('|').nth(2).expect("status").to_owned()
    };
    assert_eq!(status("Running", ""), "Terminating");
    assert_eq!(status("Running", "NodeLost"), "Unknown");
    assert_eq!(status("Succeeded", ""), "Succeeded");
}

#[test]
fn services_show_addresses_and_ports() {
    let service = r#"{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIPs":["10.0.0.1"],
        "externalIPs":["9.9.9.9"],"ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},
        {"port":53,"protocol":"UDP"}]},
        "status":{"loadBalancer":{"ingress":[{"hostname":"b"},{"ip":"1.2.3.4"}]}}}"#;
    assert_eq!(
        cells("", "Service", service),
        "s|LoadBalancer|10.0.0.1|1.2.3.4,b,9.9.9.9|80:30080/TCP,53/UDP|<unknown>|<none>"
    );
    let pending = r#"{"metadata":{"name":"s"},"spec":{"type":"LoadBalancer"}}"#;
    assert_eq!(
        cells("", "Service", pending),
        "s|LoadBalancer|<none>|<pending>|<none>|<unknown>|<none>"
    );
}

#[test]
fn nodes_show_roles_and_readiness() {
    let node = r#"{"metadata":{"name":"n","labels":{"node-role.kubernetes.io/worker":"",
        "kubernetes.io/role":"a","node-role.kubernetes.io/":""}},"spec":{"unschedulable":true},
        "status":{"conditions":[{"type":"Ready","status":"Unknown"}],
        "addresses":[{"type":"InternalIP","address":"10.1.1.1"}],
        "nodeInfo":{"kubeletVersion":"v1.36.2"}}}"#;
    assert_eq!(
        cells("", "Node", node),
        "n|NotReady,SchedulingDisabled|a,worker|<unknown>|v1.36.2|10.1.1.1|<none>|<unknown>|<unknown>|<unknown>"
    );
}

#[test]
fn lists_say_how_many_more_there_are() {
    let slice = r#"{"metadata":{"name":"e"},"addressType":"IPv4","ports":[{"port":80},{"name":"x"},{}],
        "endpoints":[{"addresses":["1","2"]},{"addresses":["3","4"]}]}"#;
    let shown = cells("discovery.k8s.io", "EndpointSlice", slice);
    assert_eq!(shown, "e|IPv4|80,x,*|1,2,3 + 1 more...|<unknown>");
    let endpoints = r#"{"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"fd::1"},{"ip":"b"}],
        "ports":[{"port":1},{"port":2}]}]}"#;
    assert_eq!(
        cells("", "Endpoints", endpoints),
        "e|[fd::1]:1,b:1,[fd::1]:2 + 1 more...|<unknown>"
    );
    let ingress = r#"{"metadata":{"name":"i"},"spec":{"rules":[{"host":"a"},{"host":"b"},{},{"host":"c"},{"host":"d"}]}}"#;
    assert_eq!(
        cells("networking.k8s.io", "Ingress", ingress),
        "i|<none>|a,b,c + 2 more...||80|<unknown>"
    );
}

#[test]
fn autoscalers_show_their_metrics() {
    let v2 = r#"{"metadata":{"name":"h"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"w"},
        "maxReplicas":5,"metrics":[
        {"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":50}}},
        {"type":"Pods","pods":{"target":{"averageValue":"1k"}}},
        {"type":"External","external":{"target":{"value":"9"}}}]},
        "status":{"currentReplicas":2,"currentMetrics":[
        {"type":"Resource","resource":{"current":{"averageUtilization":40}}}]}}"#;
    assert_eq!(
        cells("autoscaling", "HorizontalPodAutoscaler", v2),
        "h|Deployment/w|cpu: 40%/50%, <unknown>/1k + 1 more...|<unset>|5|2|<unknown>"
    );
}

#[test]
fn jobs_show_their_progress() {
    let job = r#"{"metadata":{"name":"j"},"spec":{"parallelism":3},"status":{"succeeded":1,
        "startTime":"2001-09-09T01:46:00Z","conditions":[{"type":"Failed","status":"True"}]}}"#;
    assert_eq!(cells("batch", "Job", job), "j|Failed|1/1 of 3|40s|<unknown>|||<none>");
}

#[test]
fn flow_schemas_stand_by_precedence() {
    let registry = Registry::built_in(Selection::Default);
    let group = "flowcontrol.apiserver.k8s.io";
    let (resource, version) = registry.find(group, "v1", "flowschemas").expect("flowschemas");
    let list = r#"{"metadata":{},"items":[
        {"metadata":{"name":"b"},"spec":{"matchingPrecedence":2}},
        {"metadata":{"name":"c"},"spec":{"matchingPrecedence":1}},
        {"metadata":{"name":"a"},"spec":{"matchingPrecedence":2}}]}"#;
    let list: Value = serde_json::from_str(list).expect("valid JSON");
    let options =
        TableOptions { include: Include::None, no_headers: true, api_version: "v", now: NOW };
    let table = Printer::new(resource, version).table(&list, &options);
    let rows = table.get("rows").and_then(Value::as_array).expect("rows");
    let first = |row: &Value| row.get("cells").and_then(Value::as_array).map(|c| c[0].clone());
    let names: Vec<_> = rows.iter().filter_map(first).collect();
    assert_eq!(names, [Value::from("c"), Value::from("a"), Value::from("b")]);
}

#[test]
fn custom_columns_follow_their_types() {
    let column = |kind: &str, path: &str| CustomColumn {
        name: path.to_owned(),
        kind: kind.to_owned(),
        json_path: path.to_owned(),
        ..CustomColumn::default()
    };
    let columns = [
        column("string", ".spec.list"),
        column("integer", ".spec.float"),
        column("number", ".spec.int"),
        column("boolean", ".spec.flag"),
        column("boolean", ".spec.int"),
        column("date", ".metadata.creationTimestamp"),
        column("date", ".spec.flag"),
        column("string", ".missing"),
        column("string", "..bad["),
    ];
    let object = r#"{"metadata":{"name":"w","creationTimestamp":"2001-09-09T01:46:30Z"},
        "spec":{"list":[1,"a"],"float":2.7,"int":3,"flag":true}}"#;
    let value: Value = serde_json::from_str(object).expect("valid JSON");
    let cells = custom::Columns::new(&columns).cells(&value, NOW);
    let json = serde_json::to_string(&Value::Array(cells)).expect("a tree serializes");
    assert_eq!(json, r#"["w","[1,\"a\"]",2,3,true,null,"10s",null,null,null]"#);
}
