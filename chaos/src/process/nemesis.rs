//! Injects one fault after another (sometimes two at once), heals it, and waits until the
//! replicas acknowledge writes again.

use super::ProcessError;
use super::cluster::Cluster;
use super::faults::{FaultKind, Injected};
use super::load::Clients;
use crate::history::{Fault, Nanos};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::time::Duration;
use tokio::time::Instant;

/// How long after a fault is healed writes may still fail.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Decides what comes next: every kind once before any comes twice.
pub struct Nemesis {
    rng: StdRng,
    kinds: Vec<FaultKind>,
    deck: Vec<FaultKind>,
    /// Faults injected so far, in all rounds.
    pub injected: u32,
}

impl Nemesis {
    pub fn new(seed: u64, kinds: Vec<FaultKind>) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), kinds, deck: Vec::new(), injected: 0 }
    }

    fn draw(&mut self) -> FaultKind {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.deck.shuffle(&mut self.rng);
        }
        self.deck.pop().unwrap_or(FaultKind::KillLeader)
    }

    /// Waits until the load is under way.
    pub async fn wait_for_load(
        &mut self,
        cluster: &mut Cluster,
        clients: &Clients,
    ) -> Result<(), ProcessError> {
        self.recover(cluster, clients, &[]).await
    }

    /// One fault from its injection to the recovery.
    pub async fn strike(
        &mut self,
        cluster: &mut Cluster,
        clients: &Clients,
    ) -> Result<(), ProcessError> {
        let first = self.draw();
        let mut faults = vec![self.inject(first, cluster, clients).await?];
        if self.rng.random_bool(0.2) {
            let second = self.draw();
            faults.push(self.inject(second, cluster, clients).await?);
        }
        let hold = faults.iter().map(|(_, injected)| injected.hold).max().unwrap_or_default();
        tokio::time::sleep(hold).await;
        let mut records = Vec::new();
        for (record, injected) in faults {
            injected.heal(cluster).await?;
            records.push(Fault { end_ns: clients.journal.now_ns(), ..record });
        }
        self.recover(cluster, clients, &records).await?;
        for record in records {
            clients.journal.fault(record);
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(100..600))).await;
        Ok(())
    }

    async fn inject(
        &mut self,
        kind: FaultKind,
        cluster: &mut Cluster,
        clients: &Clients,
    ) -> Result<(Fault, Injected), ProcessError> {
        self.injected += 1;
        let start_ns = clients.journal.now_ns();
        let injected = kind.inject(cluster, &mut self.rng).await?;
        let what = injected.what.clone();
        Ok((Fault { start_ns, end_ns: start_ns, kind: kind.to_string(), what }, injected))
    }

    async fn recover(
        &mut self,
        cluster: &mut Cluster,
        clients: &Clients,
        faults: &[Fault],
    ) -> Result<(), ProcessError> {
        let healed_ns: Nanos = clients.journal.now_ns();
        let deadline = Instant::now() + RECOVERY_TIMEOUT;
        while clients.journal.last_write_ns() <= healed_ns {
            cluster.revive()?;
            if Instant::now() > deadline {
                let after: Vec<&str> = faults.iter().map(|fault| fault.what.as_str()).collect();
                cluster.findings.push(format!(
                    "no write was acknowledged within {} s after: {}",
                    RECOVERY_TIMEOUT.as_secs(),
                    after.join("; ")
                ));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cluster.revive()
    }
}
