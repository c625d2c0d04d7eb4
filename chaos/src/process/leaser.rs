//! A client of leases: grants one, hangs a key on it, keeps it alive for a while, then revokes it
//! or lets it run out. Nobody else deletes these keys, so that a lease that ends early is seen.

use super::load::{Clients, PREFIX};
use crate::history::{Outcome, Put, Range, Request};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(2);

pub async fn leaser(clients: Arc<Clients>, id: u32) {
    let mut rng = clients.rng(id);
    while !clients.is_stopped() {
        let lease = rng.random_range(1..i64::MAX);
        let ttl_s = rng.random_range(2..5);
        let endpoint = clients.endpoints.any(&mut rng);
        let grant = |_| Request::LeaseGrant { lease, ttl_s };
        let granted = clients.execute(id, &endpoint, DEADLINE, grant).await;
        if !matches!(granted, Outcome::Ok { .. }) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let key = format!("{PREFIX}lease/{lease:x}");
        let put = |id| {
            let (key, value) = (key.clone(), format!("v{id}"));
            Request::Put(Put { key, value, lease, prev_kv: false })
        };
        clients.execute(id, &endpoint, DEADLINE, put).await;
        for _ in 0..rng.random_range(0..6) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(100..900))).await;
            let endpoint = clients.endpoints.any(&mut rng);
            let keep_alive = |_| Request::LeaseKeepAlive { lease };
            clients.execute(id, &endpoint, DEADLINE, keep_alive).await;
        }
        let endpoint = clients.endpoints.any(&mut rng);
        let read = |_| Request::Range(Range { key: key.clone(), ..Range::default() });
        clients.execute(id, &endpoint, DEADLINE, read).await;
        if rng.random_bool(0.5) {
            let revoke = |_| Request::LeaseRevoke { lease };
            clients.execute(id, &endpoint, DEADLINE, revoke).await;
        }
    }
}
