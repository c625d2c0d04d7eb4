//! The Maintenance service.

use super::context::Context;
use super::errors;
use super::kv::mismatch;
use super::proto::etcdserverpb::alarm_request::AlarmAction;
use super::proto::etcdserverpb::downgrade_request::DowngradeAction;
use super::proto::etcdserverpb::maintenance_server;
use super::proto::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeInfo,
    DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse,
    MoveLeaderRequest, MoveLeaderResponse, SnapshotRequest, SnapshotResponse, StatusRequest,
    StatusResponse,
};
use super::snapshot;
use crate::version;
use futures::stream::BoxStream;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use xebec_store::command::{self, AlarmKind, Body};
use xebec_store::kv::Revision;

pub struct Maintenance {
    context: Arc<Context>,
}

impl Maintenance {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// `kind` 0 means all.
    async fn standing_alarms(&self, kind: i32) -> Result<AlarmResponse, Status> {
        let view = self.context.consistent_view().await?;
        let wanted = view.alarms().iter().filter(|alarm| kind == 0 || alarm.kind == kind);
        let alarms = wanted.map(alarm_member).collect();
        Ok(AlarmResponse { header: Some(self.context.header(view.revision())), alarms })
    }

    async fn change_alarm(&self, alarm: command::Alarm) -> Result<AlarmResponse, Status> {
        let (revision, response) = self.context.propose(Body::Alarm(alarm)).await?;
        let xebec_store::Response::Alarm { alarms } = response else { return Err(mismatch()) };
        let header = Some(self.context.header(revision));
        Ok(AlarmResponse { header, alarms: alarms.iter().map(alarm_member).collect() })
    }

    async fn hash_at(&self, revision: Revision) -> Result<HashKvResponse, Status> {
        let view = self.context.view();
        let at = if revision == 0 { view.revision() } else { revision };
        let compact_revision = view.compact_revision();
        let header = Some(self.context.header(view.revision()));
        let hash = self.context.blocking(move || view.hash_at(at)).await?;
        let hash = hash.map_err(|error| errors::read(&error))?;
        Ok(HashKvResponse { header, hash: fold(hash), compact_revision, hash_revision: at })
    }
}

fn alarm_member(alarm: &xebec_store::AlarmMember) -> AlarmMember {
    AlarmMember { member_id: alarm.member, alarm: alarm.kind }
}

/// As etcd prints it.
fn alarm_text(alarm: &xebec_store::AlarmMember) -> String {
    let kind = match alarm.kind() {
        AlarmKind::None => "NONE",
        AlarmKind::NoSpace => "NOSPACE",
        AlarmKind::Corrupt => "CORRUPT",
    };
    format!("memberID:{} alarm:{kind} ", alarm.member)
}

/// etcd's hashes have 32 bits.
fn fold(hash: u64) -> u32 {
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes([e, f, g, h])
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A version as `major.minor`, with or without a patch level.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(number)
}

#[tonic::async_trait]
impl maintenance_server::Maintenance for Maintenance {
    type SnapshotStream = BoxStream<'static, Result<SnapshotResponse, Status>>;

    async fn alarm(
        &self,
        request: Request<AlarmRequest>,
    ) -> Result<Response<AlarmResponse>, Status> {
        let AlarmRequest { action, member_id, alarm } = request.into_inner();
        let kind = AlarmKind::try_from(alarm)
            .map_err(|_| Status::invalid_argument("etcdserver: unknown alarm"))?;
        let active = match AlarmAction::try_from(action) {
            Ok(AlarmAction::Get) => {
                return Ok(Response::new(self.standing_alarms(alarm).await?));
            }
            Ok(AlarmAction::Activate) if kind == AlarmKind::None => {
                let header = Some(self.context.current_header());
                return Ok(Response::new(AlarmResponse { header, alarms: vec![] }));
            }
            Ok(action) => action == AlarmAction::Activate,
            Err(_) => return Err(Status::invalid_argument("etcdserver: unknown alarm action")),
        };
        let change = command::Alarm { active, member: member_id, kind: alarm };
        Ok(Response::new(self.change_alarm(change).await?))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let status = self.context.replica.status();
        let no_leader = errors::NO_LEADER.text;
        let mut faults = status.errors;
        if !self.context.has_leader() && !faults.iter().any(|fault| fault == no_leader) {
            faults.push(no_leader.to_owned());
        }
        let view = self.context.view();
        faults.extend(view.alarms().iter().map(alarm_text));
        Ok(Response::new(StatusResponse {
            header: Some(self.context.current_header()),
            version: version::SERVER.to_owned(),
            db_size: signed(status.db_size_bytes),
            leader: status.leader.unwrap_or(0),
            raft_index: status.committed_index,
            raft_term: status.term,
            raft_applied_index: status.applied_index,
            errors: faults,
            db_size_in_use: signed(status.db_size_in_use_bytes),
            is_learner: status.is_learner,
            storage_version: version::STORAGE.to_owned(),
            db_size_quota: 0,
            downgrade_info: Some(DowngradeInfo::default()),
        }))
    }

    /// Answers at once: compaction gives space back as it goes, and there is nothing to stop for.
    async fn defragment(
        &self,
        _: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        let header = Some(self.context.current_header());
        Ok(Response::new(DefragmentResponse { header }))
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let view = self.context.view();
        let header = Some(self.context.header(view.revision()));
        Ok(Response::new(HashResponse { header, hash: fold(view.hash()) }))
    }

    async fn hash_kv(
        &self,
        request: Request<HashKvRequest>,
    ) -> Result<Response<HashKvResponse>, Status> {
        Ok(Response::new(self.hash_at(request.into_inner().revision).await?))
    }

    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Ok(Response::new(snapshot::stream(self.context.clone())))
    }

    async fn move_leader(
        &self,
        request: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        let to = request.into_inner().target_id;
        self.context
            .replica
            .transfer_leadership(to)
            .await
            .map_err(|error| errors::transfer(&error))?;
        let header = Some(self.context.current_header());
        Ok(Response::new(MoveLeaderResponse { header }))
    }

    /// There is no older version to go back to.
    async fn downgrade(
        &self,
        request: Request<DowngradeRequest>,
    ) -> Result<Response<DowngradeResponse>, Status> {
        let DowngradeRequest { action, version } = request.into_inner();
        let error = match DowngradeAction::try_from(action) {
            Ok(DowngradeAction::Cancel) => errors::NO_INFLIGHT_DOWNGRADE,
            Ok(_) if is_version(&version) => errors::INVALID_DOWNGRADE_TARGET,
            Ok(_) => errors::WRONG_DOWNGRADE_FORMAT,
            Err(_) => return Err(Status::unknown("etcdserver: unknown method")),
        };
        Err(error.into())
    }
}
