//! Events, of the core group and of their own.

use crate::support::kube::names;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const CORE: &str = "/api/v1/namespaces/default/events";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const STRATEGIC: [(&str, &str); 1] = [("content-type", "application/strategic-merge-patch+json")];
const TIME: &str = "2017-09-19T13:49:16.000000Z";
const CONSTANT: &str = "labelSelector=testevent-constant%3Dtrue";
const SET: &str = "labelSelector=testevent-set%3Dtrue";

fn core(name: &str, label: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {label: "true"}},
        "message": format!("This is {name}"), "reason": "Test", "type": "Normal", "count": 1,
        "involvedObject": {"namespace": "default"},
    })
}

fn event(name: &str, label: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {label: "true"}},
        "regarding": {"namespace": "default"}, "eventTime": TIME,
        "note": format!("This is {name}"), "action": "Do", "reason": "Test", "type": "Normal",
        "reportingController": "test-controller", "reportingInstance": "test-node",
    })
}

/// Without what every write changes.
fn essence(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    metadata.remove("resourceVersion");
    metadata.remove("managedFields");
    object
}

/// An event is found, patched, updated and deleted.
async fn live(all: &str, collection: &str, object: &Value, patch: &Value) {
    let servers = Servers::ready().await;
    let uri = format!("{collection}/event-test");
    servers.post(collection, object).await.done();
    for list in [all, collection] {
        let list = servers.get(&format!("{list}?{CONSTANT}")).await;
        assert_eq!(names(&list), ["event-test"]);
    }
    if collection == EVENTS {
        let selected = |of: &str, selector: &str| format!("{of}?fieldSelector={selector}");
        for uri in [
            selected(CORE, "source%3Dtest-controller"),
            selected(EVENTS, "reportingController%3Dtest-controller"),
        ] {
            assert_eq!(names(&servers.get(&uri).await), ["event-test"], "{uri}");
        }
    }
    let mut expected = essence(servers.get(&uri).await);
    servers.exchange("PATCH", &uri, &STRATEGIC, &patch.to_string()).await.done();
    crate::operations::merge(&mut expected, patch);
    let read = servers.get(&uri).await;
    assert_eq!(essence(read), expected);

    // Without a version: whatever is there.
    expected["series"] = json!({"count": 100, "lastObservedTime": TIME});
    servers.put(&uri, &expected).await.done();
    assert_eq!(essence(servers.get(&uri).await), expected);
    servers.delete(&uri).await.done();
    for list in [all, collection] {
        assert_eq!(names(&servers.get(&format!("{list}?{CONSTANT}")).await), [""; 0]);
    }
    servers.stop().await;
}

#[tokio::test]
async fn an_event_lives() {
    let object = core("event-test", "testevent-constant");
    live("/api/v1/events", CORE, &object, &json!({"message": "patched"})).await;
}

#[tokio::test]
async fn an_event_of_the_new_group_lives() {
    let object = event("event-test", "testevent-constant");
    // Its note could not be changed.
    let patch = json!({"series": {"count": 2, "lastObservedTime": TIME}});
    live("/apis/events.k8s.io/v1/events", EVENTS, &object, &patch).await;
}

async fn delete_collection(collection: &str, make: fn(&str, &str) -> Value) {
    let servers = Servers::ready().await;
    let three = ["test-event-1", "test-event-2", "test-event-3"];
    for name in three {
        servers.post(collection, &make(name, "testevent-set")).await.done();
    }
    servers.post(collection, &make("other", "else")).await.done();
    let selected = format!("{collection}?{SET}");
    assert_eq!(names(&servers.get(&selected).await), three);
    servers.delete(&selected).await.done();
    assert_eq!(names(&servers.get(&selected).await), [""; 0]);
    assert_eq!(names(&servers.get(collection).await), ["other"]);
    servers.stop().await;
}

#[tokio::test]
async fn events_are_deleted_together() {
    delete_collection(CORE, core).await;
}

#[tokio::test]
async fn events_of_the_new_group_are_deleted_together() {
    delete_collection(EVENTS, event).await;
}
