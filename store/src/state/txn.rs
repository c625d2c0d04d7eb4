//! Transactions: choose every branch, check every operation, then run, as etcd does.

use super::apply::Stop;
use super::change::Change;
use super::compare::holds;
use crate::command::{Op, OpKind, Range, Txn};
use crate::outcome::{ApplyError, OpResponse, RangeResult, TxnResponse};

impl Change<'_> {
    /// Runs a transaction. All compares, of nested transactions too, see the state before it.
    pub(super) fn txn(&mut self, txn: &Txn) -> Result<TxnResponse, Stop> {
        let mut path = Vec::with_capacity(1);
        self.choose(txn, &mut path);
        self.check(txn, &mut path.iter())?;
        self.execute(txn, &mut path.iter())
    }

    /// Appends which branch runs: of this transaction, then of those nested in that branch.
    fn choose(&self, txn: &Txn, path: &mut Vec<bool>) {
        let succeeded = txn.compares.iter().all(|compare| holds(&self.state.map, compare));
        path.push(succeeded);
        for op in branch(txn, succeeded) {
            if let Some(OpKind::Txn(nested)) = &op.kind {
                self.choose(nested, path);
            }
        }
    }

    /// Finds every reason to refuse before anything changes.
    fn check(&self, txn: &Txn, path: &mut std::slice::Iter<'_, bool>) -> Result<(), ApplyError> {
        for op in branch(txn, next(path)) {
            match &op.kind {
                Some(OpKind::Range(range)) => self.check_range(range)?,
                Some(OpKind::Put(put)) => self.check_put(put)?,
                Some(OpKind::Txn(nested)) => self.check(nested, path)?,
                Some(OpKind::DeleteRange(_)) | None => {}
            }
        }
        Ok(())
    }

    fn check_range(&self, range: &Range) -> Result<(), ApplyError> {
        match range.revision {
            0 => Ok(()),
            at if at > self.state.revision => Err(ApplyError::FutureRevision),
            at if at < self.state.compact_revision => Err(ApplyError::Compacted),
            _ => Ok(()),
        }
    }

    fn execute(
        &mut self,
        txn: &Txn,
        path: &mut std::slice::Iter<'_, bool>,
    ) -> Result<TxnResponse, Stop> {
        let succeeded = next(path);
        let ops = branch(txn, succeeded);
        let mut responses = Vec::with_capacity(ops.len());
        for op in ops {
            responses.push(match &op.kind {
                Some(OpKind::Range(range)) => {
                    let result = if self.own { self.range(range)? } else { RangeResult::default() };
                    OpResponse::Range { revision: self.revision(), result }
                }
                Some(OpKind::Put(put)) => {
                    let prev = self.put(put).filter(|_| put.prev_kv);
                    OpResponse::Put { revision: self.revision(), prev }
                }
                Some(OpKind::DeleteRange(delete)) => {
                    let (deleted, prev_kvs) = self.delete_range(delete);
                    OpResponse::DeleteRange { revision: self.revision(), deleted, prev_kvs }
                }
                Some(OpKind::Txn(nested)) => OpResponse::Txn(self.execute(nested, path)?),
                None => OpResponse::Empty,
            });
        }
        Ok(TxnResponse { succeeded, responses })
    }
}

fn branch(txn: &Txn, succeeded: bool) -> &[Op] {
    if succeeded { &txn.success } else { &txn.failure }
}

fn next(path: &mut std::slice::Iter<'_, bool>) -> bool {
    *path.next().expect("a branch was chosen for every transaction that runs")
}
