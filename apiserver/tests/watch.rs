//! The watch contract through gRPC.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use expect_test::expect;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use support::{Client, Cluster, PATIENCE, patiently};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming};
use xebec_apiserver::Options;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::mvccpb::Event;

/// One client stream.
struct Watcher {
    requests: mpsc::Sender<pb::WatchRequest>,
    responses: Streaming<pb::WatchResponse>,
}

fn create(key: &str, end: &str) -> pb::WatchCreateRequest {
    let (key, range_end) = (key.to_owned().into(), end.to_owned().into());
    pb::WatchCreateRequest { key, range_end, ..Default::default() }
}

impl Watcher {
    async fn open(client: &Client) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        let mut watch = client.watch.clone();
        let responses =
            patiently(watch.watch(ReceiverStream::new(receiver))).await.expect("a stream");
        Self { requests, responses: responses.into_inner() }
    }

    async fn send(&self, request: pb::watch_request::RequestUnion) {
        let request = pb::WatchRequest { request_union: Some(request) };
        self.requests.send(request).await.expect("an open stream");
    }

    async fn create(&self, request: pb::WatchCreateRequest) {
        self.send(pb::watch_request::RequestUnion::CreateRequest(request)).await;
    }

    async fn cancel(&self, watch_id: i64) {
        let request = pb::WatchCancelRequest { watch_id };
        self.send(pb::watch_request::RequestUnion::CancelRequest(request)).await;
    }

    async fn request_progress(&self) {
        let request = pb::WatchProgressRequest {};
        self.send(pb::watch_request::RequestUnion::ProgressRequest(request)).await;
    }

    async fn next(&mut self) -> pb::WatchResponse {
        patiently(self.responses.message()).await.expect("no error").expect("a response")
    }

    /// A new watch, acknowledged.
    async fn created(&mut self, request: pb::WatchCreateRequest) -> pb::WatchResponse {
        self.create(request).await;
        let response = self.next().await;
        assert!(response.created, "{response:?}");
        response
    }

    /// Events of responses until there are so many.
    async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.next().await.events);
        }
        events
    }

    /// Checks that the stream is silent, by a request that is answered at once.
    async fn nothing_more(&mut self) {
        self.created(create("a key of nobody", "")).await;
    }
}

fn text(response: &pb::WatchResponse) -> String {
    let mut text = format!("id={}", response.watch_id);
    write!(text, " rev={}", response.header.as_ref().expect("a header").revision).unwrap();
    for (flag, name) in [
        (response.created, "created"),
        (response.canceled, "canceled"),
        (response.fragment, "fragment"),
    ] {
        if flag {
            write!(text, " {name}").unwrap();
        }
    }
    if response.compact_revision != 0 {
        write!(text, " compacted={}", response.compact_revision).unwrap();
    }
    if !response.cancel_reason.is_empty() {
        write!(text, " reason={:?}", response.cancel_reason).unwrap();
    }
    for event in &response.events {
        write!(text, "\n  {}", event_text(event)).unwrap();
    }
    text + "\n"
}

fn event_text(event: &Event) -> String {
    let kv = event.kv.as_ref().expect("a key");
    let kind = if event.r#type == 1 { "del" } else { "put" };
    let show = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let prev = event.prev_kv.as_ref().map_or(String::new(), |kv| {
        format!(" prev {}={} mod={}", show(&kv.key), show(&kv.value), kv.mod_revision)
    });
    format!(
        "{kind} {}={} create={} mod={} version={}{prev}",
        show(&kv.key),
        show(&kv.value),
        kv.create_revision,
        kv.mod_revision,
        kv.version
    )
}

#[tokio::test]
async fn creation_and_cancellation() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    client.put("a", "1").await;
    client.put("a", "2").await;
    let mut watcher = Watcher::open(&client).await;
    for request in [
        create("a", ""),
        pb::WatchCreateRequest { watch_id: 7, ..create("a", "") },
        pb::WatchCreateRequest { watch_id: 7, ..create("b", "") },
        create("b", "a"),
        create("a", "a"),
        pb::WatchCreateRequest { start_revision: -1, ..create("a", "") },
        pb::WatchCreateRequest { start_revision: 9, ..create("a", "") },
        pb::WatchCreateRequest { watch_id: -5, ..create("a", "\0") },
    ] {
        watcher.create(request).await;
    }
    watcher.cancel(99).await;
    watcher.cancel(7).await;
    watcher.cancel(7).await;
    watcher.create(pb::WatchCreateRequest { watch_id: 7, ..create("", "") }).await;
    watcher.create(create("z", "")).await;
    let mut out = String::new();
    for _ in 0..11 {
        out += &text(&watcher.next().await);
    }
    let expected = expect![[r#"
        id=0 rev=3 created
        id=7 rev=3 created
        id=-1 rev=3 created canceled reason="mvcc: duplicate watch ID provided on the WatchStream"
        id=-1 rev=3 created canceled reason="mvcc: watcher range is empty"
        id=-1 rev=3 created canceled reason="mvcc: watcher range is empty"
        id=-1 rev=3 created canceled reason="etcdserver: mvcc: required revision has been compacted"
        id=1 rev=3 created
        id=-5 rev=3 created
        id=7 rev=3 canceled
        id=7 rev=3 created
        id=2 rev=3 created
    "#]];
    expected.assert_eq(&out);
    cluster.stop().await;
}

#[tokio::test]
async fn events_from_the_past_and_from_now_on() {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    client.put("a", "1").await;
    client.put("b", "2").await;
    client.put("a", "3").await;
    let mut watcher = Watcher::open(&client).await;
    let mut out = String::new();
    let past = pb::WatchCreateRequest { start_revision: 1, prev_kv: true, ..create("a", "c") };
    watcher.create(past).await;
    let mut events = 0;
    while events < 3 {
        let response = watcher.next().await;
        events += response.events.len();
        // How many responses the past comes in is a matter of time.
        let shown = text(&response);
        let skip = usize::from(!response.created);
        shown.lines().skip(skip).for_each(|line| out += &format!("{line}\n"));
    }
    let mut filtered = pb::WatchCreateRequest { watch_id: 20, ..create("a", "c") };
    filtered.filters = vec![pb::watch_create_request::FilterType::Noput as i32];
    watcher.create(filtered).await;
    out += &text(&watcher.next().await);
    client.delete("a", "c").await;
    let mut responses: BTreeMap<i64, String> = BTreeMap::new();
    for _ in 0..2 {
        let response = watcher.next().await;
        *responses.entry(response.watch_id).or_default() += &text(&response);
    }
    out.extend(responses.into_values());
    watcher.nothing_more().await;
    let expected = expect![[r#"
        id=0 rev=4 created
          put a=1 create=2 mod=2 version=1
          put b=2 create=3 mod=3 version=1
          put a=3 create=2 mod=4 version=2 prev a=1 mod=2
        id=20 rev=4 created
        id=0 rev=5
          del a= create=0 mod=5 version=0 prev a=3 mod=4
          del b= create=0 mod=5 version=0 prev b=2 mod=3
        id=20 rev=5
          del a= create=0 mod=5 version=0
          del b= create=0 mod=5 version=0
    "#]];
    expected.assert_eq(&out);
    cluster.stop().await;
}

#[tokio::test]
async fn a_transaction_arrives_whole() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    watcher.created(create("k", "l")).await;
    let put = |n: usize| pb::RequestOp {
        request: Some(pb::request_op::Request::RequestPut(pb::PutRequest {
            key: format!("k{n:03}").into(),
            value: vec![b'v'; 10_000].into(),
            ..Default::default()
        })),
    };
    let txn = pb::TxnRequest { success: (0..100).map(put).collect(), ..Default::default() };
    patiently(client.kv.txn(txn)).await.expect("txn");
    let response = watcher.next().await;
    assert_eq!(response.events.len(), 100, "one response, in order");
    assert!(response.events.iter().map(|event| &event.kv.as_ref().unwrap().key).is_sorted());
    cluster.stop().await;
}

#[tokio::test]
async fn large_responses_come_in_fragments_to_those_who_ask() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    let asks = pb::WatchCreateRequest { fragment: true, prev_kv: true, ..create("k", "l") };
    watcher.created(asks).await;
    let put = |n: usize| pb::RequestOp {
        request: Some(pb::request_op::Request::RequestPut(pb::PutRequest {
            key: format!("k{n}").into(),
            value: vec![b'v'; 300_000].into(),
            ..Default::default()
        })),
    };
    // 1.5 MB once, and with the previous values 3 MB.
    for _ in 0..2 {
        let txn = pb::TxnRequest { success: (0..5).map(put).collect(), ..Default::default() };
        patiently(client.kv.txn(txn)).await.expect("txn");
    }
    let whole = watcher.next().await;
    assert_eq!((whole.fragment, whole.events.len()), (false, 5));
    let mut parts = vec![watcher.next().await];
    while parts.last().unwrap().fragment {
        parts.push(watcher.next().await);
    }
    assert!(parts.len() > 1);
    let keys: Vec<_> = parts
        .iter()
        .flat_map(|part| &part.events)
        .map(|event| event.kv.as_ref().unwrap().key.clone())
        .collect();
    assert_eq!(keys, ["k0", "k1", "k2", "k3", "k4"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_compacted_start_is_named() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    for n in 0..5 {
        client.put("a", &n.to_string()).await;
    }
    client.compact(4).await;
    let mut watcher = Watcher::open(&client).await;
    watcher.create(pb::WatchCreateRequest { start_revision: 2, ..create("a", "") }).await;
    watcher.create(pb::WatchCreateRequest { start_revision: 4, ..create("a", "") }).await;
    let mut out = BTreeMap::<i64, String>::new();
    let (mut heads, mut events) = (0, 0);
    while heads < 3 || events < 3 {
        let response = watcher.next().await;
        // How many responses the events come in is a matter of time.
        let skip = usize::from(!response.events.is_empty());
        heads += 1 - skip;
        events += response.events.len();
        let shown = out.entry(response.watch_id).or_default();
        text(&response).lines().skip(skip).for_each(|line| *shown += &format!("{line}\n"));
    }
    let out: String = out.into_values().collect();
    let expected = expect![[r#"
        id=0 rev=6 created
        id=0 rev=6 canceled compacted=4
        id=1 rev=6 created
          put a=2 create=2 mod=4 version=3
          put a=3 create=2 mod=5 version=4
          put a=4 create=2 mod=6 version=5
    "#]];
    expected.assert_eq(&out);
    cluster.stop().await;
}

/// What a client misses while it is away is there when it comes back, at another member too.
#[tokio::test]
async fn a_watch_resumes_anywhere() {
    let cluster = Cluster::start(3).await;
    let mut client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    watcher.created(create("k", "l")).await;
    for n in 0..50 {
        client.put(&format!("k{n}"), "1").await;
    }
    let seen = watcher.events(20).await;
    let mut revisions: Vec<i64> =
        seen.iter().map(|event| event.kv.as_ref().unwrap().mod_revision).collect();
    drop(watcher);
    for node in [1, 2] {
        client.put("k", "again").await;
        let other = cluster.client(node).await;
        let mut watcher = Watcher::open(&other).await;
        let start_revision = revisions.last().unwrap() + 1;
        watcher.created(pb::WatchCreateRequest { start_revision, ..create("k", "l") }).await;
        let wanted = 50 + node - revisions.len();
        let events = watcher.events(wanted).await;
        revisions.extend(events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision));
    }
    assert_eq!(revisions, (2..54).collect::<Vec<i64>>(), "no gap, nothing twice, in order");
    cluster.stop().await;
}

#[tokio::test]
async fn progress_never_runs_ahead_of_events() {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    let mut watcher = Watcher::open(&client).await;
    watcher.created(create("k", "l")).await;
    watcher.created(create("k5", "")).await;
    let writer = tokio::spawn({
        let mut client = client.clone();
        async move {
            for n in 0..300 {
                client.put(&format!("k{}", n % 7), "v").await;
            }
        }
    });
    let (mut seen, mut marks, mut mark) = (1, 0, 0);
    while seen < 301 {
        watcher.request_progress().await;
        let response = watcher.next().await;
        let revision = response.header.as_ref().unwrap().revision;
        for event in &response.events {
            let at = event.kv.as_ref().unwrap().mod_revision;
            assert!(at > mark, "an event of revision {at} after progress to {mark}");
            if response.watch_id == 0 {
                assert_eq!(at, seen + 1, "no gap");
                seen = at;
            }
        }
        if response.events.is_empty() {
            assert_eq!(response.watch_id, -1);
            assert!(revision >= mark && revision <= seen);
            mark = revision;
            marks += 1;
        }
    }
    patiently(writer).await.unwrap();
    // Whoever has the answer to a write sees it in the next progress.
    let put = client.put("other", "v").await;
    watcher.request_progress().await;
    loop {
        let response = watcher.next().await;
        if response.watch_id == -1 && response.header.unwrap().revision >= put {
            break;
        }
    }
    assert!(marks > 0);
    cluster.stop().await;
}

#[tokio::test]
async fn quiet_watches_hear_of_progress() {
    let options = Options { progress_interval: Duration::from_millis(100), ..Options::default() };
    let cluster = Cluster::start_with(1, options).await;
    let mut client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    let asks = pb::WatchCreateRequest { progress_notify: true, ..create("quiet", "") };
    watcher.created(asks).await;
    watcher.created(create("silent", "")).await;
    let put = client.put("other", "v").await;
    loop {
        let response = watcher.next().await;
        assert_eq!((response.watch_id, response.events.len()), (0, 0));
        if response.header.unwrap().revision >= put {
            break;
        }
    }
    cluster.stop().await;
}

#[tokio::test]
async fn five_thousand_watches_on_one_stream() {
    const WATCHES: usize = 5_000;
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    let requests = watcher.requests.clone();
    tokio::spawn(async move {
        for n in 0..WATCHES {
            let key = format!("k{}", n % 1_000);
            let request = pb::watch_request::RequestUnion::CreateRequest(create(&key, ""));
            let request = pb::WatchRequest { request_union: Some(request) };
            requests.send(request).await.expect("an open stream");
        }
    });
    for n in 0..WATCHES {
        let response = watcher.next().await;
        assert!(response.created && response.watch_id == i64::try_from(n).unwrap());
    }
    for n in 0..20 {
        client.put(&format!("k{n}"), "v").await;
    }
    let mut told: BTreeMap<i64, usize> = BTreeMap::new();
    for _ in 0..100 {
        let response = watcher.next().await;
        *told.entry(response.watch_id).or_default() += response.events.len();
    }
    assert_eq!(told.len(), 100);
    assert!(told.iter().all(|(id, events)| id % 1_000 < 20 && *events == 1));
    watcher.request_progress().await;
    assert_eq!(watcher.next().await.watch_id, -1);
    cluster.stop().await;
}

/// A client that does not read holds nobody up, and finds everything when it reads again.
#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let slow = cluster.client(0).await;
    let mut slow = Watcher::open(&slow).await;
    slow.created(create("k", "l")).await;
    let mut quick = Watcher::open(&client).await;
    quick.created(create("k", "l")).await;
    let value = "v".repeat(10_000);
    // 20 MB: more than all windows and buffers between the two.
    for n in 0..2_000 {
        client.put(&format!("k{}", n % 10), &value).await;
    }
    assert_eq!(quick.events(2_000).await.len(), 2_000);
    let events = slow.events(2_000).await;
    let revisions = events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision);
    assert!(revisions.eq(2..2_002), "all, in order");
    cluster.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let mut cluster = Cluster::start(1).await;
    let client = cluster.client(0).await;
    let mut watcher = Watcher::open(&client).await;
    watcher.created(create("k", "l")).await;
    let stopping = tokio::time::Instant::now();
    cluster.stop_server(0).await;
    let status = patiently(watcher.responses.message()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (tonic::Code::Unavailable, "etcdserver: server stopped")
    );
    assert!(stopping.elapsed() < PATIENCE / 2, "within the drain's bound");
    cluster.stop().await;
}

fn with_leader<T>(request: T) -> Request<T> {
    let mut request = Request::new(request);
    request.metadata_mut().insert("hasleader", "true".parse().unwrap());
    request
}

#[tokio::test]
async fn without_a_leader_those_who_need_one_are_told() {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    let (requests, receiver) = mpsc::channel(4);
    let stream = with_leader(ReceiverStream::new(receiver));
    let responses = patiently(client.watch.watch(stream)).await.unwrap().into_inner();
    let mut strict = Watcher { requests, responses };
    strict.created(create("k", "l")).await;
    let mut plain = Watcher::open(&client).await;
    plain.created(create("k", "l")).await;

    cluster.network.isolate(&cluster.urls[node]);
    let status = patiently(strict.responses.message()).await.unwrap_err();
    let no_leader = (tonic::Code::Unavailable, "etcdserver: no leader");
    assert_eq!((status.code(), status.message()), no_leader);
    let range = pb::RangeRequest { key: "k".into(), serializable: true, ..Default::default() };
    let status = patiently(client.kv.range(with_leader(range.clone()))).await.unwrap_err();
    assert_eq!((status.code(), status.message()), no_leader);
    patiently(client.kv.range(range)).await.expect("a local read needs no leader");

    cluster.network.heal();
    let mut other = cluster.client((node + 1) % 3).await;
    other.put("k", "v").await;
    assert_eq!(plain.events(1).await.len(), 1, "who did not ask for a leader goes on");
    cluster.stop().await;
}
