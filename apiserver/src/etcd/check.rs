//! What is refused before it is proposed, as etcd's `v3rpc` refuses it: every command in the log
//! is well-formed.

use super::errors::{self, EtcdError};
use super::limits::{REQUEST_BYTES_MAX, TXN_DEPTH_MAX, TXN_OPS_MAX, TXN_OPS_TOTAL_MAX};
use super::proto::etcdserverpb::compare::{CompareResult, CompareTarget};
use super::proto::etcdserverpb::range_request::{SortOrder, SortTarget};
use super::proto::etcdserverpb::request_op::Request;
use super::proto::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};
use prost::Message;
use std::collections::HashSet;

type Checked = Result<(), EtcdError>;

pub fn range(request: &RangeRequest) -> Checked {
    key(&request.key)?;
    let order = SortOrder::try_from(request.sort_order);
    let target = SortTarget::try_from(request.sort_target);
    if order.is_err() || target.is_err() {
        return Err(errors::INVALID_SORT_OPTION);
    }
    Ok(())
}

pub fn put(request: &PutRequest) -> Checked {
    key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(errors::VALUE_PROVIDED);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(errors::LEASE_PROVIDED);
    }
    Ok(())
}

pub fn delete_range(request: &DeleteRangeRequest) -> Checked {
    key(&request.key)
}

pub fn txn(request: &TxnRequest) -> Checked {
    if ops_total(request, 0)? > TXN_OPS_TOTAL_MAX {
        return Err(errors::TOO_MANY_OPS);
    }
    txn_level(request, TXN_OPS_MAX)?;
    changes(&request.success)?;
    changes(&request.failure)?;
    Ok(())
}

/// The size of a write is limited; that of a read is limited by what the wire takes.
pub fn size(request: &impl Message) -> Checked {
    if request.encoded_len() > REQUEST_BYTES_MAX {
        return Err(errors::REQUEST_TOO_LARGE);
    }
    Ok(())
}

/// True if nothing in the transaction can change a key.
pub fn is_read_only(request: &TxnRequest) -> bool {
    operations(request).all(|op| match &op.request {
        Some(Request::RequestPut(_) | Request::RequestDeleteRange(_)) => false,
        Some(Request::RequestTxn(inner)) => is_read_only(inner),
        Some(Request::RequestRange(_)) | None => true,
    })
}

/// True if every range of a read-only transaction may be answered from the local keyspace.
pub fn is_serializable(request: &TxnRequest) -> bool {
    operations(request).all(|op| match &op.request {
        Some(Request::RequestRange(range)) => range.serializable,
        Some(Request::RequestTxn(inner)) => is_serializable(inner),
        _ => true,
    })
}

fn operations(request: &TxnRequest) -> impl Iterator<Item = &RequestOp> {
    request.success.iter().chain(&request.failure)
}

fn key(key: &[u8]) -> Checked {
    if key.is_empty() { Err(errors::EMPTY_KEY) } else { Ok(()) }
}

fn compare(compare: &Compare) -> Checked {
    key(&compare.key)?;
    let result = CompareResult::try_from(compare.result);
    let target = CompareTarget::try_from(compare.target);
    if result.is_err() || target.is_err() {
        return Err(errors::INVALID_COMPARE);
    }
    Ok(())
}

/// Compares and operations at all levels.
fn ops_total(request: &TxnRequest, depth: usize) -> Result<usize, EtcdError> {
    if depth >= TXN_DEPTH_MAX {
        return Err(errors::TOO_MANY_OPS);
    }
    let own = request.compare.len() + request.success.len() + request.failure.len();
    operations(request).try_fold(own, |sum, op| match &op.request {
        Some(Request::RequestTxn(inner)) => Ok(sum + ops_total(inner, depth + 1)?),
        _ => Ok(sum),
    })
}

fn txn_level(request: &TxnRequest, ops_max: usize) -> Checked {
    let ops = request.compare.len().max(request.success.len()).max(request.failure.len());
    if ops > ops_max {
        return Err(errors::TOO_MANY_OPS);
    }
    request.compare.iter().try_for_each(compare)?;
    operations(request).try_for_each(|op| match &op.request {
        Some(Request::RequestRange(request)) => range(request),
        Some(Request::RequestPut(request)) => put(request),
        Some(Request::RequestDeleteRange(request)) => delete_range(request),
        Some(Request::RequestTxn(request)) => txn_level(request, ops_max - ops),
        None => Err(errors::KEY_NOT_FOUND),
    })
}

/// What one branch may change. Within a revision no key may change twice.
#[derive(Default)]
struct Changes<'a> {
    puts: HashSet<&'a [u8]>,
    deletes: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Changes<'a> {
    fn deletes_key(&self, key: &[u8]) -> bool {
        self.deletes.iter().any(|(from, end)| match *end {
            [] => key == *from,
            [0] => key >= *from,
            end => key >= *from && key < end,
        })
    }

    /// `others`: puts that cannot run together with this one.
    fn put(&mut self, key: &'a [u8], others: &HashSet<&'a [u8]>) -> Checked {
        let new = self.puts.insert(key);
        if self.deletes_key(key) || !(new || others.contains(key)) {
            return Err(errors::DUPLICATE_KEY);
        }
        Ok(())
    }

    /// Adds a nested transaction, of which one branch runs.
    fn nested(&mut self, success: Changes<'a>, failure: Changes<'a>) -> Checked {
        let none = HashSet::new();
        success.puts.iter().try_for_each(|key| self.put(key, &none))?;
        failure.puts.iter().try_for_each(|key| self.put(key, &success.puts))?;
        self.deletes.extend(success.deletes);
        self.deletes.extend(failure.deletes);
        Ok(())
    }
}

fn changes(ops: &[RequestOp]) -> Result<Changes<'_>, EtcdError> {
    let mut all = Changes::default();
    for op in ops {
        if let Some(Request::RequestDeleteRange(request)) = &op.request {
            all.deletes.push((&request.key, &request.range_end));
        }
    }
    for op in ops {
        if let Some(Request::RequestTxn(request)) = &op.request {
            all.nested(changes(&request.success)?, changes(&request.failure)?)?;
        }
    }
    let none = HashSet::new();
    for op in ops {
        if let Some(Request::RequestPut(request)) = &op.request {
            all.put(&request.key, &none)?;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn put_op(key: &'static str) -> RequestOp {
        let request = PutRequest { key: Bytes::from(key), ..Default::default() };
        RequestOp { request: Some(Request::RequestPut(request)) }
    }

    fn delete_op(key: &'static str, end: &'static str) -> RequestOp {
        let (key, range_end) = (Bytes::from(key), Bytes::from(end));
        let request = DeleteRangeRequest { key, range_end, prev_kv: false };
        RequestOp { request: Some(Request::RequestDeleteRange(request)) }
    }

    fn range_op(key: &'static str, serializable: bool) -> RequestOp {
        let request = RangeRequest { key: Bytes::from(key), serializable, ..Default::default() };
        RequestOp { request: Some(Request::RequestRange(request)) }
    }

    fn txn_op(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> RequestOp {
        let request = TxnRequest { compare: vec![], success, failure };
        RequestOp { request: Some(Request::RequestTxn(request)) }
    }

    fn branch(success: Vec<RequestOp>) -> Checked {
        txn(&TxnRequest { compare: vec![], success, failure: vec![] })
    }

    #[test]
    fn keys_are_required_at_every_level() {
        assert_eq!(branch(vec![put_op("")]), Err(errors::EMPTY_KEY));
        assert_eq!(branch(vec![txn_op(vec![], vec![range_op("", false)])]), Err(errors::EMPTY_KEY));
        let compare = vec![Compare::default()];
        let request = TxnRequest { compare, ..Default::default() };
        assert_eq!(txn(&request), Err(errors::EMPTY_KEY));
        let compare = vec![Compare { key: Bytes::from("a"), target: 5, ..Default::default() }];
        let request = TxnRequest { compare, ..Default::default() };
        assert_eq!(txn(&request), Err(errors::INVALID_COMPARE));
        assert_eq!(branch(vec![RequestOp { request: None }]), Err(errors::KEY_NOT_FOUND));
    }

    #[test]
    fn flags_of_a_put_exclude_what_they_ignore() {
        let key = Bytes::from("a");
        let value = PutRequest {
            key: key.clone(),
            value: Bytes::from("v"),
            ignore_value: true,
            ..Default::default()
        };
        assert_eq!(put(&value), Err(errors::VALUE_PROVIDED));
        let lease = PutRequest { key, lease: 1, ignore_lease: true, ..Default::default() };
        assert_eq!(put(&lease), Err(errors::LEASE_PROVIDED));
    }

    #[test]
    fn sort_options_must_exist() {
        let request = RangeRequest { key: Bytes::from("a"), ..Default::default() };
        assert_eq!(range(&request), Ok(()));
        let order = RangeRequest { sort_order: 3, ..request.clone() };
        assert_eq!(range(&order), Err(errors::INVALID_SORT_OPTION));
        let target = RangeRequest { sort_target: -1, ..request };
        assert_eq!(range(&target), Err(errors::INVALID_SORT_OPTION));
    }

    #[test]
    fn no_key_changes_twice() {
        let duplicate = Err(errors::DUPLICATE_KEY);
        assert_eq!(branch(vec![put_op("a"), put_op("b")]), Ok(()));
        assert_eq!(branch(vec![put_op("a"), put_op("a")]), duplicate);
        assert_eq!(branch(vec![delete_op("a", "c"), put_op("b")]), duplicate);
        assert_eq!(branch(vec![put_op("b"), delete_op("a", "\0")]), duplicate);
        assert_eq!(branch(vec![put_op("c"), delete_op("a", "c")]), Ok(()));
        assert_eq!(branch(vec![delete_op("a", "c"), delete_op("b", "d")]), Ok(()));
        let both = txn_op(vec![put_op("a")], vec![put_op("a")]);
        assert_eq!(branch(vec![both.clone()]), Ok(()), "only one branch runs");
        assert_eq!(branch(vec![both.clone(), put_op("a")]), duplicate);
        assert_eq!(branch(vec![both.clone(), both]), duplicate);
        let nested = txn_op(vec![delete_op("a", "c")], vec![]);
        assert_eq!(branch(vec![nested, put_op("b")]), duplicate);
    }

    #[test]
    fn operations_are_limited_at_each_level_and_in_all() {
        let many = |count: usize| vec![range_op("a", false); count];
        assert_eq!(branch(many(TXN_OPS_MAX)), Ok(()));
        assert_eq!(branch(many(TXN_OPS_MAX + 1)), Err(errors::TOO_MANY_OPS));
        let mut ops = many(100);
        ops.push(txn_op(many(TXN_OPS_MAX - 101), vec![]));
        assert_eq!(branch(ops.clone()), Ok(()));
        ops.push(txn_op(many(TXN_OPS_MAX - 101), vec![]));
        assert_eq!(branch(ops), Err(errors::TOO_MANY_OPS));
        let wide: Vec<RequestOp> = (0..40).map(|_| txn_op(many(40), vec![])).collect();
        assert_eq!(branch(wide), Err(errors::TOO_MANY_OPS), "1,640 in all");
    }

    #[test]
    fn nesting_is_limited() {
        let deep = |levels: usize| {
            (0..levels).fold(range_op("a", false), |inner, _| txn_op(vec![inner], vec![]))
        };
        assert_eq!(branch(vec![deep(TXN_DEPTH_MAX - 1)]), Ok(()));
        assert_eq!(branch(vec![deep(TXN_DEPTH_MAX)]), Err(errors::TOO_MANY_OPS));
    }

    #[test]
    fn reads_are_told_from_writes() {
        let local = TxnRequest { success: vec![range_op("a", true)], ..Default::default() };
        assert!(is_read_only(&local) && is_serializable(&local));
        let nested = vec![txn_op(vec![range_op("a", false)], vec![])];
        let consistent = TxnRequest { failure: nested, ..local.clone() };
        assert!(is_read_only(&consistent) && !is_serializable(&consistent));
        let nested = vec![txn_op(vec![], vec![put_op("a")])];
        assert!(!is_read_only(&TxnRequest { success: nested, ..local }));
    }

    #[test]
    fn a_write_may_be_as_large_as_the_limit() {
        let request = |len: usize| PutRequest {
            key: Bytes::from("a"),
            value: Bytes::from(vec![0; len]),
            ..Default::default()
        };
        let overhead = request(REQUEST_BYTES_MAX - 100).encoded_len() - (REQUEST_BYTES_MAX - 100);
        assert_eq!(size(&request(REQUEST_BYTES_MAX - overhead)), Ok(()));
        let over = request(REQUEST_BYTES_MAX - overhead + 1);
        assert_eq!(size(&over), Err(errors::REQUEST_TOO_LARGE));
    }
}
