//! From a batch of commands to effects.

use super::change::Change;
use super::{Effects, State, intervals};
use crate::command::{AlarmKind, Body, Command, CommandBatch, Compact, Op, OpKind, Txn};
use crate::disk::{META, compact};
use crate::engine::EngineError;
use crate::outcome::{ApplyError, Outcome, RangeResult, Response};
use crate::view::ReadError;

/// Reads at revisions that are no longer in memory: the one thing that applying takes from
/// outside.
pub trait Past {
    /// Answers a range at `range.revision`, which is on disk and not compacted.
    fn range(&self, range: &crate::command::Range) -> Result<RangeResult, ReadError>;
}

/// For callers without a disk.
#[derive(Debug, Clone, Copy)]
pub struct NoPast;

impl Past for NoPast {
    fn range(&self, _range: &crate::command::Range) -> Result<RangeResult, ReadError> {
        Err(ReadError::Compacted)
    }
}

/// Why a command stopped short.
pub(super) enum Stop {
    /// By the rules: the command changes nothing, on any replica.
    Refused(ApplyError),
    /// The disk failed, or the command is not understood: this replica cannot go on.
    Fault(EngineError),
}

impl From<ApplyError> for Stop {
    fn from(error: ApplyError) -> Self {
        Stop::Refused(error)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Compacted => Stop::Refused(ApplyError::Compacted),
            ReadError::FutureRevision => Stop::Refused(ApplyError::FutureRevision),
            ReadError::Engine(error) => Stop::Fault(error),
        }
    }
}

impl State {
    /// Applies one batch and adds to `effects` what follows from it. Outcomes are made for the
    /// commands of `member`, and only for those are the reads of a transaction carried out. After
    /// an error the state is worthless.
    pub fn apply(
        &mut self,
        batch: &CommandBatch,
        member: u64,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<(), EngineError> {
        self.time_ms = self.time_ms.max(batch.time_ms);
        for command in &batch.commands {
            let own = command.origin == member;
            let result = match self.command(command, own, past, effects) {
                Ok(response) => Ok(response),
                Err(Stop::Refused(error)) => Err(error),
                Err(Stop::Fault(error)) => return Err(error),
            };
            if own {
                let (origin, id, revision) = (command.origin, command.id, self.revision);
                effects.outcomes.push(Outcome { origin, id, revision, result });
            }
        }
        Ok(())
    }

    fn command(
        &mut self,
        command: &Command,
        own: bool,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<Response, Stop> {
        let Some(body) = &command.body else {
            // A command of a later version: to skip it would make this replica differ.
            let message = "a command in the log is of a kind that this build does not know";
            return Err(Stop::Fault(EngineError::Corrupt { message: message.into() }));
        };
        self.check_alarms(body)?;
        let mut change = Change::begin(self, effects, past, own);
        let response = change.run(body);
        assert!(response.is_ok() || change.is_empty(), "a command that fails changes nothing");
        change.finish();
        response
    }

    /// What the alarms that stand refuse, as etcd's corrupt and capped appliers do.
    fn check_alarms(&self, body: &Body) -> Result<(), ApplyError> {
        if self.alarms.is_empty() || matches!(body, Body::Alarm(_)) {
            return Ok(());
        }
        if self.has_alarm(AlarmKind::Corrupt) {
            return Err(ApplyError::CorruptCluster);
        }
        let grows = match body {
            Body::Put(_) | Body::LeaseGrant(_) => true,
            Body::Txn(txn) => puts(txn),
            _ => false,
        };
        if grows && self.has_alarm(AlarmKind::NoSpace) {
            return Err(ApplyError::NoSpace);
        }
        Ok(())
    }
}

/// True if either branch may put.
fn puts(txn: &Txn) -> bool {
    let grows = |op: &Op| match &op.kind {
        Some(OpKind::Put(_)) => true,
        Some(OpKind::Txn(txn)) => puts(txn),
        _ => false,
    };
    txn.success.iter().any(grows) || txn.failure.iter().any(grows)
}

impl Change<'_> {
    fn run(&mut self, body: &Body) -> Result<Response, Stop> {
        Ok(match body {
            Body::Put(put) => {
                self.check_put(put)?;
                let prev = self.put(put);
                Response::Put { prev: prev.filter(|_| put.prev_kv) }
            }
            Body::DeleteRange(delete) => {
                let (deleted, prev_kvs) = self.delete_range(delete);
                Response::DeleteRange { deleted, prev_kvs }
            }
            Body::Txn(txn) => {
                intervals::check_txn(txn)?;
                Response::Txn(self.txn(txn)?)
            }
            Body::Compact(compact) => self.compact(compact)?,
            Body::LeaseGrant(grant) => {
                let ttl_s = self.lease_grant(grant)?;
                Response::LeaseGrant { id: grant.id, ttl_s }
            }
            Body::LeaseRevoke(revoke) => {
                self.lease_revoke(revoke)?;
                Response::LeaseRevoke
            }
            Body::Alarm(alarm) => Response::Alarm { alarms: self.alarm(alarm) },
        })
    }

    fn compact(&mut self, command: &Compact) -> Result<Response, ApplyError> {
        if command.revision <= self.state.compact_revision {
            return Err(ApplyError::Compacted);
        }
        if command.revision > self.state.revision {
            return Err(ApplyError::FutureRevision);
        }
        self.state.compact_revision = command.revision;
        self.effects.batch.put(META, compact::KEY, compact::ser_compact(command.revision));
        Ok(Response::Compact)
    }
}
