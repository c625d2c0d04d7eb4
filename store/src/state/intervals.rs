//! The rule that a transaction changes no key twice, as etcd checks it.
//!
//! Both branches of every nested transaction count, since none is chosen yet. What etcd lets
//! pass, passes here: a deletion of all keys from one on conflicts with no put, and nor does a
//! put with a deletion in a later nested transaction beside it.

use crate::bounds::Bounds;
use crate::command::{Op, OpKind, Txn};
use crate::outcome::ApplyError;
use std::collections::HashSet;

/// Refuses a transaction that may change one key twice. It is applied in any case, but a server
/// spares the log a command that cannot succeed.
pub fn check_txn(txn: &Txn) -> Result<(), ApplyError> {
    for ops in [&txn.success, &txn.failure] {
        // The usual transaction has one change and cannot contradict itself.
        let simple = ops.len() < 2 && !ops.iter().any(|op| matches!(op.kind, Some(OpKind::Txn(_))));
        if !simple {
            Touched::of(ops)?;
        }
    }
    Ok(())
}

/// What a list of operations may change.
#[derive(Default)]
struct Touched<'a> {
    puts: HashSet<&'a [u8]>,
    deletions: Vec<Bounds<'a>>,
}

impl<'a> Touched<'a> {
    fn of(ops: &'a [Op]) -> Result<Self, ApplyError> {
        let mut touched = Touched::default();
        for op in ops {
            if let Some(OpKind::DeleteRange(delete)) = &op.kind {
                touched.deletions.push(Bounds::new(&delete.range));
            }
        }
        for op in ops {
            if let Some(OpKind::Txn(nested)) = &op.kind {
                touched.nest(nested)?;
            }
        }
        for op in ops {
            if let Some(OpKind::Put(put)) = &op.kind {
                touched.put(&put.key)?;
            }
        }
        Ok(touched)
    }

    fn nest(&mut self, nested: &'a Txn) -> Result<(), ApplyError> {
        let success = Touched::of(&nested.success)?;
        let failure = Touched::of(&nested.failure)?;
        for key in &success.puts {
            self.put(key)?;
        }
        for key in failure.puts {
            // The branches exclude each other: both may put the same key.
            if success.puts.contains(key) {
                continue;
            }
            self.put(key)?;
        }
        self.deletions.extend(success.deletions);
        self.deletions.extend(failure.deletions);
        Ok(())
    }

    fn put(&mut self, key: &'a [u8]) -> Result<(), ApplyError> {
        let deleted = self.deletions.iter().any(|deletion| match deletion {
            Bounds::From(_) => false,
            bounds => bounds.contains(key),
        });
        if deleted || !self.puts.insert(key) {
            return Err(ApplyError::DuplicateKey);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{DeleteRange, KeyRange, Put};

    fn put(key: &'static str) -> Op {
        Op { kind: Some(OpKind::Put(Put { key: key.into(), ..Put::default() })) }
    }

    fn delete(key: &'static str, end: &'static str) -> Op {
        let range = KeyRange { key: key.into(), end: end.into() };
        Op { kind: Some(OpKind::DeleteRange(DeleteRange { range, prev_kv: false })) }
    }

    fn nest(success: Vec<Op>, failure: Vec<Op>) -> Op {
        Op { kind: Some(OpKind::Txn(Txn { compares: Vec::new(), success, failure })) }
    }

    fn allowed(success: Vec<Op>) -> bool {
        check_txn(&Txn { compares: Vec::new(), success, failure: Vec::new() }).is_ok()
    }

    #[test]
    fn one_key_twice_is_refused() {
        assert!(allowed(vec![put("a"), put("b")]));
        assert!(!allowed(vec![put("a"), put("a")]));
        assert!(!allowed(vec![put("b"), delete("a", "c")]));
        assert!(!allowed(vec![delete("b", ""), put("b")]));
        assert!(allowed(vec![put("c"), delete("a", "c")]));
        assert!(allowed(vec![delete("a", "c"), delete("a", "c")]));
    }

    #[test]
    fn nested_transactions_count_with_both_branches() {
        assert!(!allowed(vec![put("a"), nest(vec![], vec![put("a")])]));
        assert!(!allowed(vec![put("a"), nest(vec![delete("a", "")], vec![])]));
        assert!(!allowed(vec![nest(vec![put("a")], vec![]), nest(vec![put("a")], vec![])]));
        assert!(allowed(vec![nest(vec![put("a")], vec![put("a")])]));
        assert!(allowed(vec![nest(vec![put("a")], vec![delete("a", "")])]));
    }

    #[test]
    fn what_etcd_overlooks_is_allowed() {
        assert!(allowed(vec![delete("a", "\0"), put("b")]));
        assert!(allowed(vec![nest(vec![put("a")], vec![]), nest(vec![delete("a", "")], vec![])]));
        assert!(!allowed(vec![nest(vec![delete("a", "")], vec![]), nest(vec![put("a")], vec![])]));
    }
}
