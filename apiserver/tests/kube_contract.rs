//! The contract of watches over several replicas: whichever replica a client asks, and whichever
//! dies, it sees every change once, in order, and nothing else.

mod support;

use bytes::BytesMut;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::kube::{Kube, read, version};
use support::{Cluster, eventually, patiently};
use tokio::task::JoinHandle;
use xebec_apiserver::kube::body::Body;

const MAPS: &str = "/api/v1/namespaces/a/configmaps";
const WRITES: usize = 160;
const LAST: &str = "the-last";

/// One change as a watch told it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    revision: i64,
    kind: String,
    name: String,
    /// `data.v`, which differs between all writes of an object.
    value: String,
}

/// The state of the collection: the value of each object.
type State = BTreeMap<String, String>;

struct Watch {
    body: Body,
    buffer: BytesMut,
}

impl Watch {
    async fn open(kube: &Kube, from: i64) -> Self {
        let uri = format!("{MAPS}?watch=1&resourceVersion={from}");
        let response = kube.ask("GET", &uri, &[], "").await;
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), buffer: BytesMut::new() }
    }

    async fn next(&mut self) -> Seen {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let event: Value =
                    serde_json::from_slice(&self.buffer.split_to(at + 1)).expect("JSON");
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let object = &event["object"];
                assert_ne!(event["type"], "ERROR", "{event}");
                return Seen {
                    revision: version(object),
                    kind: text(&event["type"]),
                    name: text(&object["metadata"]["name"]),
                    value: text(&object["data"]["v"]),
                };
            }
            let frame = self.body.frame().await.expect("no end").expect("no error");
            self.buffer.extend_from_slice(&frame.into_data().expect("data"));
        }
    }
}

/// Watches until the last object comes.
fn spectator(kube: Kube, from: i64) -> JoinHandle<Vec<Seen>> {
    tokio::spawn(async move {
        let mut watch = Watch::open(&kube, from).await;
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last: &Seen| last.name != LAST) {
            seen.push(watch.next().await);
        }
        seen
    })
}

/// Goes on at another living replica after every few events.
fn wanderer(kubes: Vec<Kube>, from: i64, dead: Arc<AtomicUsize>) -> JoinHandle<Vec<Seen>> {
    tokio::spawn(async move {
        let (mut seen, mut at) = (Vec::<Seen>::new(), 0);
        loop {
            at += 1;
            if at % kubes.len() == dead.load(Ordering::SeqCst) {
                continue;
            }
            let from = seen.last().map_or(from, |last| last.revision);
            let mut watch = Watch::open(&kubes[at % kubes.len()], from).await;
            for _ in 0..1 + at % 5 {
                // A replica that has died says nothing more: the client goes elsewhere.
                let next = tokio::time::timeout(Duration::from_secs(2), watch.next()).await;
                let Ok(next) = next else { break };
                let done = next.name == LAST;
                seen.push(next);
                if done {
                    return seen;
                }
            }
        }
    })
}

/// Tries until a write is known to have happened; it may happen more than once.
async fn insist(kubes: &[Kube], dead: &AtomicUsize, (method, uri): (&str, &str), body: &Value) {
    let at = AtomicUsize::new(0);
    eventually(async || {
        let node = at.fetch_add(1, Ordering::SeqCst) % kubes.len();
        if node == dead.load(Ordering::SeqCst) {
            return None;
        }
        let merge = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let response = kubes[node].ask(method, uri, &[("content-type", merge)], &text).await;
        let code = response.status().as_u16();
        read(response).await;
        matches!(code, 200 | 201 | 404 | 409).then_some(())
    })
    .await;
}

async fn write(kubes: &[Kube], dead: &AtomicUsize, at: usize) {
    let name = format!("m{}", at * 7 % 11);
    let object = json!({"metadata": {"name": name}, "data": {"v": at.to_string()}});
    let uri = format!("{MAPS}/{name}");
    match at % 5 {
        0 | 1 => insist(kubes, dead, ("POST", MAPS), &object).await,
        2 | 3 => {
            insist(kubes, dead, ("PATCH", &uri), &json!({"data": {"v": at.to_string()}})).await;
        }
        _ => insist(kubes, dead, ("DELETE", &uri), &Value::Null).await,
    }
}

async fn state_at(kube: &Kube, revision: i64) -> State {
    let uri = format!("{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact");
    let (code, list) = kube.get(&uri).await;
    assert_eq!(code, 200, "{list}");
    let items = list["items"].as_array().expect("items").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items.map(|item| (text(&item["metadata"]["name"]), text(&item["data"]["v"]))).collect()
}

/// What happened is what was seen: no revision is missing, none comes twice.
async fn judge(kube: &Kube, from: i64, seen: &[Seen]) {
    let mut state = state_at(kube, from).await;
    let mut events = seen.iter().peekable();
    let last = seen.last().expect("something was seen").revision;
    for revision in from + 1..=last {
        while let Some(event) = events.next_if(|event| event.revision == revision) {
            let before = match &*event.kind {
                "DELETED" => {
                    let before = state.remove(&event.name);
                    assert_eq!(before.as_ref(), Some(&event.value), "as it last was: {event:?}");
                    before
                }
                _ => state.insert(event.name.clone(), event.value.clone()),
            };
            assert_eq!(before.is_none(), event.kind == "ADDED", "{event:?}");
        }
        assert_eq!(state, state_at(kube, revision).await, "after revision {revision}");
    }
    assert_eq!(events.next(), None, "out of order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_seen_once_though_the_leader_dies() {
    let cluster = Cluster::start(3).await;
    let kubes: Vec<Kube> = cluster.nodes.iter().map(|n| Kube::new(n.replica.clone())).collect();
    let dead = Arc::new(AtomicUsize::new(usize::MAX));
    let namespace = json!({"metadata": {"name": "a"}});
    insist(&kubes, &dead, ("POST", "/api/v1/namespaces"), &namespace).await;
    let from = version(&kubes[0].get(MAPS).await.1);

    let spectators: Vec<_> = kubes.iter().map(|kube| spectator(kube.clone(), from)).collect();
    let wanderer = wanderer(kubes.clone(), from, dead.clone());
    for at in 0..WRITES {
        if at == WRITES / 2 {
            let leader = cluster.leader().await;
            dead.store(leader, Ordering::SeqCst);
            cluster.nodes[leader].replica.clone().abort().await;
        }
        write(&kubes, &dead, at).await;
    }
    let last = json!({"metadata": {"name": LAST}});
    insist(&kubes, &dead, ("POST", MAPS), &last).await;

    let dead = dead.load(Ordering::SeqCst);
    let alive = &kubes[(dead + 1) % kubes.len()];
    judge(alive, from, &patiently(wanderer).await.expect("no panic")).await;
    for (at, spectator) in spectators.into_iter().enumerate() {
        if at == dead {
            spectator.abort();
            continue;
        }
        judge(alive, from, &patiently(spectator).await.expect("no panic")).await;
    }
    cluster.stop().await;
}
