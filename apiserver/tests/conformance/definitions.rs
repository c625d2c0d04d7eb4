//! The life of CustomResourceDefinitions, and what they do to the objects that they define.

use crate::definition::{DEFINITIONS, anything, definition, remove, uri};
use crate::operations::Operations;
use crate::support::kube::names;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const JSON_PATCH: [(&str, &str); 1] = [("content-type", "application/json-patch+json")];

fn labelled(definition: &mut Value) {
    definition["metadata"]["labels"] = json!({"listed": "yes"});
}

#[tokio::test]
async fn definitions_are_made_and_deleted() {
    let servers = Servers::ready().await;
    let one = definition("example.com", "Foo", "Cluster", &[("v1", anything())]);
    servers.define(&one).await;
    assert_eq!(names(&servers.get("/apis/example.com/v1/foos").await), [""; 0]);
    remove(&servers, &one).await;
    servers.stop().await;
}

#[tokio::test]
async fn definitions_are_listed_and_deleted_by_label() {
    let servers = Servers::ready().await;
    let mut made = Vec::new();
    for at in 0..10 {
        let group = format!("g{at}.example.com");
        let mut one = definition(&group, "Foo", "Cluster", &[("v1", anything())]);
        labelled(&mut one);
        made.push(servers.define(&one).await);
    }
    let other = definition("other.example.com", "Foo", "Cluster", &[("v1", anything())]);
    servers.define(&other).await;
    let selected = format!("{DEFINITIONS}?labelSelector=listed%3Dyes");
    let list = servers.get(&selected).await;
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), made.len());
    for item in items {
        let same = |one: &&Value| one["metadata"]["name"] == item["metadata"]["name"];
        let expected = made.iter().find(same).expect("one of those that were made");
        assert_eq!(item["spec"], expected["spec"]);
    }
    servers.delete(&selected).await.done();
    servers.until(&selected, |list| names(list).is_empty()).await;
    servers.get(&uri(&other)).await;
    servers.stop().await;
}

#[tokio::test]
async fn the_status_of_a_definition_is_read_and_written() {
    let servers = Servers::ready().await;
    let one = definition("example.com", "Foo", "Cluster", &[("v1", anything())]);
    let made = servers.define(&one).await;
    let status = format!("{}/status", uri(&one));
    let has = |object: &Value, message: &str| {
        let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|condition| condition["message"] == message)
    };
    let updated = loop {
        let mut read = servers.get(&status).await;
        assert_eq!(read["spec"], made["spec"]);
        let conditions = read["status"]["conditions"].as_array_mut().expect("conditions");
        // What a typed client sends of a condition that has a message alone.
        conditions.push(json!({
            "type": "", "status": "", "lastTransitionTime": null, "message": "updated",
        }));
        let answer = servers.put(&status, &read).await;
        if answer.code != 409 {
            break answer.done().body;
        }
    };
    assert!(has(&updated, "updated"), "{updated}");
    let patch =
        r#"[{"op": "add", "path": "/status/conditions", "value": [{"message": "patched"}]}]"#;
    let patched = servers.exchange("PATCH", &status, &JSON_PATCH, patch).await.done().body;
    assert!(has(&patched, "patched"), "{patched}");
    servers.stop().await;
}

#[tokio::test]
async fn defaults_are_given_to_requests_and_to_what_is_stored() {
    let servers = Servers::ready().await;
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"a": text, "b": text}});
    let one = definition("example.com", "Foo", "Cluster", &[("v1", schema)]);
    servers.define(&one).await;
    let foos = "/apis/example.com/v1/foos";
    let foo = |name: &str| json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": name}});
    let first = servers.post(foos, &foo("first")).await.done().body;
    assert_eq!(first.get("a"), None);
    let at = "/spec/versions/0/schema/openAPIV3Schema/properties";
    let patch = format!(r#"[{{"op": "add", "path": "{at}/a/default", "value": "A"}}]"#);
    servers.exchange("PATCH", &uri(&one), &JSON_PATCH, &patch).await.done();
    servers.until(&format!("{foos}/first"), |found| found["a"] == "A").await;
    let second = servers.post(foos, &foo("second")).await.done().body;
    assert_eq!((&second["a"], second.get("b")), (&json!("A"), None));

    let patch = format!(
        r#"[{{"op": "remove", "path": "{at}/a/default"}},
            {{"op": "add", "path": "{at}/b/default", "value": "B"}}]"#
    );
    servers.exchange("PATCH", &uri(&one), &JSON_PATCH, &patch).await.done();
    let first = servers.until(&format!("{foos}/first"), |found| found["b"] == "B").await;
    assert_eq!(first.get("a"), None, "it was never stored");
    let second = servers.get(&format!("{foos}/second")).await;
    assert_eq!((&second["a"], &second["b"]), (&json!("A"), &json!("B")));
    servers.stop().await;
}

/// Each watch expects exactly what it is to see.
#[tokio::test]
async fn custom_objects_are_watched_by_name() {
    let servers = Servers::ready().await;
    let one = definition("example.com", "Foo", "Cluster", &[("v1", anything())]);
    servers.define(&one).await;
    let foos = "/apis/example.com/v1/foos";
    let mut watches = Vec::new();
    for name in ["one", "two"] {
        let uri = format!("{foos}?fieldSelector=metadata.name%3D{name}&timeoutSeconds=600");
        watches.push((name, servers.watch(&uri).await));
    }
    let mut made = Vec::new();
    for name in ["one", "two"] {
        let foo =
            json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": name}});
        made.push(servers.post(foos, &foo).await.done().body);
    }
    for name in ["one", "two"] {
        let patch = r#"[{"op": "add", "path": "/dummy", "value": "test"}]"#;
        let uri = format!("{foos}/{name}");
        servers.exchange("PATCH", &uri, &JSON_PATCH, patch).await.done();
    }
    for name in ["one", "two"] {
        servers.delete(&format!("{foos}/{name}")).await.done();
    }
    for ((name, watch), made) in watches.iter_mut().zip(&made) {
        let added = watch.next().await.expect("an event");
        assert_eq!(added, json!({"type": "ADDED", "object": made}));
        for expected in ["MODIFIED", "DELETED"] {
            let event = watch.next().await.expect("an event");
            assert_eq!(event["type"], expected);
            assert_eq!(event["object"]["metadata"]["name"], *name);
            assert_eq!(event["object"]["dummy"], "test");
        }
    }
    servers.stop().await;
}

#[tokio::test]
async fn definitions_stand_in_discovery() {
    let servers = Servers::ready().await;
    let kind = ("apiextensions.k8s.io", "v1", "customresourcedefinitions");
    let operations =
        Operations { subresources: &["status"], ..Operations::new(&servers, kind, Value::Null) };
    operations.discover().await;
    servers.stop().await;
}

/// Without the conversion webhook that the suite has between its versions.
#[tokio::test]
async fn custom_objects_are_selected_by_their_fields() {
    let servers = Servers::ready().await;
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"color": text, "size": text}});
    let mut one =
        definition("example.com", "Shirt", "Namespaced", &[("v1", schema.clone()), ("v2", schema)]);
    for version in one["spec"]["versions"].as_array_mut().expect("versions") {
        version["selectableFields"] = json!([{"jsonPath": ".color"}, {"jsonPath": ".size"}]);
    }
    servers.define(&one).await;
    let shirts = |version: &str| format!("/apis/example.com/{version}/namespaces/default/shirts");
    let selected =
        |version: &str, selector: &str| format!("{}?fieldSelector={selector}", shirts(version));
    let mut watches = Vec::new();
    for version in ["v1", "v2"] {
        watches.push(servers.watch(&selected(version, "color%3Dblue,size%3DS")).await);
    }
    for (name, color, size) in [("a", "blue", "S"), ("b", "blue", "M"), ("c", "green", "M")] {
        let shirt = json!({
            "apiVersion": "example.com/v1", "kind": "Shirt", "metadata": {"name": name},
            "color": color, "size": size,
        });
        servers.post(&shirts("v1"), &shirt).await.done();
    }
    for version in ["v1", "v2"] {
        for (selector, expected) in [
            ("color%3Dblue", &["a", "b"][..]),
            ("color%3Dgreen,size%3DM", &["c"]),
            ("color%3Dblue,size!%3DS", &["b"]),
        ] {
            assert_eq!(names(&servers.get(&selected(version, selector)).await), expected);
        }
    }
    servers.delete(&selected("v1", "color%3Dgreen")).await.done();
    assert_eq!(names(&servers.get(&shirts("v2")).await), ["a", "b"]);
    let patch = json!({"color": "red"});
    servers.patch(&format!("{}/a", shirts("v2")), &patch).await.done();
    for watch in &mut watches {
        for expected in ["ADDED", "DELETED"] {
            let (kind, name, _) = watch.brief().await;
            assert_eq!((&*kind, &*name), (expected, "a"));
        }
    }
    servers.stop().await;
}

/// Upstream's core groups want a domain of finalizers that are not their own; others do not.
#[tokio::test]
async fn finalizers_need_a_domain_in_core_groups_alone() {
    let servers = Servers::ready().await;
    let named = |name: &str| json!({"metadata": {"name": name, "finalizers": ["plain"]}});
    let mut one = definition("example.com", "Foo", "Namespaced", &[("v1", anything())]);
    one["metadata"]["finalizers"] = json!(["plain"]);
    servers.define(&one).await;
    servers.patch(&uri(&one), &json!({"metadata": {"labels": {"a": "b"}}})).await.done();
    let mut foo = named("one");
    crate::operations::merge(&mut foo, &json!({"apiVersion": "example.com/v1", "kind": "Foo"}));
    for (collection, object) in [
        ("/apis/example.com/v1/namespaces/default/foos", foo),
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases", named("one")),
        ("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", named("one")),
    ] {
        servers.post(collection, &object).await.done();
        let patch = json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["plain", "more"]}});
        servers.patch(&format!("{collection}/one"), &patch).await.done();
    }
    let maps = "/api/v1/namespaces/default/configmaps";
    let refused = servers.post(maps, &named("one")).await.refused(422);
    assert!(refused.contains("is it fully qualified"), "{refused}");
    servers.stop().await;
}
