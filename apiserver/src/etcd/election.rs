//! The Election service: the oldest key in the queue of a name leads.

use super::context::Context;
use super::gate;
use super::kv::mismatch;
use super::proto::v3electionpb::election_server;
use super::proto::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};
use super::queue::{self, Follower, Queue, Undo, first, until_ending};
use super::{convert, errors};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use xebec_store::command::{Body, KeyRange, OpKind};
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::{OpResponse, TxnResponse};

pub struct Election {
    context: Arc<Context>,
}

impl Election {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    async fn transact(
        &self,
        txn: xebec_store::command::Txn,
    ) -> Result<(Revision, TxnResponse), Status> {
        match self.context.propose(Body::Txn(txn)).await? {
            (revision, xebec_store::Response::Txn(response)) => Ok((revision, response)),
            _ => Err(mismatch()),
        }
    }

    async fn proclaim_value(&self, leader: LeaderKey, value: Bytes) -> Result<Revision, Status> {
        let put = queue::put(leader.key.clone(), value, leader.lease);
        let txn = queue::if_created(leader.key, leader.rev, vec![put], vec![]);
        let (revision, response) = self.transact(txn).await?;
        if response.succeeded { Ok(revision) } else { Err(errors::ELECTION_NOT_LEADER.into()) }
    }

    /// Takes a place in the queue, or finds the one that the session has and gives it the value.
    async fn stand(&self, place: &LeaderKey, value: Bytes) -> Result<(Revision, Revision), Status> {
        let key = &place.key;
        let put = queue::put(key.clone(), value.clone(), place.lease);
        let txn = queue::if_created(key.clone(), 0, vec![put], vec![queue::get(key.clone())]);
        let (revision, response) = self.transact(txn).await?;
        if response.succeeded {
            return Ok((revision, revision));
        }
        let Some(OpResponse::Range { result, .. }) = response.responses.first() else {
            return Err(mismatch());
        };
        let own = result.kvs.first().ok_or_else(mismatch)?;
        if own.value != value {
            let place = LeaderKey { rev: own.create_revision, ..place.clone() };
            self.proclaim_value(place, value).await?;
        }
        Ok((revision, own.create_revision))
    }
}

fn resignation(leader: LeaderKey) -> xebec_store::command::Txn {
    let delete = OpKind::DeleteRange(queue::delete(leader.key.clone()));
    queue::if_created(leader.key, leader.rev, vec![delete], vec![])
}

fn present(leader: Option<LeaderKey>) -> Result<LeaderKey, Status> {
    let leader = leader.ok_or(errors::ELECTION_NO_LEADER_KEY)?;
    if leader.key.is_empty() { Err(errors::EMPTY_KEY.into()) } else { Ok(leader) }
}

/// The stream of a name's leaders and of what they proclaim.
struct Observer {
    context: Arc<Context>,
    queue: Queue,
    requires_leader: bool,
    followed: Option<Follower>,
    /// Proclaimed, and not yet told; `None` stands for the end of a leader.
    news: VecDeque<Option<Arc<KeyValue>>>,
}

impl Observer {
    async fn next(mut self) -> Result<Option<(LeaderResponse, Self)>, Status> {
        let context = self.context.clone();
        let requires_leader = self.requires_leader;
        let kv = until_ending(&context, requires_leader, self.news()).await?;
        let header = Some(context.header(kv.mod_revision));
        Ok(Some((LeaderResponse { header, kv: Some(convert::owned(kv)) }, self)))
    }

    async fn news(&mut self) -> Result<Arc<KeyValue>, Status> {
        loop {
            match self.news.pop_front() {
                Some(Some(kv)) => return Ok(kv),
                Some(None) => {
                    self.followed = None;
                    self.news.clear();
                }
                None => {}
            }
            match &mut self.followed {
                Some(follower) => {
                    let batches = follower.next().await?;
                    let events = batches.iter().flat_map(|batch| batch.events());
                    self.news
                        .extend(events.map(|event| (!event.is_delete()).then(|| event.kv.clone())));
                }
                None => return self.find().await,
            }
        }
    }

    /// The present leader, or the next one, which is followed from there on.
    async fn find(&mut self) -> Result<Arc<KeyValue>, Status> {
        let view = self.context.consistent_view().await?;
        let (kv, revision) = match first(&view, &self.queue.oldest())? {
            Some(kv) => (kv, view.revision()),
            None => {
                let kv = self.first_put(view.revision() + 1).await?;
                let revision = kv.mod_revision;
                (kv, revision)
            }
        };
        let range = KeyRange { key: kv.key.clone(), end: Bytes::new() };
        self.followed = Some(Follower::new(self.context.clone(), range, revision + 1));
        Ok(kv)
    }

    async fn first_put(&self, from: Revision) -> Result<Arc<KeyValue>, Status> {
        let mut follower = Follower::new(self.context.clone(), self.queue.keys(), from);
        loop {
            let batches = follower.next().await?;
            let mut events = batches.iter().flat_map(|batch| batch.events());
            if let Some(event) = events.find(|event| !event.is_delete()) {
                return Ok(event.kv.clone());
            }
        }
    }
}

#[tonic::async_trait]
impl election_server::Election for Election {
    type ObserveStream = BoxStream<'static, Result<LeaderResponse, Status>>;

    async fn campaign(
        &self,
        request: Request<CampaignRequest>,
    ) -> Result<Response<CampaignResponse>, Status> {
        let CampaignRequest { name, lease, value } = request.into_inner();
        let queue = Queue::new(self.context.clone(), &name)?;
        let lease = queue::session(&self.context, lease).await?;
        let mut leader = LeaderKey { name, key: queue.key(lease), rev: 0, lease };
        let (revision, created) = self.stand(&leader, value).await?;
        leader.rev = created;
        let undo = Undo::new(self.context.clone(), Body::Txn(resignation(leader.clone())));
        queue.wait_for_turn(created - 1).await?;
        undo.disarm();
        let header = Some(self.context.header(revision));
        Ok(Response::new(CampaignResponse { header, leader: Some(leader) }))
    }

    async fn proclaim(
        &self,
        request: Request<ProclaimRequest>,
    ) -> Result<Response<ProclaimResponse>, Status> {
        let ProclaimRequest { leader, value } = request.into_inner();
        let revision = self.proclaim_value(present(leader)?, value).await?;
        Ok(Response::new(ProclaimResponse { header: Some(self.context.header(revision)) }))
    }

    async fn leader(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<LeaderResponse>, Status> {
        let queue = Queue::new(self.context.clone(), &request.into_inner().name)?;
        let view = self.context.consistent_view().await?;
        let kv = first(&view, &queue.oldest())?.ok_or(errors::ELECTION_NO_LEADER)?;
        let header = Some(self.context.header(view.revision()));
        Ok(Response::new(LeaderResponse { header, kv: Some(convert::owned(kv)) }))
    }

    async fn observe(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let (metadata, _, request) = request.into_parts();
        let observer = Observer {
            context: self.context.clone(),
            queue: Queue::new(self.context.clone(), &request.name)?,
            requires_leader: gate::requires_leader(&metadata.into_headers()),
            followed: None,
            news: VecDeque::new(),
        };
        Ok(Response::new(try_unfold(observer, Observer::next).boxed()))
    }

    async fn resign(
        &self,
        request: Request<ResignRequest>,
    ) -> Result<Response<ResignResponse>, Status> {
        let leader = present(request.into_inner().leader)?;
        let (revision, _) = self.transact(resignation(leader)).await?;
        Ok(Response::new(ResignResponse { header: Some(self.context.header(revision)) }))
    }
}
