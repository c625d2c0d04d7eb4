//! The Lease service.

use super::context::Context;
use super::errors::{self, EtcdError};
use super::gate;
use super::kv::mismatch;
use super::proto::etcdserverpb::lease_server;
use super::proto::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
    LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus,
    LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
};
use futures::future::{Either, select};
use futures::stream::{BoxStream, StreamExt, try_unfold};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};
use xebec_raft::errors::LeaseError;
use xebec_raft::runtime::random_u64;
use xebec_store::command::{self, Body};
use xebec_store::kv::Revision;

/// In a response about a lease that is not there.
const TTL_NONE: i64 = -1;

pub struct Lease {
    context: Arc<Context>,
}

/// Grants a lease; without an id (0) one is chosen here, so that the command is deterministic.
pub async fn grant(context: &Context, id: i64, ttl_s: i64) -> Result<(Revision, i64, i64), Status> {
    let id = if id == 0 { chosen_id() } else { id };
    let body = Body::LeaseGrant(command::LeaseGrant { id, ttl_s });
    match context.propose(body).await? {
        (revision, xebec_store::Response::LeaseGrant { id, ttl_s }) => Ok((revision, id, ttl_s)),
        _ => Err(mismatch()),
    }
}

fn chosen_id() -> i64 {
    i64::try_from(random_u64() >> 1).map_or(1, |id| id.max(1))
}

impl Lease {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

/// A stream of keep-alives, answered one after the other.
struct KeepAlives {
    context: Arc<Context>,
    requests: Streaming<LeaseKeepAliveRequest>,
    ending: Pin<Box<dyn Future<Output = EtcdError> + Send>>,
}

impl KeepAlives {
    async fn next(mut self) -> Result<Option<(LeaseKeepAliveResponse, Self)>, Status> {
        let request = match select(&mut self.ending, self.requests.next()).await {
            Either::Left((error, _)) => return Err(error.into()),
            Either::Right((None, _)) => return Ok(None),
            Either::Right((Some(request), _)) => request?,
        };
        let answer = Box::pin(keep_alive(&self.context, request.id));
        let response = match select(&mut self.ending, answer).await {
            Either::Left((error, _)) => return Err(error.into()),
            Either::Right((response, _)) => response?,
        };
        Ok(Some((response, self)))
    }
}

/// The header is made before the renewal: its revision must not be later than the moment at which
/// the lease was alive.
async fn keep_alive(context: &Context, id: i64) -> Result<LeaseKeepAliveResponse, Status> {
    let header = Some(context.current_header());
    let ttl = match context.replica.lease_keep_alive(id).await {
        Ok(ttl_s) => ttl_s,
        Err(LeaseError::NotFound) => 0,
        Err(error) => return Err(errors::lease(&error)),
    };
    Ok(LeaseKeepAliveResponse { header, id, ttl })
}

#[tonic::async_trait]
impl lease_server::Lease for Lease {
    type LeaseKeepAliveStream = BoxStream<'static, Result<LeaseKeepAliveResponse, Status>>;

    async fn lease_grant(
        &self,
        request: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        let LeaseGrantRequest { id, ttl } = request.into_inner();
        let (revision, id, ttl) = grant(&self.context, id, ttl).await?;
        let header = Some(self.context.header(revision));
        Ok(Response::new(LeaseGrantResponse { header, id, ttl, error: String::new() }))
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        let LeaseRevokeRequest { id } = request.into_inner();
        let body = Body::LeaseRevoke(command::LeaseRevoke { id });
        let (revision, _) = self.context.propose(body).await?;
        Ok(Response::new(LeaseRevokeResponse { header: Some(self.context.header(revision)) }))
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let (metadata, _, requests) = request.into_parts();
        let requires_leader = gate::requires_leader(&metadata.into_headers());
        let ending = Box::pin(self.context.ending(requires_leader));
        let all = KeepAlives { context: self.context.clone(), requests, ending };
        Ok(Response::new(try_unfold(all, KeepAlives::next).boxed()))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let LeaseTimeToLiveRequest { id, keys } = request.into_inner();
        let (ttl, granted_ttl) = match self.context.replica.lease_time_to_live(id).await {
            Ok(lease) => (lease.remaining_ttl_s, lease.granted_ttl_s),
            Err(LeaseError::NotFound) => (TTL_NONE, 0),
            Err(error) => return Err(errors::lease(&error)),
        };
        let keys = if keys && ttl != TTL_NONE {
            self.context.consistent_view().await?.lease(id).map_or(vec![], |lease| lease.keys)
        } else {
            vec![]
        };
        let header = Some(self.context.current_header());
        Ok(Response::new(LeaseTimeToLiveResponse { header, id, ttl, granted_ttl, keys }))
    }

    async fn lease_leases(
        &self,
        _: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        let view = self.context.consistent_view().await?;
        let header = Some(self.context.header(view.revision()));
        let leases = view.leases().into_iter().map(|(id, _)| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header, leases }))
    }
}
