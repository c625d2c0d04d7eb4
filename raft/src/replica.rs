//! [`Replica`]: the handle to one running replica.
#![allow(clippy::unimplemented, unused_variables)] // signatures first; bodies follow

use crate::errors::{
    LeaseError, MemberError, ProposeError, ReadIndexError, StartError, TransferError,
};
use crate::member::Member;
use crate::options::Options;

use crate::status::{LeaseTtl, Status};
use crate::transport::{PeerService, Transport};
use std::sync::Arc;
use xebec_store::command::Body;
use xebec_store::engine::EngineHome;
use xebec_store::{Outcome, Store};

/// A cheap handle to a running replica. The replica runs until [`Replica::shutdown`].
#[derive(Clone)]
pub struct Replica {}

impl Replica {
    /// Starts the replica and returns when it has recovered its log, not when it has a leader.
    pub async fn start(
        options: Options,
        log_home: Arc<dyn EngineHome>,
        store: Arc<Store>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, StartError> {
        unimplemented!()
    }

    /// What a server of peer messages hands them to.
    pub fn peer_service(&self) -> PeerService {
        unimplemented!()
    }

    /// Has `body` ordered and applied, and returns its outcome here. Waits at most the request
    /// timeout.
    pub async fn propose(&self, body: Body) -> Result<Outcome, ProposeError> {
        unimplemented!()
    }

    /// After it, [`Self::store`]'s view has everything that was acknowledged before the call.
    pub async fn read_index(&self) -> Result<(), ReadIndexError> {
        unimplemented!()
    }

    /// Returns when this replica has caught up with the cluster after its start.
    pub async fn wait_ready(&self) -> Result<(), ReadIndexError> {
        unimplemented!()
    }

    pub fn store(&self) -> &Arc<Store> {
        unimplemented!()
    }

    pub fn status(&self) -> Status {
        unimplemented!()
    }

    pub fn members(&self) -> Vec<Member> {
        unimplemented!()
    }

    /// Adds a member under a fresh id; it starts as a learner if `learner`, else as a voter.
    pub async fn add_member(
        &self,
        name: String,
        peer_urls: Vec<String>,
        learner: bool,
    ) -> Result<(Member, Vec<Member>), MemberError> {
        unimplemented!()
    }

    pub async fn remove_member(&self, id: u64) -> Result<Vec<Member>, MemberError> {
        unimplemented!()
    }

    pub async fn promote_member(&self, id: u64) -> Result<Vec<Member>, MemberError> {
        unimplemented!()
    }

    pub async fn update_member(
        &self,
        id: u64,
        peer_urls: Vec<String>,
    ) -> Result<Vec<Member>, MemberError> {
        unimplemented!()
    }

    pub async fn transfer_leadership(&self, to: u64) -> Result<(), TransferError> {
        unimplemented!()
    }

    /// Renews a lease at the leader; returns its time to live in seconds.
    pub async fn lease_keep_alive(&self, id: i64) -> Result<i64, LeaseError> {
        unimplemented!()
    }

    pub async fn lease_time_to_live(&self, id: i64) -> Result<LeaseTtl, LeaseError> {
        unimplemented!()
    }

    /// Hands leadership over if it has it, then stops. Returns when everything has ended.
    pub async fn shutdown(self) {
        unimplemented!()
    }
}
