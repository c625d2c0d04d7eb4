//! gRPC's own health check. Asking is enough: a server that answers, serves.

use super::context::Context;
use super::methods::METHODS;
use super::proto::grpc::health::v1::health_check_response::ServingStatus;
use super::proto::grpc::health::v1::{HealthCheckRequest, HealthCheckResponse, health_server};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub struct Health {
    context: Arc<Context>,
}

impl Health {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !service.is_empty() && !METHODS.iter().any(|method| method.service_name == service) {
            return Err(Status::not_found("unknown service"));
        }
        let serving = self.context.has_leader();
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }
}
