//! Between the messages of the API and the commands and outcomes of the store.

use super::proto::etcdserverpb as pb;
use pb::compare::{CompareTarget, TargetUnion};
use pb::{request_op::Request, response_op::Response};
use std::sync::Arc;
use xebec_store::command::{self, KeyRange, Op, OpKind};
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::{OpResponse, RangeResult, TxnResponse};

pub fn range(request: pb::RangeRequest) -> command::Range {
    command::Range {
        range: KeyRange { key: request.key, end: request.range_end },
        limit: request.limit,
        revision: request.revision,
        sort_order: request.sort_order,
        sort_target: request.sort_target,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    }
}

pub fn put(request: pb::PutRequest) -> command::Put {
    command::Put {
        key: request.key,
        value: request.value,
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

pub fn delete_range(request: pb::DeleteRangeRequest) -> command::DeleteRange {
    let range = KeyRange { key: request.key, end: request.range_end };
    command::DeleteRange { range, prev_kv: request.prev_kv }
}

pub fn txn(request: pb::TxnRequest) -> command::Txn {
    let ops = |ops: Vec<pb::RequestOp>| ops.into_iter().map(op).collect();
    command::Txn {
        compares: request.compare.into_iter().map(compare).collect(),
        success: ops(request.success),
        failure: ops(request.failure),
    }
}

fn op(op: pb::RequestOp) -> Op {
    let kind = op.request.map(|request| match request {
        Request::RequestRange(request) => OpKind::Range(range(request)),
        Request::RequestPut(request) => OpKind::Put(put(request)),
        Request::RequestDeleteRange(request) => OpKind::DeleteRange(delete_range(request)),
        Request::RequestTxn(request) => OpKind::Txn(txn(request)),
    });
    Op { kind }
}

/// The target names the field that counts; a value given for another field counts as none.
fn compare(compare: pb::Compare) -> command::Compare {
    use command::CompareTarget as To;
    let target = CompareTarget::try_from(compare.target).unwrap_or(CompareTarget::Version);
    let target = match (target, compare.target_union) {
        (CompareTarget::Version, Some(TargetUnion::Version(version))) => To::Version(version),
        (CompareTarget::Version, _) => To::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(at))) => To::Create(at),
        (CompareTarget::Create, _) => To::Create(0),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(at))) => To::Mod(at),
        (CompareTarget::Mod, _) => To::Mod(0),
        (CompareTarget::Value, Some(TargetUnion::Value(value))) => To::Value(value),
        (CompareTarget::Value, _) => To::Value(bytes::Bytes::new()),
        (CompareTarget::Lease, Some(TargetUnion::Lease(lease))) => To::Lease(lease),
        (CompareTarget::Lease, _) => To::Lease(0),
    };
    command::Compare {
        range: KeyRange { key: compare.key, end: compare.range_end },
        result: compare.result,
        target: Some(target),
    }
}

/// Messages own their key-value pairs; the bytes stay shared.
pub fn owned(kv: Arc<KeyValue>) -> KeyValue {
    Arc::unwrap_or_clone(kv)
}

pub fn owned_all(kvs: Vec<Arc<KeyValue>>) -> Vec<KeyValue> {
    kvs.into_iter().map(owned).collect()
}

/// Inner responses have headers with a revision and nothing else, as etcd's.
fn inner_header(revision: Revision) -> Option<pb::ResponseHeader> {
    Some(pb::ResponseHeader { revision, ..Default::default() })
}

pub fn txn_response(header: pb::ResponseHeader, response: TxnResponse) -> pb::TxnResponse {
    pb::TxnResponse {
        header: Some(header),
        succeeded: response.succeeded,
        responses: response.responses.into_iter().map(op_response).collect(),
    }
}

fn op_response(response: OpResponse) -> pb::ResponseOp {
    let response = match response {
        OpResponse::Range { revision, result } => {
            let RangeResult { kvs, more, count } = result;
            let header = inner_header(revision);
            let kvs = owned_all(kvs);
            Some(Response::ResponseRange(pb::RangeResponse { header, kvs, more, count }))
        }
        OpResponse::Put { revision, prev } => {
            let header = inner_header(revision);
            Some(Response::ResponsePut(pb::PutResponse { header, prev_kv: prev.map(owned) }))
        }
        OpResponse::DeleteRange { revision, deleted, prev_kvs } => {
            let header = inner_header(revision);
            let prev_kvs = owned_all(prev_kvs);
            let response = pb::DeleteRangeResponse { header, deleted, prev_kvs };
            Some(Response::ResponseDeleteRange(response))
        }
        OpResponse::Txn(inner) => {
            Some(Response::ResponseTxn(txn_response(pb::ResponseHeader::default(), inner)))
        }
        OpResponse::Empty => None,
    };
    pb::ResponseOp { response }
}

pub fn member(member: xebec_raft::Member) -> pb::Member {
    pb::Member {
        id: member.id,
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        is_learner: member.is_learner,
    }
}

pub fn members(members: Vec<xebec_raft::Member>) -> Vec<pb::Member> {
    members.into_iter().map(member).collect()
}
