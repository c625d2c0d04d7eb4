//! [`Rebalance`]: moves a share of the connections when a replica joins or returns.
//!
//! HTTP/2 clients stay connected for days: a replica that comes back would serve nobody. Every
//! replica leaves a mark in the keyspace when it begins to serve; the others see it, and each of
//! their connections ends with a chance of one in the number of replicas, in its own moment
//! within [`SPREAD`](super::limits::REBALANCE_SPREAD). Requests under way are not disturbed.

use super::clock;
use super::storage::{Change, Storage, Written};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use xebec_store::kv::Revision;

/// Beside the objects, which lie below `/registry/`.
const MARKS: &str = "/xebec/serving/";
/// What comes after all keys that begin with [`MARKS`].
const MARKS_END: &str = "/xebec/serving0";

/// How often other replicas' marks are looked at: in this replica's memory.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two attempts to leave the own mark.
const MARK_PAUSE: Duration = Duration::from_secs(1);

/// Tells connections that they may be in the wrong place.
#[derive(Debug)]
pub struct Rebalance {
    round: watch::Sender<Round>,
}

/// One replica more serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Round {
    number: u64,
    replicas: u32,
}

impl Default for Rebalance {
    fn default() -> Self {
        Self { round: watch::channel(Round::default()).0 }
    }
}

impl Rebalance {
    /// Leaves this replica's mark and looks for those of others, until `stop`.
    pub async fn run(&self, storage: &Storage, stop: &CancellationToken) {
        let follow = async {
            mark(storage).await;
            self.follow(storage).await;
        };
        stop.run_until_cancelled(follow).await;
    }

    async fn follow(&self, storage: &Storage) {
        let mut known = marks(storage);
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = marks(storage);
            let came = now.iter().any(|(key, revision)| known.get(key) != Some(revision));
            if came {
                let replicas = storage.replica().members().len();
                let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
                tracing::info!(replicas, "another replica serves: moving connections");
                self.round.send_modify(|round| {
                    *round = Round { number: round.number + 1, replicas };
                });
            }
            known = now;
        }
    }

    /// Completes when the connection that asks should go elsewhere; never for most.
    pub fn chosen(&self, spread: Duration) -> impl Future<Output = ()> + use<> {
        let mut rounds = self.round.subscribe();
        async move {
            while rounds.changed().await.is_ok() {
                let round = *rounds.borrow_and_update();
                let [lot, moment]: [u32; 2] = lots();
                if lot.checked_rem(round.replicas) == Some(0) {
                    return sleep(spread.mul_f64(f64::from(moment) / f64::from(u32::MAX))).await;
                }
            }
            std::future::pending::<()>().await;
        }
    }
}

fn lots() -> [u32; 2] {
    let bytes: [u8; 8] = clock::random();
    let [a, b, c, d, e, f, g, h] = bytes;
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

/// Where each replica that has ever served left its mark, and when.
fn marks(storage: &Storage) -> BTreeMap<Bytes, Revision> {
    let view = storage.local_view();
    let marks = view.keys().range(MARKS.as_bytes(), Some(MARKS_END.as_bytes()));
    marks.map(|kv| (kv.key.clone(), kv.mod_revision)).collect()
}

/// Says that this replica begins to serve. The mark itself says nothing: its revision counts.
async fn mark(storage: &Storage) {
    let key = format!("{MARKS}{:x}", storage.replica().leadership().own_id);
    let mut expected = 0;
    loop {
        let value = Some(Bytes::new());
        match storage.write(Change { key: key.clone(), expected, value }).await {
            Ok(Written::Done(_)) => return,
            Ok(Written::Changed(held)) => expected = held.map_or(0, |held| held.revision()),
            Err(status) => {
                tracing::debug!(message = status.message, "the mark of this replica");
                sleep(MARK_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn of_many_connections_a_share_is_chosen() {
        let rebalance = Rebalance::default();
        let mut waiting: Vec<_> =
            (0..400).map(|_| Box::pin(rebalance.chosen(Duration::ZERO))).collect();
        // A round starts a timer, which needs its moment.
        let mut left = async || {
            for _ in 0..2 {
                waiting.retain_mut(|one| one.as_mut().now_or_never().is_none());
                sleep(Duration::from_millis(5)).await;
            }
            waiting.retain_mut(|one| one.as_mut().now_or_never().is_none());
            waiting.len()
        };
        assert_eq!(left().await, 400, "nothing has happened yet");
        rebalance.round.send_modify(|round| *round = Round { number: 1, replicas: 4 });
        // A hundred are expected: that none or all are chosen is less likely than a broken disk.
        let some = left().await;
        assert!((1..400).contains(&some), "{some}");
        rebalance.round.send_modify(|round| *round = Round { number: 2, replicas: 1 });
        while left().await > 0 {}
    }
}
