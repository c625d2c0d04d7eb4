//! [`Storage`]: objects in the keyspace. The one place of the Kubernetes API that speaks to the
//! replica.

use super::errors;
use super::expiry::Expiry;
use super::follow::Settled;
use super::object::Stored;
use bytes::Bytes;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_raft::Replica;
use xebec_store::command::{
    Body, Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, LeaseGrant, LeaseRevoke,
    Op, OpKind, Put, Range, Txn,
};
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::{ApplyError, OpResponse, Response, TxnResponse, View};

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// Done, at this revision.
    Done(Revision),
    /// Something else stands at the key now (nothing, if `None`).
    Changed(Option<Stored>),
}

/// One change of one key, made only if the key stands as expected.
#[derive(Debug, Clone)]
pub struct Change {
    pub key: String,
    /// The modification revision that the key must have; 0 for a key that must not exist.
    pub expected: Revision,
    /// The new value, or `None` to delete.
    pub value: Option<Bytes>,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Storage {
    replica: Replica,
    /// What writes must show in before they are acknowledged.
    settled: Vec<Settled>,
    /// What is there for a while only.
    expiry: Option<Expiry>,
}

impl Storage {
    pub fn new(replica: Replica) -> Self {
        Self { replica, settled: Vec::new(), expiry: None }
    }

    /// A storage whose writes are acknowledged when they show in what follows the keyspace.
    #[must_use]
    pub fn settling(mut self, settled: Settled) -> Self {
        self.settled.push(settled);
        self
    }

    /// A storage in which some objects do not last.
    #[must_use]
    pub fn expiring(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }

    /// The lease of an object that is put at a key; 0 where objects last.
    async fn lease(&self, change: &Change) -> Result<i64, Status> {
        let concerned = self.expiry.as_ref().filter(|expiry| expiry.concerns(&change.key));
        match concerned.filter(|_| change.value.is_some()) {
            Some(expiry) => expiry.lease(self).await,
            None => Ok(0),
        }
    }

    /// What the write of a key has to show in.
    fn concerned(&self, key: &str) -> Option<&Settled> {
        self.settled.iter().find(|settled| settled.concerns(key))
    }

    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The keyspace as this replica has it: perhaps behind the others.
    pub fn local_view(&self) -> Arc<View> {
        self.replica.store().view()
    }

    /// The keyspace with everything that was acknowledged anywhere before the call.
    pub async fn view(&self) -> Result<Arc<View>, Status> {
        self.replica.read_index().await.map_err(|error| errors::read_index(&error))?;
        Ok(self.local_view())
    }

    /// Reads one key.
    pub fn read(view: &View, key: &str) -> Result<Option<Stored>, Status> {
        Ok(view.keys().get(key.as_bytes()).map(|kv| Stored { kv: kv.clone() }))
    }

    /// All objects whose keys begin so, in the order of their keys.
    pub fn under<'v>(view: &'v View, prefix: &'v str) -> impl Iterator<Item = Stored> + 'v {
        let begins = |kv: &&Arc<KeyValue>| kv.key.starts_with(prefix.as_bytes());
        view.keys()
            .range(prefix.as_bytes(), None)
            .take_while(begins)
            .map(|kv| Stored { kv: kv.clone() })
    }

    /// Reads one key, linearizably.
    pub async fn get(&self, key: &str) -> Result<Option<Stored>, Status> {
        Self::read(&*self.view().await?, key)
    }

    /// Makes one change if the key stands as expected.
    pub async fn write(&self, change: Change) -> Result<Written, Status> {
        let settled = self.concerned(&change.key);
        let key: Bytes = change.key.clone().into();
        let read_back = op(OpKind::Range(Range { range: one(key), ..Range::default() }));
        let lease = self.lease(&change).await?;
        let txn = Txn {
            compares: vec![compare(&change.key, change.expected)],
            success: vec![change_op(change, lease)],
            failure: vec![read_back],
        };
        let (revision, response) = self.propose(txn).await?;
        if response.succeeded {
            if let Some(settled) = settled {
                settled.wait(revision).await;
            }
            return Ok(Written::Done(revision));
        }
        match response.responses.into_iter().next() {
            Some(OpResponse::Range { result, .. }) => {
                let held = result.kvs.into_iter().next();
                Ok(Written::Changed(held.map(|kv| Stored { kv })))
            }
            _ => Err(mismatch()),
        }
    }

    /// Makes all changes at one revision, if every key, and every guarded one, stands as expected;
    /// `None` if one does not.
    pub async fn write_all(
        &self,
        changes: Vec<Change>,
        guards: Vec<(String, Revision)>,
    ) -> Result<Option<Revision>, Status> {
        let changed = changes.iter().map(|change| compare(&change.key, change.expected));
        let guarded = guards.iter().map(|(key, expected)| compare(key, *expected));
        let settled: Vec<_> =
            changes.iter().filter_map(|change| self.concerned(&change.key)).collect();
        let compares = changed.chain(guarded).collect();
        let mut success = Vec::with_capacity(changes.len());
        for change in changes {
            let lease = self.lease(&change).await?;
            success.push(change_op(change, lease));
        }
        let txn = Txn { compares, success, failure: Vec::new() };
        let (revision, response) = self.propose(txn).await?;
        if !response.succeeded {
            return Ok(None);
        }
        for settled in settled {
            settled.wait(revision).await;
        }
        Ok(Some(revision))
    }

    /// Puts a key that is there for `ttl_s` seconds, and for as long again whenever the lease,
    /// which is returned, is kept.
    pub async fn put_leased(&self, key: &str, value: String, ttl_s: i64) -> Result<i64, Status> {
        let id = self.grant_lease(ttl_s).await?;
        let put =
            Put { key: key.to_owned().into(), value: value.into(), lease: id, ..Put::default() };
        let put = Txn { success: vec![op(OpKind::Put(put))], ..Txn::default() };
        self.propose(put).await?;
        Ok(id)
    }

    /// A new lease, which ends `ttl_s` seconds after it was last kept.
    pub async fn grant_lease(&self, ttl_s: i64) -> Result<i64, Status> {
        let bytes: [u8; 8] = super::clock::random();
        // Any positive number that is not in use.
        let id = (i64::from_be_bytes(bytes) & i64::MAX).max(1);
        let grant = Body::LeaseGrant(LeaseGrant { id, ttl_s });
        let outcome = self.replica.propose(grant).await;
        outcome.map_err(|error| errors::propose(&error))?.result.map_err(errors::apply)?;
        Ok(id)
    }

    /// False if there is no such lease any more.
    pub async fn keep_lease(&self, id: i64) -> bool {
        self.replica.lease_keep_alive(id).await.is_ok_and(|ttl_s| ttl_s > 0)
    }

    /// Ends a lease, and with it its keys.
    pub async fn end_lease(&self, id: i64) {
        let revoke = Body::LeaseRevoke(LeaseRevoke { id });
        if let Err(error) = self.replica.propose(revoke).await {
            tracing::debug!(%error, "a lease is left to run out");
        }
    }

    async fn propose(&self, txn: Txn) -> Result<(Revision, TxnResponse), Status> {
        let outcome = self.replica.propose(Body::Txn(txn)).await;
        let outcome = outcome.map_err(|error| errors::propose(&error))?;
        let result = outcome.result;
        if let (Err(ApplyError::LeaseNotFound), Some(expiry)) = (&result, &self.expiry) {
            expiry.forget().await;
        }
        match result.map_err(errors::apply)? {
            Response::Txn(response) => Ok((outcome.revision, response)),
            _ => Err(mismatch()),
        }
    }
}

fn mismatch() -> Status {
    Status::internal("an outcome does not match its request")
}

fn one(key: Bytes) -> KeyRange {
    KeyRange { key, end: Bytes::new() }
}

fn op(kind: OpKind) -> Op {
    Op { kind: Some(kind) }
}

fn compare(key: &str, expected: Revision) -> Compare {
    Compare {
        range: one(Bytes::copy_from_slice(key.as_bytes())),
        result: CompareResult::Equal.into(),
        target: Some(CompareTarget::Mod(expected)),
    }
}

fn change_op(change: Change, lease: i64) -> Op {
    let key: Bytes = change.key.into();
    op(match change.value {
        Some(value) => OpKind::Put(Put { key, value, lease, ..Put::default() }),
        None => OpKind::DeleteRange(DeleteRange { range: one(key), prev_kv: false }),
    })
}
