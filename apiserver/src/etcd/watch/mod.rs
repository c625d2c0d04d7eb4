//! The Watch service: one [`Session`] per client stream.

mod events;
mod fragment;
mod progress;
mod requests;
mod session;

use super::context::Context;
use super::gate;
use super::proto::etcdserverpb::{WatchRequest, watch_server};
pub use session::Session;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

pub struct Watch {
    context: Arc<Context>,
}

impl Watch {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl watch_server::Watch for Watch {
    type WatchStream = Session;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Session>, Status> {
        let (metadata, _, requests) = request.into_parts();
        let requires_leader = gate::requires_leader(&metadata.into_headers());
        Ok(Response::new(Session::new(self.context.clone(), requests, requires_leader)))
    }
}
