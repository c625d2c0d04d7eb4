//! What locks and elections stand on: the queue of keys under a name, oldest first, each attached
//! to the lease of whoever waits there (etcd `client/v3/concurrency`, so that both mix).

use super::context::Context;
use super::errors;
use super::lease::grant;
use super::limits::{REQUEST_BYTES_MAX, SESSION_TTL_S, WATCH_EVENTS_PER_TURN};
use bytes::Bytes;
use futures::future::{Either, select};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use tonic::Status;
use xebec_store::View;
use xebec_store::command::{
    Body, Compare, CompareTarget, DeleteRange, KeyRange, Op, OpKind, Put, Range, SortOrder,
    SortTarget, Txn,
};
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::watch::{Batches, Delivery, WatchSpec, WatchStream};

/// A name is part of several keys of one transaction.
const NAME_BYTES_MAX: usize = REQUEST_BYTES_MAX / 8;

/// The keys under a name.
pub struct Queue {
    context: Arc<Context>,
    prefix: Bytes,
}

impl Queue {
    pub fn new(context: Arc<Context>, name: &[u8]) -> Result<Self, Status> {
        if name.len() > NAME_BYTES_MAX {
            return Err(errors::REQUEST_TOO_LARGE.into());
        }
        Ok(Self { context, prefix: [name, b"/"].concat().into() })
    }

    /// The place of a lease in the queue.
    pub fn key(&self, lease: i64) -> Bytes {
        let sign = if lease < 0 { "-" } else { "" };
        [&self.prefix, sign.as_bytes(), format!("{:x}", lease.unsigned_abs()).as_bytes()]
            .concat()
            .into()
    }

    pub fn keys(&self) -> KeyRange {
        let mut end = self.prefix.to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        KeyRange { key: self.prefix.clone(), end: end.into() }
    }

    /// Reads the oldest key.
    pub fn oldest(&self) -> Range {
        Range {
            range: self.keys(),
            limit: 1,
            sort_order: SortOrder::Ascend.into(),
            sort_target: SortTarget::Create.into(),
            ..Range::default()
        }
    }

    /// Returns when no key created up to `max_create` is left; waits for one at a time, the
    /// youngest before it, so that a release wakes one waiter and not all.
    pub async fn wait_for_turn(&self, max_create: Revision) -> Result<(), Status> {
        let youngest = Range {
            max_create_revision: max_create,
            sort_order: SortOrder::Descend.into(),
            ..self.oldest()
        };
        let turn = async {
            loop {
                let view = self.context.consistent_view().await?;
                let Some(ahead) = first(&view, &youngest)? else { return Ok(()) };
                let range = KeyRange { key: ahead.key.clone(), end: Bytes::new() };
                let mut follower = Follower::new(self.context.clone(), range, view.revision());
                while !follower.next().await?.iter().any(|batch| has_deletion(batch)) {}
            }
        };
        until_ending(&self.context, false, turn).await
    }
}

fn has_deletion(batch: &xebec_store::watch::EventBatch) -> bool {
    batch.events().iter().any(xebec_store::kv::Event::is_delete)
}

/// The first key-value pair of a range.
pub fn first(view: &View, range: &Range) -> Result<Option<Arc<KeyValue>>, Status> {
    let result = view.range(range).map_err(|error| errors::read(&error))?;
    Ok(result.kvs.into_iter().next())
}

/// The given lease, or a new one that its holder does not keep alive.
pub async fn session(context: &Context, lease: i64) -> Result<i64, Status> {
    if lease != 0 {
        return Ok(lease);
    }
    let (_, id, _) = grant(context, 0, SESSION_TTL_S).await?;
    Ok(id)
}

/// A transaction that runs `success` if the key is the one created at `revision` (0: if there is
/// no such key), else `failure`.
pub fn if_created(
    key: Bytes,
    revision: Revision,
    success: Vec<OpKind>,
    failure: Vec<OpKind>,
) -> Txn {
    let ops = |kinds: Vec<OpKind>| kinds.into_iter().map(|kind| Op { kind: Some(kind) }).collect();
    let compare = Compare {
        range: KeyRange { key, end: Bytes::new() },
        target: Some(CompareTarget::Create(revision)),
        ..Compare::default()
    };
    Txn { compares: vec![compare], success: ops(success), failure: ops(failure) }
}

pub fn put(key: Bytes, value: Bytes, lease: i64) -> OpKind {
    OpKind::Put(Put { key, value, lease, ..Put::default() })
}

pub fn get(key: Bytes) -> OpKind {
    OpKind::Range(Range { range: KeyRange { key, end: Bytes::new() }, ..Range::default() })
}

pub fn delete(key: Bytes) -> DeleteRange {
    DeleteRange { range: KeyRange { key, end: Bytes::new() }, prev_kv: false }
}

/// Undoes what a request did when its client goes away before it is answered.
pub struct Undo {
    context: Arc<Context>,
    body: Option<Body>,
}

impl Undo {
    pub fn new(context: Arc<Context>, body: Body) -> Self {
        Self { context, body: Some(body) }
    }

    /// The request is answered: nothing to undo.
    pub fn disarm(mut self) {
        self.body = None;
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (Some(body), Ok(runtime)) = (self.body.take(), runtime) {
            let context = self.context.clone();
            let undo = async move {
                if let Err(status) = context.propose(body).await {
                    tracing::debug!(%status, "an abandoned place in a queue stays until its lease ends");
                }
            };
            self.context.tasks.spawn_on(undo, &runtime);
        }
    }
}

/// The events of a range, from within the server.
pub struct Follower {
    context: Arc<Context>,
    hub: WatchStream,
}

impl Follower {
    pub fn new(context: Arc<Context>, range: KeyRange, start_revision: Revision) -> Self {
        let mut hub = context.watches();
        let spec =
            WatchSpec { range, start_revision, no_put: false, no_delete: false, prev_kv: false };
        hub.watch(1, spec).expect("a new stream has no watch of any id");
        Self { context, hub }
    }

    pub async fn next(&mut self) -> Result<Batches, Status> {
        loop {
            poll_fn(|cx| self.hub.poll_ready(cx)).await;
            match self.hub.next(WATCH_EVENTS_PER_TURN) {
                None => {}
                Some(Delivery::Events { batches, .. }) => return Ok(batches),
                Some(Delivery::Compacted { .. }) => return Err(errors::COMPACTED.into()),
                Some(Delivery::Behind(catch_up)) => {
                    let read = self.context.blocking(move || catch_up.read()).await?;
                    if let Some(error) = read.error() {
                        return Err(Status::unavailable(format!("etcdserver: {error}")));
                    }
                    self.hub.resume(read);
                }
            }
        }
    }
}

/// Runs until the server stops or the stream loses the leader that it requires.
pub async fn until_ending<T>(
    context: &Context,
    requires_leader: bool,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match select(pin!(context.ending(requires_leader)), pin!(work)).await {
        Either::Left((error, _)) => Err(error.into()),
        Either::Right((result, _)) => result,
    }
}
