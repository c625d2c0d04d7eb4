//! From an HTTP request to the service that answers it.

use super::auth::Auth;
use super::cluster::Cluster;
use super::context::Context;
use super::election::Election;
use super::gate;
use super::health::Health;
use super::incoming::Incoming;
use super::kv::Kv;
use super::lease::Lease;
use super::limits::{MESSAGE_BYTES_MAX, STREAM_MESSAGE_BYTES_MAX};
use super::lock::Lock;
use super::maintenance::Maintenance;
use super::methods::{self, Kind, METHODS, Method, Service};
use super::proto::etcdserverpb::auth_server::AuthServer;
use super::proto::etcdserverpb::cluster_server::ClusterServer;
use super::proto::etcdserverpb::k_v_server::KVServer;
use super::proto::etcdserverpb::lease_server::LeaseServer;
use super::proto::etcdserverpb::maintenance_server::MaintenanceServer;
use super::proto::etcdserverpb::watch_server::WatchServer;
use super::proto::grpc::health::v1::health_server::HealthServer;
use super::proto::v3electionpb::election_server::ElectionServer;
use super::proto::v3lockpb::lock_server::LockServer;
use super::tail::Call;
use super::watch::Watch;
use super::{errors, methods::Kind::Unary};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use std::sync::Arc;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service as _;

/// etcd's gRPC services.
pub struct Api {
    context: Arc<Context>,
    incoming: Incoming,
    kv: KVServer<Kv>,
    watch: WatchServer<Watch>,
    lease: LeaseServer<Lease>,
    cluster: ClusterServer<Cluster>,
    maintenance: MaintenanceServer<Maintenance>,
    auth: AuthServer<Auth>,
    lock: LockServer<Lock>,
    election: ElectionServer<Election>,
    health: HealthServer<Health>,
}

macro_rules! server {
    ($server:ident, $service:ident, $context:ident, $max:ident) => {
        $server::new($service::new($context.clone())).max_decoding_message_size($max)
    };
}

impl Api {
    pub fn new(context: Arc<Context>) -> Self {
        Self {
            incoming: Incoming::default(),
            kv: server!(KVServer, Kv, context, MESSAGE_BYTES_MAX),
            watch: server!(WatchServer, Watch, context, STREAM_MESSAGE_BYTES_MAX),
            lease: server!(LeaseServer, Lease, context, STREAM_MESSAGE_BYTES_MAX),
            cluster: server!(ClusterServer, Cluster, context, MESSAGE_BYTES_MAX),
            maintenance: server!(MaintenanceServer, Maintenance, context, MESSAGE_BYTES_MAX),
            auth: server!(AuthServer, Auth, context, MESSAGE_BYTES_MAX),
            lock: server!(LockServer, Lock, context, MESSAGE_BYTES_MAX),
            election: server!(ElectionServer, Election, context, MESSAGE_BYTES_MAX),
            health: server!(HealthServer, Health, context, MESSAGE_BYTES_MAX),
            context,
        }
    }

    /// True for a request that is for this API.
    pub fn takes(headers: &HeaderMap) -> bool {
        let kind = headers.get(http::header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
    }

    pub async fn call<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let path = request.uri().path();
        let Some(number) = methods::find(path) else {
            return Status::unimplemented(format!("unknown method {path}")).into_http();
        };
        let method = &METHODS[number];
        let call = Call::begin(self.context.clone(), number);
        let response = match gate::admit(&self.context, method, request.headers()) {
            Ok(()) => self.answer(method, request).await,
            Err(status) => status.into_http(),
        };
        if method.kind == Unary {
            call.end_unary(&response);
            response
        } else {
            call.end_stream(response)
        }
    }

    async fn answer<B>(&self, method: &Method, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        if method.kind == Kind::BidiStream {
            return self.serve(method, request).await;
        }
        let timeout = gate::timeout(request.headers());
        let answer = self.serve(method, request.map(|body| self.incoming.meter(body)));
        let mut response = match timeout {
            None => answer.await,
            Some(timeout) => match tokio::time::timeout(timeout, answer).await {
                Ok(response) => response,
                Err(_) => Status::from(errors::DEADLINE_EXCEEDED).into_http(),
            },
        };
        name_oversize(response.headers_mut());
        response
    }

    async fn serve<B>(&self, method: &Method, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<tonic::codegen::StdError> + Send + 'static,
    {
        let response = match method.service {
            Service::Kv => self.kv.clone().call(request),
            Service::Watch => self.watch.clone().call(request),
            Service::Lease => self.lease.clone().call(request),
            Service::Cluster => self.cluster.clone().call(request),
            Service::Maintenance => self.maintenance.clone().call(request),
            Service::Auth => self.auth.clone().call(request),
            Service::Lock => self.lock.clone().call(request),
            Service::Election => self.election.clone().call(request),
            Service::Health => self.health.clone().call(request),
        };
        match response.await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// A message that is too large for the decoder has a code of its own in etcd (grpc-go's).
fn name_oversize(headers: &mut HeaderMap) {
    let oversize = headers.get("grpc-message").is_some_and(|message| {
        let found = message.as_bytes();
        found.windows(7).any(|word| word == b"decoded") && found.ends_with(b"bytes")
    });
    if oversize && headers.get("grpc-status").is_some_and(|code| code == "11") {
        headers.insert("grpc-status", HeaderValue::from(Code::ResourceExhausted as i32));
        let text = HeaderValue::from_static("grpc: received message larger than max");
        headers.insert("grpc-message", text);
    }
}
