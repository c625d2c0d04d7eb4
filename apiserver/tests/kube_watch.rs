//! Watches of the Kubernetes API.

mod support;

use serde_json::{Value, json};
use support::kube::version;
use support::watch::Watch;
use support::world::{MAPS, PROTOBUF, World};
use xebec_core::codec::proto;
use xebec_core::schema::BUILT_IN;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";

impl World {
    async fn label(&self, name: &str, labels: Value) -> Value {
        let patch = json!({"metadata": {"labels": labels}});
        self.kube.patch(&format!("{MAPS}/{name}"), &patch).await
    }

    async fn watch(&self, query: &str) -> Watch {
        self.watch_as(query, "application/json").await
    }

    async fn watch_as(&self, query: &str, accept: &str) -> Watch {
        let uri = format!("{MAPS}?watch=1&{query}");
        let response = self.kube.ask("GET", &uri, &[("accept", accept)], "").await;
        Watch::of(response)
    }

    async fn refused(&self, query: &str, accept: &str) -> (u16, Value) {
        self.kube.get_as(&format!("{MAPS}?watch=1&{query}"), accept).await
    }
}

#[tokio::test]
async fn a_watch_tells_what_happens() {
    let world = World::start().await;
    let x = world.map("x", json!({})).await;
    let mut all = world.watch("").await;
    assert_eq!(all.content_type, "application/json");
    let event = all.next().await.expect("an event");
    assert_eq!(event, json!({"type": "ADDED", "object": x}));
    let mut later = world.watch(&format!("resourceVersion={}", version(&x))).await;
    let mut one = world.watch("resourceVersion=0&fieldSelector=metadata.name%3Dy").await;

    let y = world.map("y", json!({})).await;
    let x = world.label("x", json!({"l": "1"})).await;
    world.kube.delete(&format!("{MAPS}/x")).await;
    let z = world.map("z", json!({})).await;
    for watch in [&mut all, &mut later] {
        watch.expect("ADDED", &y).await;
        watch.expect("MODIFIED", &x).await;
        let gone = watch.next().await.expect("an event");
        assert_eq!(gone["type"], "DELETED");
        assert_eq!(version(&gone["object"]), version(&z) - 1);
        let mut last = x.clone();
        last["metadata"]["resourceVersion"] = gone["object"]["metadata"]["resourceVersion"].clone();
        assert_eq!(gone["object"], last, "as it last was");
        watch.expect("ADDED", &z).await;
    }
    one.expect("ADDED", &y).await;
    world.kube.delete(&format!("{MAPS}/y")).await;
    assert_eq!(one.brief().await.0, "DELETED");
    world.stop().await;
}

#[tokio::test]
async fn a_selection_is_entered_and_left() {
    let world = World::start().await;
    let mut web = world.watch("labelSelector=app%3Dweb").await;
    world.map("x", json!({"app": "db"})).await;
    let came = world.label("x", json!({"app": "web"})).await;
    web.expect("ADDED", &came).await;
    let stayed = world.label("x", json!({"n": "1"})).await;
    web.expect("MODIFIED", &stayed).await;
    let left = world.label("x", json!({"app": "db"})).await;
    let event = web.next().await.expect("an event");
    assert_eq!(event["type"], "DELETED");
    assert_eq!(version(&event["object"]), version(&left));
    assert_eq!(event["object"]["metadata"]["labels"], json!({"app": "web", "n": "1"}));
    world.label("x", json!({"n": "2"})).await;
    let back = world.label("x", json!({"app": "web"})).await;
    web.expect("ADDED", &back).await;
    world.kube.delete(&format!("{MAPS}/x")).await;
    assert_eq!(web.brief().await.0, "DELETED");
    world.stop().await;
}

#[tokio::test]
async fn a_watch_may_begin_with_everything() {
    let world = World::start().await;
    let x = world.map("x", json!({})).await;
    let y = world.map("y", json!({"l": "1"})).await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = world.watch(query).await;
    watch.expect("ADDED", &x).await;
    watch.expect("ADDED", &y).await;
    let event = watch.next().await.expect("an event");
    let object = json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {
            "resourceVersion": version(&y).to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    });
    assert_eq!(event, json!({"type": "BOOKMARK", "object": object}));
    let mut selected = world.watch(&format!("{query}&labelSelector=l")).await;
    selected.expect("ADDED", &y).await;
    assert_eq!(selected.next().await.expect("an event")["type"], "BOOKMARK");
    let mut none = world
        .watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=")
        .await;
    let z = world.map("z", json!({})).await;
    for watch in [&mut watch, &mut none] {
        watch.expect("ADDED", &z).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn the_last_word_of_a_watch_is_where_it_was() {
    let world = World::start().await;
    let x = world.map("x", json!({})).await;
    let query = format!("resourceVersion={}&allowWatchBookmarks=1&timeoutSeconds=1", version(&x));
    let mut watch = world.watch(&query).await;
    // Nothing that it selects, but it passes by.
    world.kube.create_namespace("b").await;
    let event = watch.next().await.expect("a bookmark");
    assert_eq!(event["type"], "BOOKMARK");
    assert_eq!(version(&event["object"]), version(&x) + 1);
    assert_eq!(event["object"]["metadata"].as_object().expect("metadata").len(), 1);
    assert_eq!(watch.next().await, None);
    world.stop().await;
}

#[tokio::test]
async fn a_start_that_is_gone_is_an_error_event() {
    let world = World::start().await;
    let x = world.map("x", json!({})).await;
    let y = world.map("y", json!({})).await;
    world.compact(version(&y)).await;
    let mut watch = world.watch(&format!("resourceVersion={}", version(&x))).await;
    let event = watch.next().await.expect("an event");
    assert_eq!(event["type"], "ERROR");
    let status = &event["object"];
    assert_eq!((&status["kind"], &status["code"]), (&json!("Status"), &json!(410)));
    assert_eq!(status["reason"], "Expired");
    let message = format!("too old resource version: {} ({})", version(&x), version(&y));
    assert_eq!(status["message"], message);
    assert_eq!(watch.next().await, None);
    let mut fine = world.watch(&format!("resourceVersion={}", version(&y))).await;
    world.kube.delete(&format!("{MAPS}/y")).await;
    assert_eq!(fine.brief().await.0, "DELETED");
    world.stop().await;
}

#[tokio::test]
async fn tables_have_their_columns_once() {
    let world = World::start().await;
    world.map("x", json!({})).await;
    let mut watches =
        vec![world.watch_as("", TABLE).await, world.watch_as("resourceVersion=1", TABLE).await];
    let mut partial = world.watch_as("", PARTIAL).await;
    world.map("y", json!({})).await;
    for watch in &mut watches {
        let first = watch.next().await.expect("an event");
        assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
        assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
        assert_eq!(first["object"]["rows"][0]["cells"][0], "x");
        let second = watch.next().await.expect("an event");
        assert_eq!(second["object"]["columnDefinitions"], Value::Null);
        assert_eq!(second["object"]["rows"][0]["cells"][0], "y");
    }
    let first = partial.next().await.expect("an event");
    assert_eq!(first["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(first["object"]["metadata"]["name"], "x");
    assert_eq!(first["object"].get("data"), None);
    world.stop().await;
}

#[tokio::test]
async fn protobuf_events_stand_behind_their_lengths() {
    let world = World::start().await;
    let x = world.map("x", json!({"l": "1"})).await;
    let mut watch = world.watch_as("", PROTOBUF).await;
    assert_eq!(watch.content_type, "application/vnd.kubernetes.protobuf;stream=watch");
    while watch.buffer.len() < 4 {
        assert!(watch.fill().await);
    }
    let len = u32::from_be_bytes(watch.buffer[..4].try_into().expect("four bytes")) as usize;
    while watch.buffer.len() < 4 + len {
        assert!(watch.fill().await);
    }
    let event = &watch.buffer[4..4 + len];
    let kind = b"\x0a\x05ADDED\x12";
    assert!(event.starts_with(kind), "{event:?}");
    let at = event.windows(4).position(|part| part == b"k8s\0").expect("an envelope");
    let envelope = proto::open(&event[at..]).expect("an envelope");
    assert_eq!((envelope.kind, envelope.api_version), ("ConfigMap", "v1"));
    let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMap").expect("the message");
    let object = proto::decode(&BUILT_IN, id, envelope.raw).expect("an object");
    let mut object = serde_json::to_value(xebec_core::value::Value::Object(object)).expect("JSON");
    object["kind"] = json!("ConfigMap");
    object["apiVersion"] = json!("v1");
    assert_eq!(object, x);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let world = World::start().await;
    // The refusal itself is YAML.
    let (code, _) = world.refused("", "application/yaml").await;
    assert_eq!(code, 406);
    let (code, status) = world.refused("sendInitialEvents=true", "application/json").await;
    assert_eq!(code, 422, "{status}");
    let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    assert_eq!(status["message"], message);
    world.stop().await;
}

#[tokio::test]
async fn a_slow_watch_misses_nothing() {
    let world = World::start().await;
    let mut watch = world.watch("").await;
    let mut made = Vec::new();
    for at in 0..200 {
        made.push(world.map(&format!("m{at}"), json!({})).await);
    }
    for object in &made {
        watch.expect("ADDED", object).await;
    }
    world.stop().await;
}
