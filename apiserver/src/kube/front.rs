//! From a connection to the stages of a request: who asks is found out here.

use super::api::Api;
use super::body::Body;
use super::peer::Peer;
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

impl Api {
    /// Answers one request of a connection.
    pub async fn serve(
        self: &Arc<Self>,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let user = self.access.authenticate(&peer.certificates, request.headers()).await;
        self.handle(user, request).await
    }
}
