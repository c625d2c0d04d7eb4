//! What a server does beside its requests.

use super::api::Api;
use super::bootstrap::{self, Conditions, Endpoints};
use super::follow::Follower;
use super::health::Hook;
use super::loopback::Loopback;
use super::rbac::aggregation;
use std::future::Future;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

impl Api {
    /// Follows the keyspace and sees to what every cluster has, until `stop`. The server is not
    /// ready before the latter is done once, which counts from the call on, not from the first
    /// poll.
    pub fn run(self: Arc<Self>, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        bootstrap::expect(&self);
        self.health.expect(Hook::CustomResources);
        async move {
            let loopback = Loopback::new(self.clone());
            let endpoints = Endpoints::new(self.facts.address);
            let conditions = Arc::new(Conditions::default());
            let follower = Follower::new(conditions.clone());
            let objects = async {
                let ready = self.storage.replica().wait_ready();
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ready => {}
                }
                bootstrap::run(&self, &endpoints, &stop).await;
                endpoints.run(&loopback, &stop).await;
            };
            let gathering = async {
                if self.facts.aggregate_roles {
                    aggregation::run(&loopback, self.access.settled(), &stop).await;
                }
            };
            tokio::join!(
                self.access.run(&self.storage, &stop),
                self.custom.run(&loopback, &stop),
                follower.run(&self.storage, &stop),
                conditions.run(&loopback, &stop),
                objects,
                gathering,
            );
        }
    }
}
