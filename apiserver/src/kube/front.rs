//! From a connection to the stages of a request: who asks is found out here.

use super::api::Api;
use super::body::Body;
use super::peer::Peer;
use super::respond;
use super::user::User;
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

impl Api {
    /// Answers one request of a connection. Whoever has a certificate may do everything; all others
    /// may ask for health.
    pub async fn serve(
        self: &Arc<Self>,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let public = matches!(request.uri().path(), "/livez" | "/readyz" | "/healthz" | "/version");
        if !peer.trusted && !public {
            return respond::text(401, "Unauthorized\n");
        }
        let groups = vec![User::MASTERS.to_owned(), User::AUTHENTICATED.to_owned()];
        let user = User { name: "kubernetes-admin".to_owned(), groups, ..User::default() };
        self.handle(user, request).await
    }
}
