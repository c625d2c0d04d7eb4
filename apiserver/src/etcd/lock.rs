//! The Lock service: a mutex per name, held by the oldest key in its queue.

use super::context::Context;
use super::errors;
use super::kv::mismatch;
use super::proto::v3lockpb::lock_server;
use super::proto::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use super::queue::{self, Queue, Undo, first};
use bytes::Bytes;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use xebec_store::command::{Body, KeyRange, OpKind, Range};
use xebec_store::kv::Revision;
use xebec_store::{OpResponse, TxnResponse};

pub struct Lock {
    context: Arc<Context>,
}

/// A place in the queue of a lock.
struct Place {
    created: Revision,
    holds: bool,
    revision: Revision,
}

impl Lock {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Takes a place in the queue, or finds the one that the session has.
    async fn enqueue(&self, queue: &Queue, key: &Bytes, lease: i64) -> Result<Place, Status> {
        let oldest = OpKind::Range(queue.oldest());
        let put = queue::put(key.clone(), Bytes::new(), lease);
        let success = vec![put, oldest.clone()];
        let failure = vec![queue::get(key.clone()), oldest];
        let txn = queue::if_created(key.clone(), 0, success, failure);
        let (revision, response) = self.context.propose(Body::Txn(txn)).await?;
        let xebec_store::Response::Txn(response) = response else { return Err(mismatch()) };
        place(revision, &response).ok_or_else(mismatch)
    }

    /// Waits for the lock. A client that goes away leaves the queue.
    async fn wait(
        &self,
        queue: &Queue,
        key: &Bytes,
        created: Revision,
    ) -> Result<Revision, Status> {
        let leave = Body::DeleteRange(queue::delete(key.clone()));
        let undo = Undo::new(self.context.clone(), leave);
        queue.wait_for_turn(created - 1).await?;
        let view = self.context.consistent_view().await?;
        let range = KeyRange { key: key.clone(), end: Bytes::new() };
        if first(&view, &Range { range, ..Range::default() })?.is_none() {
            undo.disarm();
            return Err(errors::LOCK_SESSION_EXPIRED.into());
        }
        undo.disarm();
        Ok(view.revision())
    }
}

fn place(revision: Revision, response: &TxnResponse) -> Option<Place> {
    let created = match &response.responses[..] {
        [OpResponse::Range { result, .. }, _] => result.kvs.first()?.create_revision,
        _ => revision,
    };
    let [_, OpResponse::Range { result, .. }] = &response.responses[..] else { return None };
    let holds = result.kvs.first().is_none_or(|oldest| oldest.create_revision == created);
    Some(Place { created, holds, revision })
}

#[tonic::async_trait]
impl lock_server::Lock for Lock {
    async fn lock(&self, request: Request<LockRequest>) -> Result<Response<LockResponse>, Status> {
        let LockRequest { name, lease } = request.into_inner();
        let queue = Queue::new(self.context.clone(), &name)?;
        let lease = queue::session(&self.context, lease).await?;
        let key = queue.key(lease);
        let place = self.enqueue(&queue, &key, lease).await?;
        let revision = if place.holds {
            place.revision
        } else {
            self.wait(&queue, &key, place.created).await?
        };
        Ok(Response::new(LockResponse { header: Some(self.context.header(revision)), key }))
    }

    async fn unlock(
        &self,
        request: Request<UnlockRequest>,
    ) -> Result<Response<UnlockResponse>, Status> {
        let UnlockRequest { key } = request.into_inner();
        if key.is_empty() {
            return Err(errors::EMPTY_KEY.into());
        }
        let (revision, _) = self.context.propose(Body::DeleteRange(queue::delete(key))).await?;
        Ok(Response::new(UnlockResponse { header: Some(self.context.header(revision)) }))
    }
}
