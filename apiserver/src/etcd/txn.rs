//! Transactions that only read: evaluated on a view, without a trip through the log.

use std::cmp::Ordering;
use xebec_store::command::{Compare, CompareResult, CompareTarget, Op, OpKind, Range, Txn};
use xebec_store::kv::KeyValue;
use xebec_store::{OpResponse, ReadError, TxnResponse, View};

/// What the transaction answers at the view's revision. It holds no puts and no deletions; if it
/// does, they are left out.
pub fn evaluate(view: &View, txn: &Txn) -> Result<TxnResponse, ReadError> {
    let mut succeeded = true;
    for one in &txn.compares {
        succeeded = succeeded && holds(view, one)?;
    }
    let ops = if succeeded { &txn.success } else { &txn.failure };
    let responses = ops.iter().map(|op| answer(view, op)).collect::<Result<_, _>>()?;
    Ok(TxnResponse { succeeded, responses })
}

fn answer(view: &View, op: &Op) -> Result<OpResponse, ReadError> {
    Ok(match &op.kind {
        Some(OpKind::Range(range)) => {
            OpResponse::Range { revision: view.revision(), result: view.range(range)? }
        }
        Some(OpKind::Txn(inner)) => OpResponse::Txn(evaluate(view, inner)?),
        Some(OpKind::Put(_) | OpKind::DeleteRange(_)) | None => OpResponse::Empty,
    })
}

/// A compare of a range holds if it holds for every key in it. Without keys it is made with a key
/// that never was, except that nothing is compared to the value of no key.
fn holds(view: &View, compare: &Compare) -> Result<bool, ReadError> {
    let range = Range { range: compare.range.clone(), ..Range::default() };
    let kvs = view.range(&range)?.kvs;
    if kvs.is_empty() {
        let value = matches!(compare.target, Some(CompareTarget::Value(_)));
        return Ok(!value && holds_for(compare, &KeyValue::default()));
    }
    Ok(kvs.iter().all(|kv| holds_for(compare, kv)))
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    let order = match &compare.target {
        Some(CompareTarget::Version(version)) => kv.version.cmp(version),
        Some(CompareTarget::Create(revision)) => kv.create_revision.cmp(revision),
        Some(CompareTarget::Mod(revision)) => kv.mod_revision.cmp(revision),
        Some(CompareTarget::Value(value)) => kv.value.cmp(value),
        Some(CompareTarget::Lease(lease)) => kv.lease.cmp(lease),
        None => Ordering::Equal,
    };
    match compare.result() {
        CompareResult::Equal => order.is_eq(),
        CompareResult::NotEqual => order.is_ne(),
        CompareResult::Greater => order.is_gt(),
        CompareResult::Less => order.is_lt(),
    }
}
