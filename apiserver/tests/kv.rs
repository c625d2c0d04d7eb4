//! The KV service through gRPC: transcripts of requests and responses.
//!
//! A transcript (`transcripts/*.txt`) is one request per line; what comes back is written below it,
//! indented. `UPDATE_EXPECT=1` rewrites the answers.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use expect_test::expect_file;
use std::fmt::Write as _;
use support::{Client, Cluster, patiently};
use tonic::Status;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_store::kv::KeyValue;

/// Runs a transcript's requests against a fresh cluster, through a follower.
async fn check(name: &str) {
    let path = format!("{}/tests/transcripts/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let transcript = std::fs::read_to_string(&path).expect("the transcript is there");
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    let mut out = String::new();
    for line in transcript.lines().filter(|line| !line.starts_with(' ')) {
        writeln!(out, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let answer = run(&mut client, line)
            .await
            .unwrap_or_else(|status| format!("! {:?}: {}", status.code(), status.message()));
        for answer in answer.lines() {
            writeln!(out, "    {answer}").unwrap();
        }
    }
    expect_file![path].assert_eq(&out);
    cluster.stop().await;
}

async fn run(client: &mut Client, line: &str) -> Result<String, Status> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[0] {
        "put" => {
            let response = patiently(client.kv.put(put(&words))).await?.into_inner();
            Ok(put_text(&response))
        }
        "get" => {
            let response = patiently(client.kv.range(range(&words))).await?.into_inner();
            Ok(range_text(&response))
        }
        "del" => {
            let response = patiently(client.kv.delete_range(delete(&words))).await?.into_inner();
            Ok(delete_text(&response))
        }
        "txn" => {
            let request = txn(line.strip_prefix("txn").unwrap());
            let response = patiently(client.kv.txn(request)).await?.into_inner();
            Ok(txn_text(&response))
        }
        "compact" => {
            let revision = words[1].parse().unwrap();
            let physical = words.contains(&"physical");
            let request = pb::CompactionRequest { revision, physical };
            let response = patiently(client.kv.compact(request)).await?.into_inner();
            Ok(format!("rev={}", revision_of(response.header.as_ref())))
        }
        other => panic!("no command {other}"),
    }
}

fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn number(words: &[&str], name: &str) -> i64 {
    option(words, name).map_or(0, |value| value.parse().unwrap())
}

/// `''` is the empty string, `\0` the zero byte.
fn bytes(word: &str) -> bytes::Bytes {
    match word {
        "''" => bytes::Bytes::new(),
        "\\0" => bytes::Bytes::from_static(&[0]),
        word => word.to_owned().into(),
    }
}

/// `a`, `a..c`, `a..\0`.
fn span(word: &str) -> (bytes::Bytes, bytes::Bytes) {
    let (key, end) = word.split_once("..").unwrap_or((word, "''"));
    (bytes(key), bytes(end))
}

fn put(words: &[&str]) -> pb::PutRequest {
    pb::PutRequest {
        key: bytes(words[1]),
        value: words
            .get(2)
            .filter(|w| !w.starts_with('+'))
            .map_or_else(Default::default, |w| bytes(w)),
        lease: number(words, "lease"),
        prev_kv: words.contains(&"+prev"),
        ignore_value: words.contains(&"+ignore_value"),
        ignore_lease: words.contains(&"+ignore_lease"),
    }
}

fn range(words: &[&str]) -> pb::RangeRequest {
    let (key, range_end) = span(words[1]);
    let order = match option(words, "order") {
        None => 0,
        Some("asc") => 1,
        Some("desc") => 2,
        Some(other) => other.parse().unwrap(),
    };
    let target = match option(words, "by") {
        None | Some("key") => 0,
        Some("version") => 1,
        Some("create") => 2,
        Some("mod") => 3,
        Some("value") => 4,
        Some(other) => other.parse().unwrap(),
    };
    pb::RangeRequest {
        key,
        range_end,
        limit: number(words, "limit"),
        revision: number(words, "rev"),
        sort_order: order,
        sort_target: target,
        serializable: words.contains(&"+serializable"),
        keys_only: words.contains(&"+keys"),
        count_only: words.contains(&"+count"),
        min_mod_revision: number(words, "min_mod"),
        max_mod_revision: number(words, "max_mod"),
        min_create_revision: number(words, "min_create"),
        max_create_revision: number(words, "max_create"),
    }
}

fn delete(words: &[&str]) -> pb::DeleteRangeRequest {
    let (key, range_end) = span(words[1]);
    pb::DeleteRangeRequest { key, range_end, prev_kv: words.contains(&"+prev") }
}

/// ` if <compare>, <compare> then <op>; <op> else <op>`, an op in brackets being a transaction.
fn txn(text: &str) -> pb::TxnRequest {
    let text = text.trim();
    let (head, failure) = text.split_once(" else ").unwrap_or((text, ""));
    let (compares, success) = head.split_once("then").expect("then");
    let compares = compares.trim().strip_prefix("if").unwrap_or("");
    pb::TxnRequest {
        compare: split(compares, ',').map(compare).collect(),
        success: split(success, ';').map(op).collect(),
        failure: split(failure, ';').map(op).collect(),
    }
}

fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    text.split(at).map(str::trim).filter(|part| !part.is_empty())
}

fn op(text: &str) -> pb::RequestOp {
    use pb::request_op::Request;
    let words: Vec<&str> = text.split_whitespace().collect();
    let request = match words[0] {
        "put" => Some(Request::RequestPut(put(&words))),
        "get" => Some(Request::RequestRange(range(&words))),
        "del" => Some(Request::RequestDeleteRange(delete(&words))),
        "nested-put" => {
            let inner = pb::RequestOp { request: Some(Request::RequestPut(put(&words))) };
            let inner = pb::TxnRequest { success: vec![inner], ..Default::default() };
            Some(Request::RequestTxn(inner))
        }
        "nothing" => None,
        other => panic!("no operation {other}"),
    };
    pb::RequestOp { request }
}

/// `version a = 1`, with `<`, `>`, `!`; the key may be a span.
fn compare(text: &str) -> pb::Compare {
    use pb::compare::TargetUnion;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [target, key, sign, value] = words[..] else { panic!("{text}") };
    let (key, range_end) = span(key);
    let number = || value.parse().unwrap();
    let (target, union) = match target {
        "version" => (0, TargetUnion::Version(number())),
        "create" => (1, TargetUnion::CreateRevision(number())),
        "mod" => (2, TargetUnion::ModRevision(number())),
        "value" => (3, TargetUnion::Value(bytes(value))),
        "lease" => (4, TargetUnion::Lease(number())),
        other => panic!("no target {other}"),
    };
    let result = "=><!".find(sign).unwrap();
    pb::Compare {
        result: i32::try_from(result).unwrap(),
        target,
        key,
        range_end,
        target_union: Some(union),
    }
}

fn revision_of(header: Option<&pb::ResponseHeader>) -> i64 {
    let header = header.expect("a header");
    assert!(header.cluster_id == 0 || header.raft_term > 0, "outer headers are complete");
    header.revision
}

fn kv_text(kv: &KeyValue) -> String {
    let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let lease = if kv.lease == 0 { String::new() } else { format!(" lease={}", kv.lease) };
    format!(
        "{}={} create={} mod={} version={}{lease}",
        text(&kv.key),
        text(&kv.value),
        kv.create_revision,
        kv.mod_revision,
        kv.version
    )
}

fn put_text(response: &pb::PutResponse) -> String {
    let prev =
        response.prev_kv.as_ref().map_or(String::new(), |kv| format!("\nprev {}", kv_text(kv)));
    format!("rev={}{prev}", revision_of(response.header.as_ref()))
}

fn range_text(response: &pb::RangeResponse) -> String {
    let more = if response.more { " more" } else { "" };
    let mut text =
        format!("rev={} count={}{more}", revision_of(response.header.as_ref()), response.count);
    for kv in &response.kvs {
        write!(text, "\n{}", kv_text(kv)).unwrap();
    }
    text
}

fn delete_text(response: &pb::DeleteRangeResponse) -> String {
    let mut text =
        format!("rev={} deleted={}", revision_of(response.header.as_ref()), response.deleted);
    for kv in &response.prev_kvs {
        write!(text, "\nprev {}", kv_text(kv)).unwrap();
    }
    text
}

fn txn_text(response: &pb::TxnResponse) -> String {
    use pb::response_op::Response;
    let mut text = format!(
        "rev={} {}",
        revision_of(response.header.as_ref()),
        if response.succeeded { "then" } else { "else" }
    );
    for response in &response.responses {
        let inner = match &response.response {
            Some(Response::ResponsePut(response)) => format!("put {}", put_text(response)),
            Some(Response::ResponseRange(response)) => format!("get {}", range_text(response)),
            Some(Response::ResponseDeleteRange(response)) => {
                format!("del {}", delete_text(response))
            }
            Some(Response::ResponseTxn(response)) => format!("txn {}", txn_text(response)),
            None => "nothing".to_owned(),
        };
        write!(text, "\n{inner}").unwrap();
    }
    text
}

#[tokio::test]
async fn ranges() {
    check("ranges").await;
}

#[tokio::test]
async fn changes() {
    check("changes").await;
}

#[tokio::test]
async fn transactions() {
    check("transactions").await;
}

#[tokio::test]
async fn compaction() {
    check("compaction").await;
}
