//! One run: hosts, wires, clients and faults in one loop over simulated time.
//!
//! One thread does everything, millisecond by millisecond, in a fixed order: parcels arrive,
//! faults strike, clients send, every host runs, what happened is looked at. Nothing else is
//! concurrent, so the seed decides all of it.

mod actions;
mod phases;

use super::client::{Clients, Server};
use super::disk::SimHome;
use super::faults::FaultPlan;
use super::host::{Crash, Host, Role, member_of};
use super::invariants::no_surprise_stop::{self, Causes};
use super::invariants::{Invariants, Sample};
use super::logbook::LogBook;
use super::net::Net;
use super::panics::PanicGuard;
use super::rng::Rng;
use super::settings::Settings;
use super::tap::{StateTap, Tap};
use super::trace::Trace;
use super::truth::Truth;
use super::violation::{Violation, Violations};
use super::watcher::Watchers;
use super::wire::Wire;
use crate::history::History;
use actions::{Actions, Undo};
use std::collections::BTreeMap;
use std::sync::Arc;
use xebec_raft::identity::initial_cluster;
use xebec_raft::runtime::unseed_thread;
use xebec_raft::{Identity, Status};

/// One step of simulated time.
const STEP_US: u64 = 1_000;

/// The verdict on one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    /// Over everything that happened: equal for two runs of one seed.
    pub trace_hash: u64,
    pub violations: Vec<Violation>,
    pub tail: Vec<String>,
    pub full_trace: Vec<String>,
    pub stats: Stats,
}

/// What a run did, to see that it did something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub simulated_ms: u64,
    pub acknowledged: u64,
    pub unknown: u64,
    pub revision: i64,
    pub leaders: usize,
    pub lives: u64,
    pub faults: u64,
    pub watch_events: u64,
    pub catch_ups: u64,
    pub snapshots: u64,
    /// Watches that were cancelled because of a compaction.
    pub compacted_watches: u64,
    /// Progress marks.
    pub marks: u64,
    /// Replicas that stopped themselves.
    pub stops: u64,
}

/// A running simulation.
pub struct World {
    pub settings: Settings,
    pub now_us: u64,
    pub trace: Arc<Trace>,
    pub violations: Violations,
    pub truth: Arc<Truth>,
    pub logs: Arc<LogBook>,
    pub net: Arc<Net>,
    pub hosts: Vec<Host>,
    pub clients: Clients,
    pub watchers: Watchers,
    pub history: History,
    invariants: Invariants,
    plan: Option<FaultPlan>,
    actions: Actions,
    rng: Rng,
    cluster_id: u64,
    /// When a host that is down comes back.
    restarts: BTreeMap<usize, u64>,
    undo: Vec<(u64, Undo)>,
    causes: Vec<Causes>,
    faults: u64,
    stops: u64,
    /// Checkpoints taken by machines that have been replaced.
    installs: u64,
    panics: PanicGuard,
}

impl Drop for World {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            host.crash(Crash::Kill);
        }
        unseed_thread();
    }
}

impl World {
    pub fn new(settings: Settings) -> Self {
        let root = Rng::new(settings.seed);
        let trace = Arc::new(Trace::new(settings.full_trace));
        let violations = Violations::new(Arc::clone(&trace));
        let truth = Arc::new(Truth::new(violations.clone(), Arc::clone(&trace)));
        let logs = Arc::new(LogBook::new(violations.clone()));
        let net = Net::new(Wire::new(root.fork(1), settings.hosts()), settings.hosts());
        let founders = (0..settings.voters).map(member_of).collect::<Vec<_>>();
        let (cluster_id, members) = initial_cluster(&founders, "simulation");
        let mut clients = Clients::new(root.fork(2), Arc::clone(&trace), settings.sessions);
        clients.mix = settings.mix;
        clients.manner = settings.manner;
        clients.think_max_us = settings.think_max_us;
        let mut watchers = Watchers::new(root.fork(3), Arc::clone(&trace), settings.watchers);
        watchers.pace = settings.pace;
        watchers.stay_max_us = settings.stay_max_us;
        watchers.marks_max_us = settings.marks_max_us;
        watchers.future_ppm = settings.future_ppm;
        watchers.bug = settings.watch_bug;
        let plan = FaultPlan::new(root.fork(4), settings.weather, settings.hosts());
        let invariants = Invariants::new(violations.clone(), Arc::clone(&logs));
        let mut world = Self {
            now_us: 0,
            invariants,
            actions: Actions::default(),
            plan: Some(plan),
            rng: root.fork(5),
            cluster_id,
            restarts: BTreeMap::new(),
            undo: Vec::new(),
            causes: vec![Causes::default(); settings.hosts()],
            faults: 0,
            stops: 0,
            installs: 0,
            panics: PanicGuard::new(),
            hosts: Vec::new(),
            history: History::default(),
            settings,
            trace,
            violations,
            truth,
            logs,
            net,
            clients,
            watchers,
        };
        for index in 0..world.settings.hosts() {
            // The members come in the order of their ids.
            let url = super::net::peer_url(index);
            let role = match members.iter().find(|member| member.peer_urls.contains(&url)) {
                Some(member) => Role {
                    identity: Identity { cluster_id, member_id: member.id },
                    member: member.clone(),
                    bootstrap: Some(members.clone()),
                },
                None => Role::none(),
            };
            let host = world.new_host(index, role);
            world.hosts.push(host);
        }
        for index in 0..world.settings.voters {
            world.hosts[index].start(0);
        }
        world
    }

    /// A machine with empty disks.
    fn new_host(&mut self, index: usize, role: Role) -> Host {
        let disk = |name, mem, tap: Arc<dyn Tap>| {
            SimHome::new(index, name, mem, tap, Arc::clone(&self.trace))
        };
        let logs: Arc<dyn Tap> = Arc::clone(&self.logs) as Arc<dyn Tap>;
        let log = disk("log", super::disk::log_disk(), logs);
        let states: Arc<dyn Tap> = Arc::new(StateTap::new(Arc::clone(&self.truth)));
        let state = disk("state", super::disk::state_disk(), states);
        log.set_lies(self.settings.lies.log);
        state.set_lies(self.settings.lies.state);
        let rng = Rng::new(self.rng.next_u64());
        let (net, trace) = (Arc::clone(&self.net), Arc::clone(&self.trace));
        let mut host = Host::new(index, role, (log, state), net, trace, rng);
        let drift_ppm = self.settings.drift_ppm;
        host.rate_ppm = self.settings.rate_ppm + self.rng.between(0, 2 * drift_ppm) - drift_ppm;
        host.retention_entries = self.settings.retention_entries;
        host.disk_delay_max_ms = self.settings.disk_delay_max_ms;
        host.skew_ms = self.rng.between(0, 400) as i64 - 200;
        host
    }

    /// One millisecond.
    pub fn step(&mut self) {
        self.now_us += STEP_US;
        self.trace.set_now_us(self.now_us);
        self.net.wire.advance(self.now_us);
        self.end_faults();
        self.begin_faults();
        self.restart_hosts();
        self.drive_clients();
        for index in 0..self.hosts.len() {
            self.hosts[index].run_until(self.now_us);
        }
        self.finish_actions();
        self.bury_the_dead();
        self.look();
    }

    /// Steps until `done`, at most `limit_ms`; false if it never was, or something broke.
    pub fn run_until(&mut self, limit_ms: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
        for _ in 0..limit_ms {
            if done(self) {
                return true;
            }
            if self.violations.any() {
                return false;
            }
            self.step();
        }
        done(self)
    }

    pub fn run_for(&mut self, ms: u64) {
        self.run_until(ms, |_| false);
    }

    fn drive_clients(&mut self) {
        // Requests only go where a server listens; one that is paused takes them and is silent.
        let servers = servers(&self.hosts);
        self.clients.step(self.now_us, &servers, &mut self.history);
        self.watchers.step(self.now_us, &servers, &mut self.clients, &mut self.history);
    }

    /// Replicas that stopped themselves are processes that exited.
    fn bury_the_dead(&mut self) {
        for index in 0..self.hosts.len() {
            let Some(words) = self.hosts[index].last_words() else { continue };
            self.trace.line(format_args!("host {index}: stopped itself: {words}"));
            self.stops += 1;
            let causes = std::mem::take(&mut self.causes[index]);
            if let Some(detail) = no_surprise_stop::check(index, &words, causes) {
                self.violations.report(no_surprise_stop::NAME, detail);
            }
            self.hosts[index].crash(Crash::Kill);
            if causes.removed {
                self.retire(index);
            } else {
                let down_us = self.rng.between(10_000, 500_000);
                self.restarts.insert(index, self.now_us + down_us);
            }
        }
    }

    /// Every invariant looks at every replica that runs.
    fn look(&mut self) {
        for panic in self.panics.take() {
            self.violations.report("no panic", panic);
        }
        for host in &self.hosts {
            let Some(replica) = host.replica() else { continue };
            let status = replica.status();
            let view = replica.store().view();
            let sample =
                Sample { host: host.index, life: host.lives, status: &status, view: &view };
            self.invariants.observe(&sample);
            self.trace.count(&[
                host.index as u64,
                status.term,
                status.committed_index,
                status.applied_index,
                view.hash(),
            ]);
        }
    }

    pub fn status(&self, host: usize) -> Option<Status> {
        self.hosts[host].replica().map(xebec_raft::Replica::status)
    }

    /// The host that leads the greatest term, of those that run and are not paused.
    pub fn leader(&self) -> Option<usize> {
        let statuses = self.hosts.iter().filter(|host| !host.paused).filter_map(|host| {
            let status = host.replica()?.status();
            (status.leader == Some(status.member_id)).then_some((status.term, host.index))
        });
        statuses.max().map(|(_, host)| host)
    }

    /// Hosts that belong to the cluster.
    pub fn members(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.role.identity.member_id != 0)
    }

    pub fn outcome(self) -> Outcome {
        let stats = Stats {
            simulated_ms: self.now_us / 1_000,
            acknowledged: self.clients.acknowledged,
            unknown: self.clients.unknown,
            revision: self.truth.revision(),
            leaders: self.invariants.leaders(),
            lives: self.hosts.iter().map(|host| host.lives).sum(),
            faults: self.faults,
            watch_events: self.watchers.events,
            catch_ups: *self.watchers.catch_ups.lock(),
            snapshots: self.installs
                + self.hosts.iter().map(|host| host.state.installs()).sum::<u64>(),
            compacted_watches: self.watchers.compacted,
            marks: self.watchers.marks,
            stops: self.stops,
        };
        for panic in self.panics.take() {
            self.violations.report("no panic", panic);
        }
        Outcome {
            seed: self.settings.seed,
            trace_hash: self.trace.hash(),
            violations: self.violations.list(),
            tail: self.trace.tail(),
            full_trace: self.trace.full(),
            stats,
        }
    }
}

/// Where clients can send requests.
fn servers(hosts: &[Host]) -> Vec<Server<'_>> {
    let running = hosts.iter().filter(|host| !host.is_stopping());
    running
        .filter_map(|host| {
            let (replica, handle) = (host.replica()?, host.handle()?);
            Some(Server { host: host.index, replica, handle, life: host.lives })
        })
        .collect()
}
