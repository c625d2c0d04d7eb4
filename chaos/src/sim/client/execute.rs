//! One request at a replica, as a server would do it for a client, and its answer in the terms of
//! a history.

use crate::history::{
    Compare, Delete, Failure, Kv, Outcome, Put, Range, Request, Response, Target,
};
use bytes::Bytes;
use std::sync::Arc;
use xebec_raft::Replica;
use xebec_raft::errors::{LeaseError, ProposeError, ReadIndexError};
use xebec_store::command::{self, Body, KeyRange};
use xebec_store::kv::KeyValue;
use xebec_store::{ApplyError, OpResponse};

/// How a client sends its request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// A planted bug: linearizable reads that do not ask the leader.
    pub skip_read_index: bool,
}

/// Does one request at a replica, as a server would for a client.
pub async fn execute(replica: &Replica, request: &Request, manner: Manner) -> Outcome {
    match request {
        Request::Range(range) => read(replica, range, manner).await,
        Request::LeaseKeepAlive { lease } => keep_alive(replica, *lease).await,
        _ => {
            let body = body_of(request);
            match replica.propose(body).await {
                Ok(outcome) => match outcome.result {
                    Ok(response) => {
                        Outcome::Ok { revision: outcome.revision, response: response_of(&response) }
                    }
                    Err(error) => Outcome::Failed(failure_of(error)),
                },
                Err(error) => propose_error(&error),
            }
        }
    }
}

async fn read(replica: &Replica, range: &Range, manner: Manner) -> Outcome {
    if !range.serializable
        && !manner.skip_read_index
        && let Err(error) = replica.read_index().await
    {
        return read_error(&error);
    }
    let view = replica.store().view();
    let query = range_query(range);
    match view.range(&query) {
        Ok(result) => Outcome::Ok {
            revision: view.revision(),
            response: Response::Range {
                kvs: result.kvs.iter().map(|kv| kv_of(kv)).collect(),
                more: result.more,
                count: result.count,
            },
        },
        Err(xebec_store::ReadError::Compacted) => Outcome::Failed(Failure::Compacted),
        Err(xebec_store::ReadError::FutureRevision) => Outcome::Failed(Failure::FutureRevision),
        Err(error) => Outcome::Failed(Failure::Other(error.to_string())),
    }
}

async fn keep_alive(replica: &Replica, lease: i64) -> Outcome {
    match replica.lease_keep_alive(lease).await {
        Ok(ttl_s) => Outcome::Ok {
            revision: replica.store().view().revision(),
            response: Response::LeaseKeepAlive { ttl_s },
        },
        Err(LeaseError::NotFound) => Outcome::Failed(Failure::LeaseNotFound),
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}

fn propose_error(error: &ProposeError) -> Outcome {
    match error {
        // These say that nothing was proposed.
        ProposeError::TooManyRequests | ProposeError::TooLarge | ProposeError::NoLeader => {
            Outcome::Failed(Failure::Other(error.to_string()))
        }
        _ => Outcome::Unknown(error.to_string()),
    }
}

fn read_error(error: &ReadIndexError) -> Outcome {
    Outcome::Failed(Failure::Other(error.to_string()))
}

fn failure_of(error: ApplyError) -> Failure {
    match error {
        ApplyError::Compacted => Failure::Compacted,
        ApplyError::FutureRevision => Failure::FutureRevision,
        ApplyError::LeaseNotFound => Failure::LeaseNotFound,
        ApplyError::LeaseExists => Failure::LeaseExists,
        ApplyError::NoSpace => Failure::NoSpace,
        other => Failure::Other(other.to_string()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn kv_of(kv: &KeyValue) -> Kv {
    Kv {
        key: text(&kv.key),
        value: text(&kv.value),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

fn kvs_of(kvs: &[Arc<KeyValue>]) -> Vec<Kv> {
    kvs.iter().map(|kv| kv_of(kv)).collect()
}

fn response_of(response: &xebec_store::Response) -> Response {
    match response {
        xebec_store::Response::Put { prev } => Response::Put { prev: prev.as_deref().map(kv_of) },
        xebec_store::Response::DeleteRange { deleted, prev_kvs } => {
            Response::Delete { deleted: *deleted, prev: kvs_of(prev_kvs) }
        }
        xebec_store::Response::Txn(txn) => Response::Txn {
            succeeded: txn.succeeded,
            responses: txn.responses.iter().map(op_response_of).collect(),
        },
        xebec_store::Response::LeaseGrant { id, ttl_s } => {
            Response::LeaseGrant { lease: *id, ttl_s: *ttl_s }
        }
        xebec_store::Response::LeaseRevoke => Response::LeaseRevoke,
        _ => Response::Compact,
    }
}

fn op_response_of(response: &OpResponse) -> Response {
    match response {
        OpResponse::Range { result, .. } => {
            Response::Range { kvs: kvs_of(&result.kvs), more: result.more, count: result.count }
        }
        OpResponse::Put { prev, .. } => Response::Put { prev: prev.as_deref().map(kv_of) },
        OpResponse::DeleteRange { deleted, prev_kvs, .. } => {
            Response::Delete { deleted: *deleted, prev: kvs_of(prev_kvs) }
        }
        OpResponse::Txn(txn) => Response::Txn {
            succeeded: txn.succeeded,
            responses: txn.responses.iter().map(op_response_of).collect(),
        },
        OpResponse::Empty => Response::Compact,
    }
}

fn bytes_of(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn key_range(key: &str, end: &str) -> KeyRange {
    KeyRange { key: bytes_of(key), end: bytes_of(end) }
}

fn range_query(range: &Range) -> command::Range {
    command::Range {
        range: key_range(&range.key, &range.end),
        limit: range.limit,
        revision: range.revision,
        ..Default::default()
    }
}

fn put_of(put: &Put) -> command::Put {
    command::Put {
        key: bytes_of(&put.key),
        value: bytes_of(&put.value),
        lease: put.lease,
        prev_kv: put.prev_kv,
        ..Default::default()
    }
}

fn delete_of(delete: &Delete) -> command::DeleteRange {
    command::DeleteRange { range: key_range(&delete.key, &delete.end), prev_kv: delete.prev_kv }
}

fn body_of(request: &Request) -> Body {
    match request {
        Request::Put(put) => Body::Put(put_of(put)),
        Request::Delete(delete) => Body::DeleteRange(delete_of(delete)),
        Request::Txn(txn) => Body::Txn(command::Txn {
            compares: txn.compares.iter().map(compare_of).collect(),
            success: txn.success.iter().map(op_of).collect(),
            failure: txn.failure.iter().map(op_of).collect(),
        }),
        Request::LeaseGrant { lease, ttl_s } => {
            Body::LeaseGrant(command::LeaseGrant { id: *lease, ttl_s: *ttl_s })
        }
        Request::LeaseRevoke { lease } => Body::LeaseRevoke(command::LeaseRevoke { id: *lease }),
        Request::Compact { revision } => Body::Compact(command::Compact { revision: *revision }),
        Request::Range(_) | Request::LeaseKeepAlive { .. } => {
            unreachable!("reads and renewals are not proposed")
        }
    }
}

fn op_of(request: &Request) -> command::Op {
    let kind = match request {
        Request::Range(range) => command::OpKind::Range(range_query(range)),
        Request::Put(put) => command::OpKind::Put(put_of(put)),
        Request::Delete(delete) => command::OpKind::DeleteRange(delete_of(delete)),
        other => unreachable!("{other:?} does not stand in a transaction"),
    };
    command::Op { kind: Some(kind) }
}

fn compare_of(compare: &Compare) -> command::Compare {
    let target = match &compare.target {
        Target::ModRevision(revision) => command::CompareTarget::Mod(*revision),
        Target::CreateRevision(revision) => command::CompareTarget::Create(*revision),
        Target::Version(version) => command::CompareTarget::Version(*version),
        Target::Value(value) => command::CompareTarget::Value(bytes_of(value)),
    };
    command::Compare {
        range: key_range(&compare.key, ""),
        result: command::CompareResult::Equal as i32,
        target: Some(target),
    }
}
