//! One simulated machine: two disks that survive, and a process that does not.
//!
//! Each life of the process has a tokio runtime of its own with paused time, so that a crash drops
//! all of its tasks at once, a pause stops its clock from being looked at, and its timers drift.

use super::disk::SimHome;
use super::net::{Net, peer_url};
use super::rng::Rng;
use super::trace::Trace;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use xebec_raft::options::{FatalHook, FreeSpace, WallClock};
use xebec_raft::{
    Environment, Identity, Member, Options, Replica, Threads, Timing, Upkeep, runtime,
};
use xebec_store::Store;
use xebec_store::watch::Limits;

/// The wall clock of a simulation begins here: the first day of 2026.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// What a crash leaves on the disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process dies, the kernel lives: what was written to the log is there.
    Kill,
    /// The machine loses power: what was not synced is gone, or a part of it.
    PowerLoss,
}

/// A wall clock that may be wrong.
#[derive(Default)]
pub struct SkewedClock {
    now_ms: AtomicU64,
}

impl WallClock for SkewedClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}

/// The free space that the host's monitor sees.
pub struct Space {
    free_bytes: AtomicU64,
}

/// Room on a disk that is not full.
pub const PLENTY_BYTES: u64 = 1 << 40;

impl FreeSpace for Space {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::Relaxed))
    }

    fn total_bytes(&self) -> std::io::Result<u64> {
        Ok(2 * PLENTY_BYTES)
    }
}

/// Keeps the reason why a replica stopped itself.
#[derive(Default)]
struct LastWords(Mutex<Option<String>>);

impl FatalHook for LastWords {
    fn stop(&self, reason: &str) {
        self.0.lock().get_or_insert_with(|| reason.to_owned());
    }
}

/// Who a host is in its cluster.
#[derive(Clone)]
pub struct Role {
    pub identity: Identity,
    pub member: Member,
    /// The founders of the cluster, if the host is one.
    pub bootstrap: Option<Vec<Member>>,
}

impl Role {
    /// Of a machine that belongs to no cluster.
    pub fn none() -> Self {
        let identity = Identity { cluster_id: 0, member_id: 0 };
        Self { identity, member: Member::default(), bootstrap: None }
    }
}

pub struct Host {
    pub index: usize,
    pub role: Role,
    pub log: SimHome,
    pub state: SimHome,
    net: Arc<Net>,
    trace: Arc<Trace>,
    rng: Rng,
    clock: Arc<SkewedClock>,
    space: Arc<Space>,
    /// How far the wall clock is off.
    pub skew_ms: i64,
    /// How fast the timers run, in millionths of the true speed.
    pub rate_ppm: u64,
    pub paused: bool,
    /// The longest time that a sync or a read takes.
    pub disk_delay_max_ms: u64,
    /// Entries between two times that the keyspace is made durable, and about what the log keeps.
    pub retention_entries: u64,
    life: Option<Life>,
    pub lives: u64,
}

/// One run of the process.
struct Life {
    runtime: Runtime,
    replica: Arc<OnceLock<Replica>>,
    last_words: Arc<LastWords>,
    began_us: u64,
    local_ms: u64,
    stopping: bool,
}

impl Host {
    pub fn new(
        index: usize,
        role: Role,
        disks: (SimHome, SimHome),
        net: Arc<Net>,
        trace: Arc<Trace>,
        rng: Rng,
    ) -> Self {
        Self {
            index,
            role,
            log: disks.0,
            state: disks.1,
            net,
            trace,
            rng,
            clock: Arc::default(),
            space: Arc::new(Space { free_bytes: AtomicU64::new(PLENTY_BYTES) }),
            skew_ms: 0,
            rate_ppm: 1_000_000,
            paused: false,
            disk_delay_max_ms: 0,
            retention_entries: 1_000,
            life: None,
            lives: 0,
        }
    }

    pub fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// True while a planned stop is under way.
    pub fn is_stopping(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.stopping)
    }

    /// The running replica, once it has started.
    pub fn replica(&self) -> Option<&Replica> {
        self.life.as_ref()?.replica.get()
    }

    pub fn handle(&self) -> Option<&Handle> {
        self.life.as_ref().map(|life| life.runtime.handle())
    }

    /// Why the replica stopped itself, if it did.
    pub fn last_words(&self) -> Option<String> {
        self.life.as_ref()?.last_words.0.lock().clone()
    }

    pub fn set_free_bytes(&self, free_bytes: u64) {
        self.space.free_bytes.store(free_bytes, Ordering::Relaxed);
        self.log.set_free_bytes(Some(free_bytes));
        self.state.set_free_bytes(Some(free_bytes));
    }

    /// Begins a life on what the disks hold.
    pub fn start(&mut self, now_us: u64) {
        assert!(self.life.is_none(), "host {} runs already", self.index);
        self.lives += 1;
        self.trace.line(format_args!("host {}: start, life {}", self.index, self.lives));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a current-thread runtime takes nothing from the system");
        let replica = Arc::new(OnceLock::new());
        let last_words = Arc::new(LastWords::default());
        self.net.begin_life(self.index);
        let boot = self.boot(Arc::clone(&replica), Arc::clone(&last_words));
        runtime.spawn(boot);
        let life =
            Life { runtime, replica, last_words, began_us: now_us, local_ms: 0, stopping: false };
        self.life = Some(life);
    }

    fn boot(
        &self,
        slot: Arc<OnceLock<Replica>>,
        last_words: Arc<LastWords>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (index, net, trace) = (self.index, Arc::clone(&self.net), Arc::clone(&self.trace));
        let (log, state) = (Arc::new(self.log.clone()), Arc::new(self.state.clone()));
        let options = self.options(Arc::clone(&last_words));
        let rng = self.rng.fork(self.lives);
        // Small, so that watches fall behind the rings and read from disk.
        let limits =
            Limits { history_bytes: 24 << 10, rings_bytes: 12 << 10, inbox_bytes: 24 << 10 };
        async move {
            let mut settings = xebec_store::Options::new(options.identity.member_id);
            settings.load_threads = 1;
            settings.watch = limits;
            settings.dispatcher = false;
            let store = match Store::open(state, settings) {
                Ok(store) => Arc::new(store),
                Err(error) => return last_words.stop(&format!("open: {error}")),
            };
            tokio::spawn(dispatch(Arc::clone(&store), rng));
            let transport = net.transport(index);
            match Replica::start(options, log, store, transport).await {
                Ok(replica) => {
                    trace.line(format_args!("host {index}: serves"));
                    net.serve(index, replica.peer_service(), Handle::current());
                    let _ = slot.set(replica);
                }
                Err(error) => last_words.stop(&format!("start: {error}")),
            }
        }
    }

    fn options(&self, last_words: Arc<LastWords>) -> Options {
        Options {
            identity: self.role.identity,
            member: self.role.member.clone(),
            bootstrap: self.role.bootstrap.clone(),
            timing: Timing::default(),
            upkeep: self.upkeep(),
            environment: Environment {
                clock: Arc::clone(&self.clock) as Arc<dyn WallClock>,
                disk: Arc::clone(&self.space) as Arc<dyn FreeSpace>,
                fatal: last_words,
            },
            threads: Threads::Current,
        }
    }

    /// Little is kept, so that a short run sees purges and checkpoints.
    fn upkeep(&self) -> Upkeep {
        Upkeep {
            persist_entries: self.retention_entries,
            persist_interval: Duration::from_secs(2),
            log_keep_bytes: 1 << 20,
            log_keep_entries: self.retention_entries,
            purge_entries_min: self.retention_entries.div_ceil(4),
            ..Upkeep::default()
        }
    }

    /// Ends the life without a word. The disks keep what the kind of crash leaves them.
    pub fn crash(&mut self, kind: Crash) {
        let Some(life) = self.life.take() else { return };
        self.trace.line(format_args!("host {}: {kind:?}", self.index));
        // The disks first: what the dying tasks still try must not reach them.
        let rng = &mut self.rng;
        match kind {
            Crash::Kill => self.log.crash(&mut |all| all),
            Crash::PowerLoss => self.log.crash(&mut |all| rng.between(0, all)),
        }
        self.state.crash(&mut |all| rng.between(0, all));
        self.net.end_life(self.index, kind == Crash::PowerLoss);
        drop(life);
        self.paused = false;
    }

    /// Begins a planned stop; [`Self::crash`] ends the life when it is done.
    pub fn stop(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let life = self.life.as_mut()?;
        let replica = life.replica.get()?.clone();
        life.stopping = true;
        self.trace.line(format_args!("host {}: planned stop", self.index));
        Some(life.runtime.spawn(replica.shutdown()))
    }

    /// Lets the process run until `now_us`, on its own clock.
    pub fn run_until(&mut self, now_us: u64) {
        let wall_ms = (EPOCH_MS + now_us / 1_000).saturating_add_signed(self.skew_ms);
        self.clock.now_ms.store(wall_ms, Ordering::Relaxed);
        let Some(life) = &mut self.life else { return };
        if self.paused {
            return;
        }
        let lived_us = now_us - life.began_us;
        let due_ms = (u128::from(lived_us) * u128::from(self.rate_ppm) / 1_000_000_000) as u64;
        let step_ms = due_ms.saturating_sub(life.local_ms);
        if step_ms == 0 {
            return;
        }
        life.local_ms += step_ms;
        runtime::seed_thread(self.rng.next_u64());
        runtime::set_disk_delay_max(Duration::from_millis(self.disk_delay_max_ms));
        life.runtime.block_on(async {
            // After a pause the clock has gone on while nothing ran: timers fire late, all at once.
            const LATE_MS: u64 = 8;
            if step_ms > LATE_MS {
                tokio::time::advance(Duration::from_millis(step_ms - 1)).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            } else {
                tokio::time::sleep(Duration::from_millis(step_ms)).await;
            }
        });
    }
}

/// The dispatcher of the store's watches, in place of its thread: mostly at once, sometimes late.
async fn dispatch(store: Arc<Store>, mut rng: Rng) {
    loop {
        let late = rng.chance_ppm(20_000);
        let pause_ms = if late { rng.between(5, 80) } else { 1 };
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        while store.watches().dispatch() {}
    }
}

/// The member that a host begins as.
pub fn member_of(host: usize) -> (String, Vec<String>) {
    (format!("host-{host}"), vec![peer_url(host)])
}
