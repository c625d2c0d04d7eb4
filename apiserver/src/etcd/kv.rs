//! The KV service.

use super::context::Context;
use super::limits::RANGE_INLINE_KEYS;
use super::proto::etcdserverpb::k_v_server;
use super::proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest,
    PutResponse, RangeRequest, TxnRequest, TxnResponse,
};
use super::txn::evaluate;
use super::wire::RangeReply;
use super::{check, convert, errors};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use xebec_store::command::{self, Body, SortOrder};
use xebec_store::{CompactBudget, Progress, RangeResult, ReadError, View};

/// Changes looked at per step of a compaction that its client waits for.
const COMPACT_STEP: CompactBudget = CompactBudget { changes: 4_096 };

pub struct Kv {
    context: Arc<Context>,
}

impl Kv {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    async fn view(&self, serializable: bool) -> Result<Arc<View>, Status> {
        if serializable {
            return Ok(self.context.view());
        }
        if self.context.is_learner() {
            return Err(errors::NOT_SUPPORTED_FOR_LEARNER.into());
        }
        self.context.consistent_view().await
    }

    /// Reads here and now if that is quick, else on another thread.
    async fn read(&self, view: Arc<View>, range: command::Range) -> Result<RangeResult, Status> {
        let result = if is_quick(&view, &range) {
            view.range(&range)
        } else {
            self.context.blocking(move || view.range(&range)).await?
        };
        result.map_err(|error| errors::read(&error))
    }

    async fn read_txn(&self, txn: command::Txn, serializable: bool) -> Result<TxnResponse, Status> {
        let view = self.view(serializable).await?;
        let header = self.context.header(view.revision());
        let result: Result<_, ReadError> =
            self.context.blocking(move || evaluate(&view, &txn)).await?;
        let response = result.map_err(|error| errors::read(&error))?;
        Ok(convert::txn_response(header, response))
    }

    /// Waits until nothing is left to drop, as a client may ask.
    async fn compact_physically(&self) -> Result<(), Status> {
        let replica = self.context.replica.clone();
        loop {
            let replica = replica.clone();
            let step = move || replica.store().compact_step(COMPACT_STEP);
            match self.context.blocking(step).await? {
                Ok(Progress::Idle) => return Ok(()),
                Ok(Progress::More { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(Status::data_loss(format!("etcdserver: {error}"))),
            }
        }
    }
}

/// True for a read of few keys from memory.
fn is_quick(view: &View, range: &command::Range) -> bool {
    let current = range.revision <= 0 || range.revision == view.revision();
    let filtered = range.min_mod_revision != 0
        || range.max_mod_revision != 0
        || range.min_create_revision != 0
        || range.max_create_revision != 0;
    let sorted = range.sort_order() != SortOrder::None || range.sort_target != 0;
    let few = (1..=RANGE_INLINE_KEYS).contains(&range.limit) && !filtered && !sorted;
    current && (range.range.end.is_empty() || few || range.count_only && !filtered)
}

/// An outcome of another kind than its command's: the consensus layer is broken.
pub fn mismatch() -> Status {
    Status::internal("etcdserver: outcome does not match its request")
}

#[tonic::async_trait]
impl k_v_server::KV for Kv {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeReply>, Status> {
        let request = request.into_inner();
        check::range(&request)?;
        let view = self.view(request.serializable).await?;
        let header = self.context.header(view.revision());
        let keys_only = request.keys_only;
        // The values are left out when the response is written, without a copy of the rest.
        let range = command::Range { keys_only: false, ..convert::range(request) };
        let RangeResult { kvs, more, count } = self.read(view, range).await?;
        Ok(Response::new(RangeReply { header, kvs, keys_only, more, count }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let request = request.into_inner();
        check::put(&request)?;
        check::size(&request)?;
        let body = Body::Put(convert::put(request));
        let (revision, response) = self.context.propose(body).await?;
        let xebec_store::Response::Put { prev } = response else {
            return Err(mismatch());
        };
        let header = Some(self.context.header(revision));
        Ok(Response::new(PutResponse { header, prev_kv: prev.map(convert::owned) }))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let request = request.into_inner();
        check::delete_range(&request)?;
        check::size(&request)?;
        let body = Body::DeleteRange(convert::delete_range(request));
        let (revision, response) = self.context.propose(body).await?;
        let xebec_store::Response::DeleteRange { deleted, prev_kvs } = response else {
            return Err(mismatch());
        };
        let header = Some(self.context.header(revision));
        let prev_kvs = convert::owned_all(prev_kvs);
        Ok(Response::new(DeleteRangeResponse { header, deleted, prev_kvs }))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let request = request.into_inner();
        check::txn(&request)?;
        if check::is_read_only(&request) {
            let serializable = check::is_serializable(&request);
            let response = self.read_txn(convert::txn(request), serializable).await?;
            return Ok(Response::new(response));
        }
        check::size(&request)?;
        let body = Body::Txn(convert::txn(request));
        let (revision, response) = self.context.propose(body).await?;
        let xebec_store::Response::Txn(response) = response else {
            return Err(mismatch());
        };
        let header = self.context.header(revision);
        Ok(Response::new(convert::txn_response(header, response)))
    }

    async fn compact(
        &self,
        request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        let CompactionRequest { revision, physical } = request.into_inner();
        let body = Body::Compact(command::Compact { revision });
        let (revision, _) = self.context.propose(body).await?;
        if physical {
            self.compact_physically().await?;
        }
        Ok(Response::new(CompactionResponse { header: Some(self.context.header(revision)) }))
    }
}
