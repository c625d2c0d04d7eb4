//! The KV service through gRPC: transcripts of requests and responses.
//!
//! A script is one request per line; what comes back is written below it. `UPDATE_EXPECT=1`
//! rewrites the transcripts.

mod support;

use expect_test::{Expect, expect};
use std::fmt::Write as _;
use support::{Client, Cluster, patiently};
use tonic::Status;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_store::kv::KeyValue;

/// Runs a script against a fresh cluster, through the given member (0 or 1).
async fn check(script: &str, expected: Expect) {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let answer = run(&mut client, line)
            .await
            .unwrap_or_else(|status| format!("! {:?}: {}", status.code(), status.message()));
        writeln!(out, "{line}").unwrap();
        for answer in answer.lines() {
            writeln!(out, "    {answer}").unwrap();
        }
    }
    expected.assert_eq(&out);
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
    check(
        "
        get a
        put a 1
        put b 2
        put c 3
        put a 4 +prev
        get a
        get a..c
        get a..\\0 limit=2
        get a..\\0 +count
        get a..\\0 +keys limit=1
        get a..\\0 order=desc
        get a..\\0 by=mod order=desc limit=1
        get a..\\0 by=value
        get a..\\0 rev=3
        get a..\\0 rev=4 by=create order=desc
        get a..\\0 min_mod=4
        get a..\\0 max_create=2 +serializable
        get a rev=99
        get ''
        get a order=7
        get a by=9
        ",
        expect![[r#"
            get a
                rev=1 count=0
            put a 1
                rev=2
            put b 2
                rev=3
            put c 3
                rev=4
            put a 4 +prev
                rev=5
                prev a=1 create=2 mod=2 version=1
            get a
                rev=5 count=1
                a=4 create=2 mod=5 version=2
            get a..c
                rev=5 count=2
                a=4 create=2 mod=5 version=2
                b=2 create=3 mod=3 version=1
            get a..\0 limit=2
                rev=5 count=3 more
                a=4 create=2 mod=5 version=2
                b=2 create=3 mod=3 version=1
            get a..\0 +count
                rev=5 count=3
            get a..\0 +keys limit=1
                rev=5 count=3 more
                a= create=2 mod=5 version=2
            get a..\0 order=desc
                rev=5 count=3
                c=3 create=4 mod=4 version=1
                b=2 create=3 mod=3 version=1
                a=4 create=2 mod=5 version=2
            get a..\0 by=mod order=desc limit=1
                rev=5 count=3 more
                a=4 create=2 mod=5 version=2
            get a..\0 by=value
                rev=5 count=3
                b=2 create=3 mod=3 version=1
                c=3 create=4 mod=4 version=1
                a=4 create=2 mod=5 version=2
            get a..\0 rev=3
                rev=5 count=2
                a=1 create=2 mod=2 version=1
                b=2 create=3 mod=3 version=1
            get a..\0 rev=4 by=create order=desc
                rev=5 count=3
                c=3 create=4 mod=4 version=1
                b=2 create=3 mod=3 version=1
                a=1 create=2 mod=2 version=1
            get a..\0 min_mod=4
                rev=5 count=3
                a=4 create=2 mod=5 version=2
                c=3 create=4 mod=4 version=1
            get a..\0 max_create=2 +serializable
                rev=5 count=3
                a=4 create=2 mod=5 version=2
            get a rev=99
                ! OutOfRange: etcdserver: mvcc: required revision is a future revision
            get ''
                ! InvalidArgument: etcdserver: key is not provided
            get a order=7
                ! InvalidArgument: etcdserver: invalid sort option
            get a by=9
                ! InvalidArgument: etcdserver: invalid sort option
        "#]],
    )
    .await;
}

#[tokio::test]
async fn changes() {
    check(
        "
        put k v lease=77
        put k v +ignore_value
        put k +ignore_value
        put k 1
        put k +ignore_value +prev
        put k +ignore_lease +prev
        put '' v
        put k v +ignore_value
        put k +ignore_lease lease=1
        del nothing
        del k +prev
        put a1 x
        put a2 y
        put b z
        del a..b +prev
        get \\0..\\0
        del ''
        ",
        expect![[r#"
            put k v lease=77
                ! NotFound: etcdserver: requested lease not found
            put k v +ignore_value
                ! InvalidArgument: etcdserver: value is provided
            put k +ignore_value
                ! InvalidArgument: etcdserver: key not found
            put k 1
                rev=2
            put k +ignore_value +prev
                rev=3
                prev k=1 create=2 mod=2 version=1
            put k +ignore_lease +prev
                rev=4
                prev k=1 create=2 mod=3 version=2
            put '' v
                ! InvalidArgument: etcdserver: key is not provided
            put k v +ignore_value
                ! InvalidArgument: etcdserver: value is provided
            put k +ignore_lease lease=1
                ! InvalidArgument: etcdserver: lease is provided
            del nothing
                rev=4 deleted=0
            del k +prev
                rev=5 deleted=1
                prev k= create=2 mod=4 version=3
            put a1 x
                rev=6
            put a2 y
                rev=7
            put b z
                rev=8
            del a..b +prev
                rev=9 deleted=2
                prev a1=x create=6 mod=6 version=1
                prev a2=y create=7 mod=7 version=1
            get \0..\0
                rev=9 count=1
                b=z create=8 mod=8 version=1
            del ''
                ! InvalidArgument: etcdserver: key is not provided
        "#]],
    )
    .await;
}

#[tokio::test]
async fn transactions() {
    check(
        "
        txn if version a = 0 then put a 1; get a else get a
        txn if version a = 0 then put a 2 else get a; put b 2
        txn if value a = 1, mod a > 1, create a = 2, lease a = 0 then put c 3; del b +prev; get a..\\0
        txn if value zz ! 1 then put no no
        txn if version a..d > 0 then get a
        txn if version a..d > 1 then get a else get c
        txn then nested-put n 1; get n; put o 1 +prev
        txn then get a +serializable
        txn if mod a = 99 then get a else get a rev=2; get b rev=3
        txn then get a rev=99
        txn then put a 1; put a 2
        txn then put a 1; del a..b
        txn then nested-put a 1; put a 2
        txn then get ''
        txn then nothing
        txn then put p 1 lease=5
        txn then put p +ignore_value
        get p
        ",
        expect![[r#"
            txn if version a = 0 then put a 1; get a else get a
                rev=2 then
                put rev=2
                get rev=2 count=1
                a=1 create=2 mod=2 version=1
            txn if version a = 0 then put a 2 else get a; put b 2
                rev=3 else
                get rev=2 count=1
                a=1 create=2 mod=2 version=1
                put rev=3
            txn if value a = 1, mod a > 1, create a = 2, lease a = 0 then put c 3; del b +prev; get a..\0
                rev=4 then
                put rev=4
                del rev=4 deleted=1
                prev b=2 create=3 mod=3 version=1
                get rev=4 count=2
                a=1 create=2 mod=2 version=1
                c=3 create=4 mod=4 version=1
            txn if value zz ! 1 then put no no
                rev=4 else
            txn if version a..d > 0 then get a
                rev=4 then
                get rev=4 count=1
                a=1 create=2 mod=2 version=1
            txn if version a..d > 1 then get a else get c
                rev=4 else
                get rev=4 count=1
                c=3 create=4 mod=4 version=1
            txn then nested-put n 1; get n; put o 1 +prev
                rev=5 then
                txn rev=0 then
                put rev=5
                get rev=5 count=1
                n=1 create=5 mod=5 version=1
                put rev=5
            txn then get a +serializable
                rev=5 then
                get rev=5 count=1
                a=1 create=2 mod=2 version=1
            txn if mod a = 99 then get a else get a rev=2; get b rev=3
                rev=5 else
                get rev=5 count=1
                a=1 create=2 mod=2 version=1
                get rev=5 count=1
                b=2 create=3 mod=3 version=1
            txn then get a rev=99
                ! OutOfRange: etcdserver: mvcc: required revision is a future revision
            txn then put a 1; put a 2
                ! InvalidArgument: etcdserver: duplicate key given in txn request
            txn then put a 1; del a..b
                ! InvalidArgument: etcdserver: duplicate key given in txn request
            txn then nested-put a 1; put a 2
                ! InvalidArgument: etcdserver: duplicate key given in txn request
            txn then get ''
                ! InvalidArgument: etcdserver: key is not provided
            txn then nothing
                ! InvalidArgument: etcdserver: key not found
            txn then put p 1 lease=5
                ! NotFound: etcdserver: requested lease not found
            txn then put p +ignore_value
                ! InvalidArgument: etcdserver: key not found
            get p
                rev=5 count=0
        "#]],
    )
    .await;
}

#[tokio::test]
async fn compaction() {
    check(
        "
        put a 1
        put a 2
        put b 1
        del a
        put b 2
        compact 5
        get a rev=4
        get a rev=5
        get b rev=5
        get \\0..\\0
        compact 5
        compact 3
        compact 9
        compact 6 physical
        get b rev=5
        get b rev=6
        txn then get b rev=5
        ",
        expect![[r#"
            put a 1
                rev=2
            put a 2
                rev=3
            put b 1
                rev=4
            del a
                rev=5 deleted=1
            put b 2
                rev=6
            compact 5
                rev=6
            get a rev=4
                ! OutOfRange: etcdserver: mvcc: required revision has been compacted
            get a rev=5
                rev=6 count=0
            get b rev=5
                rev=6 count=1
                b=1 create=4 mod=4 version=1
            get \0..\0
                rev=6 count=1
                b=2 create=4 mod=6 version=2
            compact 5
                ! OutOfRange: etcdserver: mvcc: required revision has been compacted
            compact 3
                ! OutOfRange: etcdserver: mvcc: required revision has been compacted
            compact 9
                ! OutOfRange: etcdserver: mvcc: required revision is a future revision
            compact 6 physical
                rev=6
            get b rev=5
                ! OutOfRange: etcdserver: mvcc: required revision has been compacted
            get b rev=6
                rev=6 count=1
                b=2 create=4 mod=6 version=2
            txn then get b rev=5
                ! OutOfRange: etcdserver: mvcc: required revision has been compacted
        "#]],
    )
    .await;
}
