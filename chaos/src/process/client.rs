//! Sends requests and says what became of them.

use super::convert;
use super::endpoint::{Endpoint, MESSAGE_BYTES_MAX};
use crate::history::{Outcome, Request, Response, Revision};
use futures::StreamExt;
use std::time::Duration;
use tonic::Status;
use tonic::transport::Channel;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::etcdserverpb::cluster_client::ClusterClient;
use xebec_apiserver::etcd::proto::etcdserverpb::kv_client::KvClient;
use xebec_apiserver::etcd::proto::etcdserverpb::lease_client::LeaseClient;
use xebec_apiserver::etcd::proto::etcdserverpb::maintenance_client::MaintenanceClient;

type Answer = Result<(Revision, Response), Status>;

/// Sends one request; a missed deadline leaves its outcome unknown.
pub async fn execute(channel: Channel, request: &Request, deadline: Duration) -> Outcome {
    match tokio::time::timeout(deadline, send(channel, request)).await {
        Ok(Ok((revision, response))) => Outcome::Ok { revision, response },
        Ok(Err(status)) => convert::outcome(&status),
        Err(_) => Outcome::Unknown("deadline".to_owned()),
    }
}

async fn send(channel: Channel, request: &Request) -> Answer {
    match request {
        Request::Range(_) | Request::Put(_) | Request::Delete(_) | Request::Txn(_) => {
            send_kv(channel, request).await
        }
        Request::Compact { revision } => {
            let request = pb::CompactionRequest { revision: *revision, physical: false };
            let response = KvClient::new(channel).compact(request).await?.into_inner();
            Ok((revision_of(response.header), Response::Compact))
        }
        _ => send_lease(LeaseClient::new(channel), request).await,
    }
}

async fn send_kv(channel: Channel, request: &Request) -> Answer {
    let mut kv = KvClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    match request {
        Request::Put(put) => {
            let response = kv.put(convert::put(put)).await?.into_inner();
            Ok((revision_of(response.header), convert::put_response(&response)))
        }
        Request::Delete(delete) => {
            let response = kv.delete_range(convert::delete(delete)).await?.into_inner();
            Ok((revision_of(response.header), convert::delete_response(&response)))
        }
        Request::Txn(txn) => {
            let response = kv.txn(convert::txn(txn)).await?.into_inner();
            Ok((revision_of(response.header), convert::txn_response(&response)))
        }
        Request::Range(range) => {
            let response = kv.range(convert::range(range)).await?.into_inner();
            Ok((revision_of(response.header), convert::range_response(&response)))
        }
        _ => Err(Status::unimplemented("not a request of the KV service")),
    }
}

async fn send_lease(mut client: LeaseClient<Channel>, request: &Request) -> Answer {
    match request {
        Request::LeaseGrant { lease, ttl_s } => {
            let request = pb::LeaseGrantRequest { id: *lease, ttl: *ttl_s };
            let response = client.lease_grant(request).await?.into_inner();
            let (lease, ttl_s) = (response.id, response.ttl);
            Ok((revision_of(response.header), Response::LeaseGrant { lease, ttl_s }))
        }
        Request::LeaseRevoke { lease } => {
            let request = pb::LeaseRevokeRequest { id: *lease };
            let response = client.lease_revoke(request).await?.into_inner();
            Ok((revision_of(response.header), Response::LeaseRevoke))
        }
        Request::LeaseKeepAlive { lease } => {
            let request = pb::LeaseKeepAliveRequest { id: *lease };
            let requests = futures::stream::once(std::future::ready(request))
                .chain(futures::stream::pending());
            let mut responses = client.lease_keep_alive(requests).await?.into_inner();
            let response = responses.message().await?;
            let response = response.ok_or_else(|| Status::unavailable("no answer"))?;
            let ttl_s = response.ttl;
            Ok((revision_of(response.header), Response::LeaseKeepAlive { ttl_s }))
        }
        _ => Err(Status::unimplemented("not a request of the Lease service")),
    }
}

pub fn revision_of(header: Option<pb::ResponseHeader>) -> Revision {
    header.map_or(0, |header| header.revision)
}

/// How long the run waits for an answer to a question of its own.
const QUESTION_DEADLINE: Duration = Duration::from_millis(700);

async fn ask<T>(answer: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Option<T> {
    let answer = tokio::time::timeout(QUESTION_DEADLINE, answer).await.ok()?;
    answer.ok().map(tonic::Response::into_inner)
}

pub async fn status(endpoint: &Endpoint) -> Option<pb::StatusResponse> {
    let mut client = MaintenanceClient::new(endpoint.questions.clone());
    ask(client.status(pb::StatusRequest {})).await
}

pub async fn hash(endpoint: &Endpoint, revision: Revision) -> Option<pb::HashKvResponse> {
    let mut client = MaintenanceClient::new(endpoint.questions.clone());
    ask(client.hash_kv(pb::HashKvRequest { revision })).await
}

/// Runs an order to the cluster with a deadline, and gives a readable reason if it fails.
pub async fn order<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, String> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(status.message().to_owned()),
        Err(_) => Err("deadline".to_owned()),
    }
}

pub fn cluster(endpoint: &Endpoint) -> ClusterClient<Channel> {
    ClusterClient::new(endpoint.questions.clone())
}

pub fn maintenance(endpoint: &Endpoint) -> MaintenanceClient<Channel> {
    MaintenanceClient::new(endpoint.questions.clone())
}
