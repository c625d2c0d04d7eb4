//! Watches: selections, where they begin, that they go on, and that all tell the same.

use crate::support::kube::version;
use crate::support::servers::Servers;
use crate::support::watch::Watch;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const LABEL: &str = "watch-this-configmap";

fn map(name: &str, label: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {LABEL: label}}})
}

/// Writes a number into an object, as a client that has read it does.
async fn mutate(servers: &Servers, name: &str, number: u32) -> Value {
    let uri = format!("{MAPS}/{name}");
    let mut object = servers.get(&uri).await;
    object["data"] = json!({"mutation": number.to_string()});
    servers.put(&uri, &object).await.done().body
}

async fn relabel(servers: &Servers, name: &str, label: &str) -> Value {
    let uri = format!("{MAPS}/{name}");
    let mut object = servers.get(&uri).await;
    object["metadata"]["labels"][LABEL] = json!(label);
    servers.put(&uri, &object).await.done().body
}

async fn watch(servers: &Servers, labels: &str, from: &str) -> Watch {
    servers
        .watch(&format!("{MAPS}?resourceVersion={from}&labelSelector={LABEL}+in+({labels})"))
        .await
}

fn version_text(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().expect("a version")
}

/// Every watch expects exactly what it is to see, so it would stumble over anything else.
#[tokio::test]
async fn watches_see_what_they_select() {
    let servers = Servers::ready().await;
    let (mut a, mut b) = (watch(&servers, "A", "").await, watch(&servers, "B", "").await);
    let mut both = watch(&servers, "A,B", "").await;
    let made = servers.post(MAPS, &map("a", "A")).await.done().body;
    let first = mutate(&servers, "a", 1).await;
    let second = mutate(&servers, "a", 2).await;
    servers.delete(&format!("{MAPS}/a")).await.done();
    let other = servers.post(MAPS, &map("b", "B")).await.done().body;
    servers.delete(&format!("{MAPS}/b")).await.done();
    for watch in [&mut a, &mut both] {
        watch.expect("ADDED", &made).await;
        watch.expect("MODIFIED", &first).await;
        watch.expect("MODIFIED", &second).await;
        let (kind, name, _) = watch.brief().await;
        assert_eq!((&*kind, &*name), ("DELETED", "a"));
    }
    for watch in [&mut b, &mut both] {
        watch.expect("ADDED", &other).await;
        let (kind, name, _) = watch.brief().await;
        assert_eq!((&*kind, &*name), ("DELETED", "b"));
    }
    let last = servers.post(MAPS, &map("last", "A")).await.done().body;
    a.expect("ADDED", &last).await;
    servers.stop().await;
}

#[tokio::test]
async fn a_watch_begins_at_a_version() {
    let servers = Servers::ready().await;
    servers.post(MAPS, &map("a", "A")).await.done();
    let first = mutate(&servers, "a", 1).await;
    let second = mutate(&servers, "a", 2).await;
    servers.delete(&format!("{MAPS}/a")).await.done();
    let mut watch = watch(&servers, "A", version_text(&first)).await;
    watch.expect("MODIFIED", &second).await;
    assert_eq!(watch.brief().await.0, "DELETED");
    servers.stop().await;
}

#[tokio::test]
async fn a_watch_goes_on_where_another_ended() {
    let servers = Servers::ready().await;
    let mut broken = watch(&servers, "A", "").await;
    let made = servers.post(MAPS, &map("a", "A")).await.done().body;
    let first = mutate(&servers, "a", 1).await;
    broken.expect("ADDED", &made).await;
    let seen = broken.until("MODIFIED", |_| true).await;
    assert_eq!(version(&seen), version(&first));
    drop(broken);
    let second = mutate(&servers, "a", 2).await;
    let mut again = watch(&servers, "A", version_text(&seen)).await;
    servers.delete(&format!("{MAPS}/a")).await.done();
    again.expect("MODIFIED", &second).await;
    assert_eq!(again.brief().await.0, "DELETED");
    servers.stop().await;
}

#[tokio::test]
async fn an_object_that_is_not_selected_any_more_is_deleted() {
    let servers = Servers::ready().await;
    let mut watch = watch(&servers, "A", "").await;
    let made = servers.post(MAPS, &map("a", "A")).await.done().body;
    let first = mutate(&servers, "a", 1).await;
    relabel(&servers, "a", "other").await;
    mutate(&servers, "a", 2).await;
    let restored = relabel(&servers, "a", "A").await;
    let third = mutate(&servers, "a", 3).await;
    servers.delete(&format!("{MAPS}/a")).await.done();
    watch.expect("ADDED", &made).await;
    watch.expect("MODIFIED", &first).await;
    assert_eq!(watch.brief().await.0, "DELETED");
    watch.expect("ADDED", &restored).await;
    watch.expect("MODIFIED", &third).await;
    assert_eq!(watch.brief().await.0, "DELETED");
    servers.stop().await;
}

/// Creates, updates and deletes, without end.
async fn produce(servers: &Servers) {
    let mut number = 0_u32;
    loop {
        number += 1;
        let name = format!("m{}", number / 4);
        let mut object = map(&name, "any");
        object["data"] = json!({"number": number.to_string()});
        let uri = format!("{MAPS}/{name}");
        match number % 4 {
            0 => servers.post(MAPS, &object).await.done(),
            // Without a version: whatever is there.
            1 | 2 if number > 3 => servers.put(&uri, &object).await.done(),
            3 if number > 3 => servers.delete(&uri).await.done(),
            _ => continue,
        };
    }
}

#[tokio::test]
async fn watches_tell_the_same_in_the_same_order() {
    let servers = Servers::ready().await;
    let list = servers.get(MAPS).await;
    let follow = async {
        let mut from = version_text(&list).to_owned();
        let mut watches: Vec<Watch> = Vec::new();
        for _ in 0..60 {
            watches.push(servers.watch(&format!("{MAPS}?resourceVersion={from}")).await);
            let next = watches[0].next().await.expect("an event");
            for watch in &mut watches[1..] {
                assert_eq!(watch.next().await.expect("an event"), next);
            }
            version_text(&next["object"]).clone_into(&mut from);
        }
    };
    tokio::select! {
        () = produce(&servers) => {}
        () = follow => {}
    }
    servers.stop().await;
}
