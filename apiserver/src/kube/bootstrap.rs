//! What every cluster has from the start: namespaces, roles, priorities, the `kubernetes` Service.
//!
//! Every replica sees to it when it starts. What is missing is made, what upstream's reconciliation
//! would mend is mended, everything else stays as somebody has made it. Replicas that start at once
//! race for each object; whoever comes second finds it there.

mod endpoints;
mod flow;
mod roles;
mod system;
mod text;

pub use endpoints::Endpoints;
pub use flow::Conditions;
pub use system::Facts;

use super::api::Api;
use super::health::Hook;
use super::limits::{BOOTSTRAP_CONCURRENCY, BOOTSTRAP_PAUSE};
use super::loopback::{Loopback, Refused};
use futures::{StreamExt, TryStreamExt};
use std::future::Future;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use xebec_core::lifecycle;
use xebec_core::value::Object;

/// What this replica is not ready before.
const HOOKS: [Hook; 4] =
    [Hook::SystemNamespaces, Hook::BootstrapRoles, Hook::PriorityClasses, Hook::Bootstrap];

/// An object that ought to be there.
#[derive(Debug, Clone)]
struct Wanted {
    /// The path of its collection.
    collection: String,
    object: Object,
}

impl Wanted {
    fn uri(&self) -> String {
        format!("{}/{}", self.collection, lifecycle::name(&self.object))
    }
}

/// This replica is not ready until [`run`] has been through once.
pub fn expect(api: &Api) {
    HOOKS.into_iter().for_each(|hook| api.health.expect(hook));
}

/// Sees to it that everything is there, again and again until it is.
pub async fn run(api: &Arc<Api>, endpoints: &Endpoints, stop: &CancellationToken) {
    let loopback = Loopback::new(api.clone());
    loop {
        let refused = match attempt(&loopback, endpoints).await {
            Ok(()) => return,
            Err(refused) => refused,
        };
        tracing::warn!(error = %refused, "the objects of a new cluster are not complete");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BOOTSTRAP_PAUSE) => {}
        }
    }
}

async fn attempt(loopback: &Loopback, endpoints: &Endpoints) -> Result<(), Refused> {
    let health = &loopback.api().health;
    for_all(system::namespaces(), |wanted| ensure(loopback, wanted)).await?;
    health.done(Hook::SystemNamespaces);
    let roles = async {
        for_all(roles::all(), |wanted| roles::ensure(loopback, wanted)).await?;
        health.done(Hook::BootstrapRoles);
        Ok(())
    };
    let classes = async {
        for_all(system::priority_classes(), |wanted| ensure(loopback, wanted)).await?;
        health.done(Hook::PriorityClasses);
        Ok(())
    };
    let service = async {
        system::ensure_service(loopback).await?;
        // Without endpoints pods do not find the API; everybody else does.
        if let Err(refused) = endpoints.reconcile(loopback).await {
            tracing::warn!(error = %refused, "the endpoints of the API");
        }
        Ok(())
    };
    let configuration = system::ensure_configuration(loopback);
    let flow = for_all(flow::all(), |wanted| flow::ensure(loopback, wanted));
    futures::try_join!(roles, classes, service, configuration, flow)?;
    health.done(Hook::Bootstrap);
    Ok(())
}

/// Makes an object if there is none of its name.
async fn ensure(loopback: &Loopback, wanted: Wanted) -> Result<(), Refused> {
    if loopback.get(&wanted.uri()).await?.is_none() {
        loopback.create(&wanted.collection, &wanted.object).await?;
    }
    Ok(())
}

/// Several at a time: they share the rounds of consensus.
async fn for_all<F>(all: Vec<Wanted>, act: impl FnMut(Wanted) -> F) -> Result<(), Refused>
where
    F: Future<Output = Result<(), Refused>>,
{
    futures::stream::iter(all).map(act).buffer_unordered(BOOTSTRAP_CONCURRENCY).try_collect().await
}
