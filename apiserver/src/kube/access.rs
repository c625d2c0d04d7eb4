//! [`Access`]: who may do what: authentication, impersonation and authorization of requests.

use super::authn::{Authentication, Options as AuthenticationOptions, OptionsError};
use super::authz::{Attributes, Authorization};
use super::follow::{Follower, Settled};
use super::impersonate;
use super::rbac::Rbac;
use super::request::RequestInfo;
use super::storage::Storage;
use super::user::User;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use xebec_core::status::Status;

/// Settings of [`Access`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub authentication: AuthenticationOptions,
    /// The rules of aggregated roles are gathered by this server. Upstream leaves that to its
    /// controllers.
    pub aggregate_roles: bool,
}

/// One per server.
pub struct Access {
    pub authentication: Authentication,
    pub authorization: Authorization,
    pub rbac: Arc<Rbac>,
    follower: Follower<Rbac>,
}

impl Access {
    pub fn new(options: Options, storage: Storage) -> Result<Self, OptionsError> {
        let rbac = Arc::new(Rbac::default());
        Ok(Self {
            authentication: Authentication::new(options.authentication, storage)?,
            authorization: Authorization::new(rbac.clone()),
            follower: Follower::new(rbac.clone()),
            rbac,
        })
    }

    /// For the storage through which roles are written: a write is acknowledged when it counts
    /// here.
    pub fn settled(&self) -> Settled {
        self.follower.settled()
    }

    /// Follows the roles of the cluster until `stop`. Nobody but masters may do anything before.
    pub async fn run(&self, storage: &Storage, stop: &CancellationToken) {
        self.follower.run(storage, stop).await;
    }

    /// Who makes a request; 401 for a credential that does not hold up.
    pub async fn authenticate(
        &self,
        peer_certificates: &[CertificateDer<'_>],
        headers: &HeaderMap,
    ) -> Result<User, Status> {
        self.authentication.authenticate(peer_certificates, headers).await
    }

    /// On whose behalf a request is made, if headers say so and the user may.
    pub async fn impersonate(
        &self,
        user: &User,
        info: &RequestInfo,
        headers: &HeaderMap,
    ) -> Result<Option<User>, Status> {
        impersonate::impersonate(&self.authorization, user, info, headers)
    }

    /// 403 unless the user may make the request.
    pub async fn authorize(&self, user: &User, info: &RequestInfo) -> Result<(), Status> {
        self.authorization.check(&Attributes::of(user, info))
    }
}
