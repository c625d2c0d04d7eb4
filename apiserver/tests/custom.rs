//! Custom resources in process: three replicas, a definition on one, its objects on another.

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::Cluster;
use support::kube::Kube;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::api::Api;
use xebec_apiserver::kube::user::User;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";
const MERGE: &str = "application/merge-patch+json";

struct World {
    cluster: Cluster,
    apis: Vec<Arc<Api>>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl World {
    async fn start(replicas: usize) -> Self {
        let cluster = Cluster::start(replicas).await;
        let (tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let mut world = Self { cluster, apis: Vec::new(), tasks, stop };
        (0..replicas).for_each(|at| world.serve(at));
        let is_there = |code, _: &Value| code == 200;
        world.until(0, "/api/v1/namespaces/default", is_there).await;
        world
    }

    /// Starts a server at a replica.
    fn serve(&mut self, at: usize) {
        let api = Kube::new(self.cluster.nodes[at].replica.clone()).api;
        self.tasks.spawn(api.clone().run(self.stop.clone()));
        self.apis.push(api);
    }

    async fn send(&self, at: usize, method: &str, uri: &str, body: &Value) -> (u16, Value) {
        let (code, bytes) = self.exchange(at, method, uri, body).await;
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// The events of a watch, when it has ended.
    async fn watch(&self, at: usize, uri: &str) -> Vec<Value> {
        let (code, bytes) = self.exchange(at, "GET", uri, &Value::Null).await;
        assert_eq!(code, 200, "{}", String::from_utf8_lossy(&bytes));
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("an event")).collect()
    }

    async fn exchange(&self, at: usize, method: &str, uri: &str, body: &Value) -> (u16, Bytes) {
        let content_type = if method == "PATCH" { MERGE } else { "application/json" };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", content_type)
            .header("user-agent", "tester/1")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let groups = vec![User::MASTERS.into()];
        let admin = User { name: "admin".into(), groups, ..User::default() };
        let response = self.apis[at].handle(Ok(admin), request).await;
        let code = response.status().as_u16();
        (code, response.into_body().collect().await.expect("a whole body").to_bytes())
    }

    async fn expect(&self, at: usize, code: u16, method: &str, uri: &str, body: &Value) -> Value {
        let (got, answer) = self.send(at, method, uri, body).await;
        assert_eq!(got, code, "{method} {uri}: {answer}");
        answer
    }

    async fn get(&self, at: usize, uri: &str) -> Value {
        self.expect(at, 200, "GET", uri, &Value::Null).await
    }

    /// Asks until the answer is as it should be.
    async fn until(&self, at: usize, uri: &str, is: impl Fn(u16, &Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1_000 {
            let (code, answer) = self.send(at, "GET", uri, &Value::Null).await;
            if is(code, &answer) {
                return answer;
            }
            last = answer;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{uri} stays {last}");
    }

    /// Defines widgets through the first replica and waits until they are served.
    async fn define(&self, definition: &Value) -> Value {
        self.expect(0, 201, "POST", DEFINITIONS, definition).await;
        let name = definition["metadata"]["name"].as_str().expect("a name");
        self.until(0, &format!("{DEFINITIONS}/{name}"), |_, found| has(found, "Established")).await
    }

    async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.apis.clear();
        self.cluster.stop().await;
    }
}

fn has(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == condition && one["status"] == "True")
}

fn widgets() -> Value {
    let spec = json!({"type": "object", "required": ["size"], "properties": {
        "size": {"type": "string", "enum": ["s", "m"], "default": "m"},
        "replicas": {"type": "integer", "maximum": 9},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {"name": "v1", "served": true, "storage": true,
                 "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                 "selectableFields": [{"jsonPath": ".spec.size"}],
                 "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": spec,
                    "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                 }}}},
                {"name": "v1beta1", "served": true, "storage": false,
                 "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "string"}, "color": {"type": "string"}}},
                 }}}},
            ],
        },
    })
}

fn widget(name: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {}})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_defines_all_serve() {
    let world = World::start(3).await;
    let definition = world.define(&widgets()).await;
    assert_eq!(definition["status"]["acceptedNames"]["singular"], "widget");
    assert!(has(&definition, "NamesAccepted"));
    // At once, on another replica.
    let made = world.expect(2, 201, "POST", WIDGETS, &widget("a")).await;
    assert_eq!(made["spec"], json!({"size": "m"}));
    assert_eq!(made["metadata"]["generation"], 1);
    let uri = format!("{WIDGETS}/a");
    assert_eq!(world.get(1, &uri).await, made);
    let refused = json!({"spec": {"size": "xl", "replicas": 10}});
    let refused = world.expect(1, 422, "PATCH", &uri, &refused).await;
    assert_eq!(refused["details"]["causes"].as_array().map(Vec::len), Some(2), "{refused}");
    let scale = format!("{uri}/scale");
    world.expect(1, 500, "GET", &scale, &Value::Null).await;
    let scaled = world.expect(1, 200, "PATCH", &scale, &json!({"spec": {"replicas": 3}})).await;
    assert_eq!(scaled["spec"]["replicas"], 3);
    let status = json!({"status": {"replicas": 2}, "spec": {"size": "s"}});
    let reported = world.expect(0, 200, "PATCH", &format!("{uri}/status"), &status).await;
    assert_eq!(reported["spec"], json!({"replicas": 3, "size": "m"}));
    assert_eq!(reported["metadata"]["generation"], 2);
    assert_eq!(world.get(1, &scale).await["status"]["replicas"], 2);
    let listed = world.get(2, WIDGETS).await;
    assert_eq!(listed["items"][0]["kind"], "Widget");
    let found = world.get(1, "/apis/example.com/v1").await;
    assert_eq!(found["resources"][0]["shortNames"], json!(["wd"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_differ_in_what_they_keep() {
    let world = World::start(1).await;
    world.define(&widgets()).await;
    let beta = "/apis/example.com/v1beta1/namespaces/default/widgets";
    let mut given = widget("a");
    given["apiVersion"] = "example.com/v1beta1".into();
    given["spec"] = json!({"color": "red", "size": "xxl"});
    let made = world.expect(0, 201, "POST", beta, &given).await;
    // The other version is stored, and knows of no colour; nor was its schema asked.
    assert_eq!(made["spec"], json!({"color": "red", "size": "xxl"}));
    let read = world.get(0, &format!("{beta}/a")).await;
    assert_eq!(read["spec"], json!({"size": "xxl"}));
    assert_eq!(read["apiVersion"], "example.com/v1beta1");
    let stored = world.get(0, &format!("{WIDGETS}/a")).await;
    assert_eq!(stored["apiVersion"], "example.com/v1");
    // What is invalid in this version stays, as long as it is left alone.
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    world.expect(0, 200, "PATCH", &format!("{WIDGETS}/a"), &labelled).await;
    // A new schema shows in what is there already.
    let mut changed = widgets();
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "properties": {"shape": {"type": "string", "default": "round"}}});
    changed["spec"]["versions"][0]["selectableFields"] = Value::Null;
    let patch = json!({"spec": {"versions": changed["spec"]["versions"]}});
    let uri = format!("{DEFINITIONS}/widgets.example.com");
    world.expect(0, 200, "PATCH", &uri, &patch).await;
    let read = world.get(0, &format!("{WIDGETS}/a")).await;
    assert_eq!(read["spec"], json!({"shape": "round"}));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_goes_when_its_objects_are_gone() {
    let world = World::start(1).await;
    world.define(&widgets()).await;
    for name in ["a", "b"] {
        world.expect(0, 201, "POST", WIDGETS, &widget(name)).await;
    }
    let mut held = widget("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.expect(0, 201, "POST", WIDGETS, &held).await;
    let uri = format!("{DEFINITIONS}/widgets.example.com");
    world.expect(0, 200, "DELETE", &uri, &Value::Null).await;
    let left = |_, list: &Value| list["items"].as_array().is_some_and(|items| items.len() == 1);
    world.until(0, WIDGETS, left).await;
    let going = world.get(0, &uri).await;
    assert!(has(&going, "Terminating"), "{going}");
    let refused = world.expect(0, 403, "POST", WIDGETS, &widget("c")).await;
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("create not allowed while custom resource definition"), "{message}");
    let free = json!({"metadata": {"finalizers": null}});
    world.expect(0, 200, "PATCH", &format!("{WIDGETS}/held"), &free).await;
    world.until(0, &uri, |code, _| code == 404).await;
    world.until(0, WIDGETS, |code, _| code == 404).await;
    // The same again, without what was there.
    world.define(&widgets()).await;
    assert_eq!(world.get(0, WIDGETS).await["items"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_one_definition() {
    let world = World::start(1).await;
    world.define(&widgets()).await;
    let mut other = widgets();
    other["metadata"]["name"] = "gadgets.example.com".into();
    other["spec"]["names"] = json!({"plural": "gadgets", "kind": "Widget"});
    world.expect(0, 201, "POST", DEFINITIONS, &other).await;
    let uri = format!("{DEFINITIONS}/gadgets.example.com");
    let refused = |_, found: &Value| {
        let conditions = found["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|one| one["reason"] == "ListKindConflict")
    };
    let found = world.until(0, &uri, refused).await;
    assert!(!has(&found, "Established"));
    world
        .expect(0, 200, "DELETE", &format!("{DEFINITIONS}/widgets.example.com"), &Value::Null)
        .await;
    world.until(0, &uri, |_, found| has(found, "Established")).await;
    world.get(0, "/apis/example.com/v1/namespaces/default/gadgets").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_kept() {
    let world = World::start(1).await;
    world.define(&widgets()).await;
    let mut wide = widgets();
    wide["metadata"]["name"] = "zones.example.com".into();
    wide["spec"]["names"] = json!({"plural": "zones", "kind": "Zone"});
    wide["spec"]["scope"] = "Cluster".into();
    world.define(&wide).await;
    world.expect(0, 201, "POST", WIDGETS, &widget("a")).await;
    let mut zone = widget("z");
    zone["kind"] = "Zone".into();
    let zones = "/apis/example.com/v1/zones";
    world.expect(0, 201, "POST", zones, &zone).await;
    let inside = "/apis/example.com/v1/namespaces/default/zones";
    let outside = "/apis/example.com/v1/widgets";
    for (method, uri, body) in [
        ("GET", format!("{inside}/z"), Value::Null),
        ("GET", inside.to_owned(), Value::Null),
        ("POST", inside.to_owned(), zone.clone()),
        ("PUT", format!("{inside}/z"), zone.clone()),
        ("PATCH", format!("{inside}/z"), json!({"spec": {"size": "s"}})),
        ("DELETE", format!("{inside}/z"), Value::Null),
        ("DELETE", inside.to_owned(), Value::Null),
        ("GET", format!("{inside}/z/status"), Value::Null),
        ("GET", format!("{outside}/a"), Value::Null),
        ("POST", outside.to_owned(), widget("b")),
        ("PUT", format!("{outside}/a"), widget("a")),
        ("PATCH", format!("{outside}/a"), json!({"spec": {"size": "s"}})),
        ("DELETE", format!("{outside}/a"), Value::Null),
        ("DELETE", outside.to_owned(), Value::Null),
    ] {
        let refused = world.expect(0, 404, method, &uri, &body).await;
        assert_eq!(refused["message"], "the server could not find the requested resource");
    }
    assert_eq!(world.get(0, outside).await["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.get(0, &format!("{zones}/z")).await["spec"], json!({"size": "m"}));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_their_own_objects_alone() {
    let world = World::start(1).await;
    // Names and groups that begin with each other's, and a namespace that is called as a resource.
    let kinds = [
        ("widgets", "Widget", "example.com", "Cluster"),
        ("widgetsx", "Widgetx", "example.com", "Namespaced"),
        ("widgets", "Widget", "example.com.au", "Cluster"),
        ("widgets", "Widget", "sub.example.com", "Namespaced"),
    ];
    for (plural, kind, group, scope) in kinds {
        let mut definition = widgets();
        definition["metadata"]["name"] = format!("{plural}.{group}").into();
        definition["spec"]["group"] = group.into();
        definition["spec"]["scope"] = scope.into();
        definition["spec"]["names"] = json!({"plural": plural, "kind": kind});
        world.define(&definition).await;
    }
    let uri = |plural: &str, group: &str, scope: &str| match scope {
        "Cluster" => format!("/apis/{group}/v1/{plural}"),
        _ => format!("/apis/{group}/v1/namespaces/default/{plural}"),
    };
    for (at, (plural, kind, group, scope)) in kinds.into_iter().enumerate() {
        let mut object = widget(&format!("w{at}"));
        object["kind"] = kind.into();
        object["apiVersion"] = format!("{group}/v1").into();
        world.expect(0, 201, "POST", &uri(plural, group, scope), &object).await;
    }
    for (at, (plural, kind, group, _)) in kinds.into_iter().enumerate() {
        let listed = world.get(0, &format!("/apis/{group}/v1/{plural}")).await;
        assert_eq!(listed["kind"], format!("{kind}List"));
        let items = listed["items"].as_array().expect("a list");
        assert_eq!(items.len(), 1, "{listed}");
        assert_eq!(items[0]["metadata"]["name"], format!("w{at}"));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_tell_of_custom_objects_and_end_with_what_they_show() {
    let world = World::start(1).await;
    world.define(&widgets()).await;
    let listed = world.get(0, WIDGETS).await;
    let from = listed["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    let watch = format!("{WIDGETS}?watch=1&resourceVersion={from}&timeoutSeconds=60");
    let small = format!("{watch}&fieldSelector=spec.size%3Ds");
    let (all, some) = (world.watch(0, &watch), world.watch(0, &small));
    let change = async {
        world.expect(0, 201, "POST", WIDGETS, &widget("a")).await;
        let smaller = json!({"spec": {"size": "s"}});
        world.expect(0, 200, "PATCH", &format!("{WIDGETS}/a"), &smaller).await;
        world.expect(0, 200, "DELETE", &format!("{WIDGETS}/a"), &Value::Null).await;
        // A new schema: whoever watches has to begin anew.
        let patch = json!({"spec": {"names": {"categories": ["all"]}}});
        let uri = format!("{DEFINITIONS}/widgets.example.com");
        world.expect(0, 200, "PATCH", &uri, &patch).await;
    };
    let (all, some, ()) = tokio::join!(all, some, change);
    let told = |events: &[Value]| -> Vec<String> {
        let show = |event: &Value| {
            let size = event["object"]["spec"]["size"].as_str().unwrap_or_default();
            format!("{} {size}", event["type"].as_str().unwrap_or_default())
        };
        events.iter().map(show).collect()
    };
    assert_eq!(told(&all), ["ADDED m", "MODIFIED s", "DELETED s"]);
    assert_eq!(told(&some), ["ADDED s", "DELETED s"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_starts_serves_what_is_defined() {
    let mut world = World::start(1).await;
    world.define(&widgets()).await;
    world.expect(0, 201, "POST", WIDGETS, &widget("a")).await;
    // The same keyspace under a server that knows nothing yet.
    world.serve(0);
    assert_eq!(world.get(1, &format!("{WIDGETS}/a")).await["spec"], json!({"size": "m"}));
    world.expect(1, 404, "GET", "/apis/example.com/v1/nothing", &Value::Null).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schema_is_everywhere_at_once() {
    let world = World::start(3).await;
    world.define(&widgets()).await;
    world.expect(0, 201, "POST", WIDGETS, &widget("a")).await;
    let mut changed = widgets();
    let spec =
        &mut changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["properties"]["shape"] = json!({"type": "string", "default": "round"});
    let patch = json!({"spec": {"versions": changed["spec"]["versions"]}});
    let uri = format!("{DEFINITIONS}/widgets.example.com");
    world.expect(1, 200, "PATCH", &uri, &patch).await;
    let expected = json!({"shape": "round", "size": "m"});
    for at in 0..3 {
        let is_new = |_, found: &Value| found["spec"] == expected;
        world.until(at, &format!("{WIDGETS}/a"), is_new).await;
        assert_eq!(world.get(at, WIDGETS).await["items"][0]["spec"], expected);
        let document = world.get(at, "/openapi/v3/apis/example.com/v1").await;
        let schema = &document["components"]["schemas"]["com.example.v1.Widget"];
        assert_eq!(schema["properties"]["spec"]["properties"]["shape"]["type"], "string");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_webhook_could_convert_is_refused() {
    let world = World::start(1).await;
    let mut definition = widgets();
    let client = json!({"url": "https://localhost/convert"});
    let webhook = json!({"conversionReviewVersions": ["v1"], "clientConfig": client});
    definition["spec"]["conversion"] = json!({"strategy": "Webhook", "webhook": webhook});
    world.define(&definition).await;
    let made = world.expect(0, 201, "POST", WIDGETS, &widget("a")).await;
    assert_eq!(world.get(0, &format!("{WIDGETS}/a")).await, made);
    let beta = "/apis/example.com/v1beta1/namespaces/default/widgets";
    let mut other = widget("b");
    other["apiVersion"] = "example.com/v1beta1".into();
    for (method, uri, body) in [
        ("GET", format!("{beta}/a"), Value::Null),
        ("GET", beta.to_owned(), Value::Null),
        ("POST", beta.to_owned(), other),
    ] {
        let refused = world.expect(0, 500, method, &uri, &body).await;
        let message = refused["message"].as_str().unwrap_or_default();
        assert!(message.contains("conversion webhook for example.com/v1"), "{message}");
    }
    assert_eq!(world.get(0, WIDGETS).await["items"].as_array().map(Vec::len), Some(1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_its_definition() {
    let world = World::start(3).await;
    let uri = format!("{DEFINITIONS}/widgets.example.com");
    for round in 0..3 {
        world.define(&widgets()).await;
        // Everywhere at once, until they are told that there is no such thing.
        let crowd = (0..6).map(|who| {
            let world = &world;
            async move {
                let (mut made, mut number) = (0, 0);
                loop {
                    let object = widget(&format!("w{round}-{who}-{number}"));
                    match world.send(who % 3, "POST", WIDGETS, &object).await {
                        (201, _) => made += 1,
                        (403 | 404, _) => return made,
                        (code, answer) => panic!("{code}: {answer}"),
                    }
                    number += 1;
                }
            }
        });
        let removal = async {
            let some = |_, list: &Value| list["items"].as_array().is_some_and(|all| all.len() > 9);
            world.until(1, WIDGETS, some).await;
            world.expect(round % 3, 200, "DELETE", &uri, &Value::Null).await;
            world.until(0, &uri, |code, _| code == 404).await;
        };
        let (made, ()) = tokio::join!(futures::future::join_all(crowd), removal);
        assert!(made.iter().sum::<i32>() > 9, "{made:?}");
        world.define(&widgets()).await;
        assert_eq!(world.get(2, WIDGETS).await["items"], json!([]));
        world.expect(0, 200, "DELETE", &uri, &Value::Null).await;
        world.until(0, &uri, |code, _| code == 404).await;
    }
    world.end().await;
}
