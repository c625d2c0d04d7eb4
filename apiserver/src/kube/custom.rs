//! Custom resources: every replica follows the definitions in the store and serves what they
//! describe; the leader says in their status that it does, and empties those that are deleted.
//!
//! [`Definitions`] is what a replica knows, and keeps the registry in step with it; [`Controller`]
//! writes. A request for an unknown resource goes through [`Custom::catch_up`] first, so that a
//! client may use on any replica what it saw established on another.

mod controller;
mod definitions;
mod known;
mod removal;
mod review;

use self::controller::Controller;
use self::definitions::{Definitions, PREFIX};
use super::follow::{Follower, Settled};
use super::found::Found;
use super::health::Hook;
use super::limits::{REVIEW_TIMEOUT, SETTLE_TIMEOUT};
use super::loopback::Loopback;
use super::storage::Storage;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use xebec_core::registry::{Resource, SharedRegistry};
use xebec_core::status::Status;
use xebec_store::View;
use xebec_store::kv::Revision;

/// Whether a key is that of a definition.
pub fn is_definition(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The custom resources of a replica.
pub struct Custom {
    registry: Arc<SharedRegistry>,
    definitions: Arc<Definitions>,
    follower: Follower<Definitions>,
}

impl Custom {
    pub fn new(registry: Arc<SharedRegistry>) -> Self {
        let definitions = Arc::new(Definitions::new(registry.clone()));
        Self { follower: Follower::new(definitions.clone()), registry, definitions }
    }

    /// Tells when a write of a definition shows in the registry.
    pub fn settled(&self) -> Settled {
        self.follower.settled()
    }

    /// Waits until every definition that was acknowledged anywhere before the call shows in the
    /// registry.
    pub async fn catch_up(&self, storage: &Storage) -> Result<(), Status> {
        let view = storage.view().await?;
        let newest = Definitions::newest_in(&view);
        if newest > self.definitions.newest() {
            let followed = tokio::time::timeout(SETTLE_TIMEOUT, self.settled().begun()).await;
            if followed.is_err() {
                let why = "the definitions of custom resources have not been read yet";
                return Err(Status::unavailable(why).retry_after(1));
            }
            self.settled().wait(newest).await;
        }
        Ok(())
    }

    /// Waits until the leader has looked at a definition that was just written, so that a client
    /// finds established in its next request what it has defined in this one. Never for long.
    pub async fn reviewed(&self, key: &str) {
        let mut changes = self.definitions.changes();
        let reviewed = async {
            while self.definitions.awaits_review(key) && changes.changed().await.is_ok() {}
        };
        if tokio::time::timeout(REVIEW_TIMEOUT, reviewed).await.is_err() {
            tracing::warn!(key, "a definition has no status yet");
        }
    }

    /// What has to stay as it is for an object of a custom resource to be made: its definition.
    /// 403 while that is being deleted, 404 when it is gone: what is made then would outlive it.
    pub fn guard(
        &self,
        view: &View,
        resource: &Resource,
        name: &str,
    ) -> Result<(String, Revision), Status> {
        self.definitions.guard(view, resource, name)
    }

    /// Ends when a custom resource is no longer served as it was found.
    pub fn until_changed(&self, found: &Found) -> CancellationToken {
        let until = self.definitions.until_changed(&found.resource);
        let (group, plural) = (&found.resource.group, &found.resource.plural);
        let now = self.registry.load();
        let same =
            now.find_resource(group, plural).is_some_and(|one| Arc::ptr_eq(one, &found.resource));
        match until {
            Some(until) if same => until,
            _ => {
                let ended = CancellationToken::new();
                ended.cancel();
                ended
            }
        }
    }

    /// Serves what the definitions describe, until `stop`.
    pub async fn run(&self, loopback: &Loopback, stop: &CancellationToken) {
        let storage = &loopback.api().storage;
        let controller = Controller::new(loopback, &self.definitions);
        let settled = self.settled();
        let known = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = settled.begun() => loopback.api().health.done(Hook::CustomResources),
            }
        };
        let following = self.follower.run(storage, stop);
        tokio::join!(following, controller.run(stop), known);
    }
}
