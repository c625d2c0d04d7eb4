//! Between the history's words and etcd's messages.

use crate::history::{
    Compare, Failure, Kv, Outcome, Request, Response, Target, WatchEvent, WatchRequest,
};
use bytes::Bytes;
use std::error::Error;
use tonic::{Code, Status};
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::mvccpb;
use xebec_store::kv::KeyValue;

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn range(range: &crate::history::Range) -> pb::RangeRequest {
    pb::RangeRequest {
        key: bytes(&range.key),
        range_end: bytes(&range.end),
        limit: range.limit,
        revision: range.revision,
        serializable: range.serializable,
        ..Default::default()
    }
}

pub fn put(put: &crate::history::Put) -> pb::PutRequest {
    pb::PutRequest {
        key: bytes(&put.key),
        value: bytes(&put.value),
        lease: put.lease,
        prev_kv: put.prev_kv,
        ..Default::default()
    }
}

pub fn delete(delete: &crate::history::Delete) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest {
        key: bytes(&delete.key),
        range_end: bytes(&delete.end),
        prev_kv: delete.prev_kv,
    }
}

pub fn txn(txn: &crate::history::Txn) -> pb::TxnRequest {
    pb::TxnRequest {
        compare: txn.compares.iter().map(compare).collect(),
        success: txn.success.iter().filter_map(operation).collect(),
        failure: txn.failure.iter().filter_map(operation).collect(),
    }
}

fn operation(request: &Request) -> Option<pb::RequestOp> {
    use pb::request_op::Request as Op;
    let op = match request {
        Request::Range(one) => Op::RequestRange(range(one)),
        Request::Put(one) => Op::RequestPut(put(one)),
        Request::Delete(one) => Op::RequestDeleteRange(delete(one)),
        _ => return None,
    };
    Some(pb::RequestOp { request: Some(op) })
}

fn compare(compare: &Compare) -> pb::Compare {
    use pb::compare::{CompareResult, CompareTarget, TargetUnion};
    let (target, union) = match &compare.target {
        Target::ModRevision(it) => (CompareTarget::Mod, TargetUnion::ModRevision(*it)),
        Target::CreateRevision(it) => (CompareTarget::Create, TargetUnion::CreateRevision(*it)),
        Target::Version(it) => (CompareTarget::Version, TargetUnion::Version(*it)),
        Target::Value(it) => (CompareTarget::Value, TargetUnion::Value(bytes(it))),
    };
    pb::Compare {
        result: CompareResult::Equal.into(),
        target: target.into(),
        key: bytes(&compare.key),
        target_union: Some(union),
        ..Default::default()
    }
}

pub fn kv(kv: &KeyValue) -> Kv {
    Kv {
        key: text(&kv.key),
        value: text(&kv.value),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

pub fn range_response(response: &pb::RangeResponse) -> Response {
    let kvs = response.kvs.iter().map(kv).collect();
    Response::Range { kvs, more: response.more, count: response.count }
}

pub fn put_response(response: &pb::PutResponse) -> Response {
    Response::Put { prev: response.prev_kv.as_ref().map(kv) }
}

pub fn delete_response(response: &pb::DeleteRangeResponse) -> Response {
    let prev = response.prev_kvs.iter().map(kv).collect();
    Response::Delete { deleted: response.deleted, prev }
}

pub fn txn_response(response: &pb::TxnResponse) -> Response {
    use pb::response_op::Response as Op;
    let responses = response.responses.iter().filter_map(|op| match op.response.as_ref()? {
        Op::ResponseRange(one) => Some(range_response(one)),
        Op::ResponsePut(one) => Some(put_response(one)),
        Op::ResponseDeleteRange(one) => Some(delete_response(one)),
        Op::ResponseTxn(_) => None,
    });
    Response::Txn { succeeded: response.succeeded, responses: responses.collect() }
}

pub fn watch_create(request: &WatchRequest, id: i64) -> pb::WatchRequest {
    use pb::watch_create_request::FilterType;
    let mut filters = Vec::new();
    if request.no_put {
        filters.push(FilterType::Noput.into());
    }
    if request.no_delete {
        filters.push(FilterType::Nodelete.into());
    }
    let create = pb::WatchCreateRequest {
        key: bytes(&request.key),
        range_end: bytes(&request.end),
        start_revision: request.start_revision,
        prev_kv: request.prev_kv,
        watch_id: id,
        filters,
        fragment: true,
        ..Default::default()
    };
    watch_message(pb::watch_request::RequestUnion::CreateRequest(create))
}

pub fn watch_progress() -> pb::WatchRequest {
    let request = pb::WatchProgressRequest {};
    watch_message(pb::watch_request::RequestUnion::ProgressRequest(request))
}

fn watch_message(union: pb::watch_request::RequestUnion) -> pb::WatchRequest {
    pb::WatchRequest { request_union: Some(union) }
}

pub fn event(event: &mvccpb::Event) -> Option<WatchEvent> {
    Some(WatchEvent {
        delete: event.r#type() == mvccpb::event::EventType::Delete,
        kv: event.kv.as_ref().map(kv)?,
        prev: event.prev_kv.as_ref().map(kv),
    })
}

/// What an error says of the fate of the request.
pub fn outcome(status: &Status) -> Outcome {
    let message = status.message();
    let known = [
        ("required revision has been compacted", Failure::Compacted),
        ("required revision is a future revision", Failure::FutureRevision),
        ("requested lease not found", Failure::LeaseNotFound),
        ("lease already exists", Failure::LeaseExists),
        ("database space exceeded", Failure::NoSpace),
    ];
    if let Some((_, failure)) = known.into_iter().find(|(text, _)| message.contains(text)) {
        return Outcome::Failed(failure);
    }
    let refused = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::OutOfRange
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::Unimplemented
    );
    if refused {
        return Outcome::Failed(Failure::Other(message.to_owned()));
    }
    if never_sent(status) {
        return Outcome::Failed(Failure::Other("not connected".to_owned()));
    }
    Outcome::Unknown(format!("{:?}: {message}", status.code()))
}

/// True if no connection came about, so that the request never left.
fn never_sent(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
