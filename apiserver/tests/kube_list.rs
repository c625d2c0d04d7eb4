//! Lists of the Kubernetes API: what they show, of which moment, in which form.

mod support;

use flate2::read::GzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::{Value, json};
use std::io::Read as _;
use support::kube::{names, read, version};
use support::world::{MAPS, PROTOBUF, World};
use xebec_core::codec::proto;
use xebec_core::schema::BUILT_IN;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

impl World {
    async fn maps(&self, names: &[&str]) {
        for name in names {
            self.map(name, json!({})).await;
        }
    }

    async fn get(&self, query: &str) -> (u16, Value) {
        self.kube.get(&format!("{MAPS}?{query}")).await
    }

    async fn list(&self, query: &str) -> Value {
        let (code, list) = self.get(query).await;
        assert_eq!(code, 200, "{list}");
        list
    }
}

#[tokio::test]
async fn a_list_shows_the_objects_as_they_are() {
    let world = World::start().await;
    let (_, empty) = world.kube.get(MAPS).await;
    assert_eq!(empty["items"], json!([]));
    let made = world.map("x", json!({"l": "1"})).await;
    let list = world.list("").await;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
    assert_eq!(version(&list), version(&made));
    let mut expected = made.clone();
    let members = expected.as_object_mut().expect("an object");
    members.remove("kind");
    members.remove("apiVersion");
    assert_eq!(list["items"], json!([expected]));

    let (_, all) = world.kube.get("/api/v1/configmaps").await;
    assert_eq!(all["items"], json!([expected]));
    let (code, _) = world.kube.get("/api/v1/namespaces/none/configmaps").await;
    assert_eq!(code, 200);
    world.stop().await;
}

#[tokio::test]
async fn other_forms_show_the_same() {
    let world = World::start().await;
    let (_, partial) = world.kube.get_as(MAPS, PARTIAL).await;
    assert_eq!(partial["items"], Value::Null, "as upstream's");
    world.maps(&["x", "y"]).await;
    let list = world.list("").await;

    let (_, table) = world.kube.get_as(&format!("{MAPS}?limit=1"), TABLE).await;
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["metadata"]["remainingItemCount"], 1);
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
    assert_eq!(table["rows"][0]["cells"][0], "x");
    assert_eq!(table["rows"][0]["object"]["metadata"], list["items"][0]["metadata"]);
    let (code, status) = world.kube.get_as(&format!("{MAPS}?includeObject=x"), TABLE).await;
    assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")));

    let (_, partial) = world.kube.get_as(MAPS, PARTIAL).await;
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][1]["metadata"], list["items"][1]["metadata"]);
    assert_eq!(partial["items"][1]["kind"], "PartialObjectMetadata");

    let response = world.kube.ask("GET", MAPS, &[("accept", PROTOBUF)], "").await;
    assert_eq!(response.headers()[CONTENT_TYPE], PROTOBUF);
    let bytes = read(response).await;
    let envelope = proto::open(&bytes).expect("an envelope");
    assert_eq!((envelope.kind, envelope.api_version), ("ConfigMapList", "v1"));
    let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMapList").expect("the message");
    let decoded = proto::decode(&BUILT_IN, id, envelope.raw).expect("a list");
    let decoded = serde_json::to_value(xebec_core::value::Value::Object(decoded)).expect("JSON");
    assert_eq!(decoded["items"], list["items"]);
    assert_eq!(decoded["metadata"], list["metadata"]);
    world.stop().await;
}

#[tokio::test]
async fn selectors_choose() {
    let world = World::start().await;
    world.map("x", json!({"app": "web", "n": "1"})).await;
    world.map("y", json!({"app": "web", "n": "5"})).await;
    world.map("z", json!({"app": "db"})).await;
    for (query, expected) in [
        ("labelSelector=app%3Dweb", &["x", "y"][..]),
        ("labelSelector=app%3Dweb,n%3E2", &["y"]),
        ("labelSelector=!n", &["z"]),
        ("labelSelector=app+in+(db,x)", &["z"]),
        ("fieldSelector=metadata.name%3Dy", &["y"]),
        ("fieldSelector=metadata.name!%3Dy", &["x", "z"]),
        ("fieldSelector=metadata.namespace%3Db", &[]),
        ("fieldSelector=metadata.name%3Dy&labelSelector=app%3Ddb", &[]),
    ] {
        assert_eq!(names(&world.list(query).await), expected, "{query}");
    }
    let (_, narrow) =
        world.kube.get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Da").await;
    assert_eq!(names(&narrow).len(), 3);
    let (code, status) = world.get("fieldSelector=data.k%3Dx").await;
    assert_eq!(code, 400);
    let message =
        "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    assert_eq!(status["message"], message);
    let (_, status) = world.kube.get("/api/v1/pods?fieldSelector=spec.x%3D1").await;
    assert_eq!(status["message"], "field label not supported: spec.x");
    world.stop().await;
}

#[tokio::test]
async fn pages_show_one_moment() {
    let world = World::start().await;
    world.maps(&["a", "b", "c", "d", "e"]).await;
    let first = world.list("limit=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    world.kube.delete(&format!("{MAPS}/d")).await;
    world.maps(&["c1"]).await;
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = world.list(&format!("limit=2&continue={token}")).await;
    assert_eq!(names(&second), ["c", "d"], "as it was");
    assert_eq!(version(&second), version(&first));
    let token = second["metadata"]["continue"].as_str().expect("a token");
    let third = world.list(&format!("limit=2&continue={token}")).await;
    assert_eq!(names(&third), ["e"]);
    assert_eq!(third["metadata"].as_object().expect("metadata").len(), 1, "{third}");

    let (code, _) = world.get(&format!("resourceVersion=1&continue={token}")).await;
    assert_eq!(code, 400);
    let (code, status) = world.get("continue=nonsense").await;
    assert_eq!(code, 400, "{status}");
    // Zero allows any state, and upstream then gives all of it.
    assert_eq!(names(&world.list("limit=2&resourceVersion=0").await).len(), 5);
    world.stop().await;
}

#[tokio::test]
async fn pages_of_a_selection_are_full() {
    let world = World::start().await;
    for at in 0..9 {
        world.map(&format!("m{at}"), json!({"odd": (at % 2).to_string()})).await;
    }
    let first = world.list("limit=2&labelSelector=odd%3D1").await;
    assert_eq!(names(&first), ["m1", "m3"]);
    assert_eq!(first["metadata"].get("remainingItemCount"), None);
    world.maps(&["m9"]).await;
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = world.list(&format!("limit=2&labelSelector=odd%3D1&continue={token}")).await;
    assert_eq!(names(&second), ["m5", "m7"]);
    let token = second["metadata"]["continue"].as_str().expect("something follows");
    let third = world.list(&format!("limit=2&labelSelector=odd%3D1&continue={token}")).await;
    assert_eq!(names(&third), [""; 0]);
    world.stop().await;
}

#[tokio::test]
async fn an_expired_page_can_go_on_with_the_present() {
    let world = World::start().await;
    world.maps(&["a", "b", "c"]).await;
    let first = world.list("limit=1").await;
    world.maps(&["d"]).await;
    world.compact(version(&first) + 1).await;
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let (code, status) = world.get(&format!("limit=1&continue={token}")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    let next = status["metadata"]["continue"].as_str().expect("another token");
    let rest = world.list(&format!("continue={next}")).await;
    assert_eq!(names(&rest), ["b", "c", "d"]);
    let (code, status) =
        world.get(&format!("resourceVersion={}&resourceVersionMatch=Exact", version(&first))).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    assert_eq!(status["message"], "The resourceVersion for the provided list is too old.");
    world.stop().await;
}

#[tokio::test]
async fn a_list_is_of_the_moment_that_was_asked_for() {
    let world = World::start().await;
    world.maps(&["a"]).await;
    let then = version(&world.list("").await);
    world.maps(&["b"]).await;
    let now = version(&world.list("").await);
    let exact = world.list(&format!("resourceVersion={then}&resourceVersionMatch=Exact")).await;
    assert_eq!((names(&exact), version(&exact)), (vec!["a"], then));
    let legacy = world.list(&format!("resourceVersion={then}&limit=9")).await;
    assert_eq!(names(&legacy), ["a"]);
    for query in [
        format!("resourceVersion={then}&resourceVersionMatch=NotOlderThan"),
        "resourceVersion=0".into(),
    ] {
        let list = world.list(&query).await;
        assert_eq!((names(&list).len(), version(&list)), (2, now), "{query}");
    }
    tokio::time::pause();
    let (code, status) = world.get(&format!("resourceVersion={}", now + 1_000)).await;
    tokio::time::resume();
    assert_eq!((code, &status["reason"]), (504, &json!("Timeout")));
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    world.stop().await;
}

#[tokio::test]
async fn options_that_do_not_go_together_are_refused() {
    let world = World::start().await;
    for (query, code, message) in [
        ("limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "resourceVersion=abc",
            400,
            "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax",
        ),
        (
            "resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "resourceVersion=1&resourceVersionMatch=Bogus",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"Bogus\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
        ),
        (
            "sendInitialEvents=true",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
    ] {
        let (got, status) = world.get(query).await;
        assert_eq!((got, &status["message"]), (code, &json!(message)), "{query}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_long_list_comes_in_pieces() {
    let world = World::start().await;
    let data = json!({"k": "<&>\"\\é".repeat(600)});
    let mut expected = Vec::new();
    for at in 0..60 {
        let object = json!({"metadata": {"name": format!("m{at:02}")}, "data": data});
        world.kube.create(MAPS, &object).await;
        expected.push(format!("m{at:02}"));
    }
    let plain = world.kube.ask("GET", MAPS, &[("user-agent", "x")], "").await;
    assert!(!plain.headers().contains_key(CONTENT_LENGTH));
    let plain = read(plain).await;
    let list: Value = serde_json::from_slice(&plain).expect("JSON");
    assert_eq!(names(&list), expected);
    assert!(list["items"].as_array().expect("items").iter().all(|item| item["data"] == data));

    let zipped = world.kube.ask("GET", MAPS, &[("accept-encoding", "gzip")], "").await;
    assert_eq!(zipped.headers()[CONTENT_ENCODING], "gzip");
    let zipped = read(zipped).await;
    assert!(zipped.len() < plain.len() / 4);
    let mut unzipped = Vec::new();
    GzDecoder::new(&zipped[..]).read_to_end(&mut unzipped).expect("gzip");
    assert_eq!(unzipped, plain);

    let pretty = read(world.kube.ask("GET", &format!("{MAPS}?pretty=1"), &[], "").await).await;
    assert!(pretty.starts_with(b"{\n  \"kind\": \"ConfigMapList\",\n"));
    assert_eq!(serde_json::from_slice::<Value>(&pretty).expect("JSON"), list);

    let bytes = read(world.kube.ask("GET", MAPS, &[("accept", PROTOBUF)], "").await).await;
    let envelope = proto::open(&bytes).expect("an envelope");
    let id = BUILT_IN.find("k8s.io.api.core.v1.ConfigMapList").expect("the message");
    let decoded = proto::decode(&BUILT_IN, id, envelope.raw).expect("a list");
    let decoded = serde_json::to_value(xebec_core::value::Value::Object(decoded)).expect("JSON");
    assert_eq!(decoded["items"], list["items"]);
    world.stop().await;
}

#[tokio::test]
async fn a_collection_is_deleted_as_it_is_selected() {
    let world = World::start().await;
    world.map("x", json!({"app": "web"})).await;
    world.map("y", json!({"app": "db"})).await;
    let uri = format!("{MAPS}?labelSelector=app%3Dweb");
    let response = world.kube.ask("DELETE", &uri, &[], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(names(&world.list("").await), ["y"]);
    world.stop().await;
}

#[tokio::test]
async fn events_are_listed_in_either_group() {
    let world = World::start().await;
    let involved = json!({"kind": "Pod", "name": "p", "namespace": "a"});
    let event = json!({"metadata": {"name": "e"}, "involvedObject": involved, "reason": "R", "type": "Normal"});
    world.kube.create("/api/v1/namespaces/a/events", &event).await;
    for (uri, field, count) in [
        ("/api/v1/namespaces/a/events", "involvedObject.name%3Dp", 1),
        ("/api/v1/namespaces/a/events", "involvedObject.name%3Dq", 0),
        ("/apis/events.k8s.io/v1/namespaces/a/events", "regarding.name%3Dp,reason%3DR", 1),
        ("/apis/events.k8s.io/v1/namespaces/a/events", "regarding.name%3Dq", 0),
    ] {
        let (code, list) = world.kube.get(&format!("{uri}?fieldSelector={field}")).await;
        assert_eq!(code, 200, "{list}");
        assert_eq!(names(&list).len(), count, "{uri} {field}");
    }
    let (_, list) = world.kube.get("/apis/events.k8s.io/v1/events").await;
    assert_eq!(list["apiVersion"], "events.k8s.io/v1");
    assert_eq!(list["items"][0]["regarding"]["name"], "p");
    world.stop().await;
}
