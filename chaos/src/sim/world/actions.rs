//! How faults are carried out and taken back.

use super::World;
use crate::history;
use crate::sim::faults::{Change, Fault};
use crate::sim::host::{Crash, PLENTY_BYTES, Role};
use crate::sim::invariants::no_surprise_stop::Causes;
use crate::sim::wire::Link;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::task::JoinHandle;
use xebec_raft::{Identity, Member};
use xebec_store::engine::mem::{Fault as DiskFault, Faults as DiskFaults};

/// What ends a fault.
pub enum Undo {
    Resume(usize),
    Unblock(Vec<(usize, usize)>),
    FreeSpace(usize),
    QuickDisk(usize),
}

/// What the harness asked of replicas and waits for, as an operator would.
#[derive(Default)]
pub struct Actions {
    stops: Vec<(usize, u64, JoinHandle<()>, u64)>,
    /// Spares whose addition was asked for but not answered, and answers.
    answers: Arc<Mutex<Vec<Answer>>>,
    /// One change of the membership at a time.
    changing_until_us: u64,
}

enum Answer {
    Added { host: usize, member: Member },
    Removed { member_id: u64 },
    Failed,
}

/// An operator gives up on a change of the membership after this.
const CHANGE_TIMEOUT_US: u64 = 10_000_000;
/// A planned stop that takes longer is cut short.
const STOP_TIMEOUT_US: u64 = 10_000_000;

impl World {
    pub(super) fn begin_faults(&mut self) {
        let Some(plan) = &mut self.plan else { return };
        for fault in plan.draw() {
            self.strike(fault);
        }
    }

    /// Carries out a fault, unless too much is broken already.
    pub fn strike(&mut self, fault: Fault) {
        if self.is_too_much(&fault) {
            return;
        }
        self.trace.line(format_args!("fault: {fault:?}"));
        self.faults += 1;
        let start_ns = self.now_us * 1_000;
        let what = format!("{fault:?}");
        let kind = what.split([' ', '(']).next().unwrap_or_default().to_owned();
        self.history.faults.push(history::Fault { start_ns, end_ns: start_ns, kind, what });
        match fault {
            Fault::Kill { host, down_ms } => self.kill(host, Crash::Kill, down_ms),
            Fault::PowerLoss { host, down_ms } => self.kill(host, Crash::PowerLoss, down_ms),
            Fault::KillAll { power, down_ms } => {
                let crash = if power { Crash::PowerLoss } else { Crash::Kill };
                for host in 0..self.hosts.len() {
                    self.kill(host, crash, down_ms + host as u64 * 7);
                }
            }
            Fault::Pause { host, for_ms } => {
                self.hosts[host].paused = self.hosts[host].is_up();
                self.undo_in(for_ms, Undo::Resume(host));
            }
            Fault::Partition { side, for_ms } => {
                let others = (0..self.hosts.len()).filter(|host| !side.contains(host));
                let pairs = others.flat_map(|other| {
                    side.iter().flat_map(move |here| [(*here, other), (other, *here)])
                });
                let pairs = pairs.collect();
                self.block(pairs, for_ms);
            }
            Fault::OneWay { from, to, for_ms } => self.block(vec![(from, to)], for_ms),
            Fault::BadLink { from, to, loss_ppm, latency_max_us, for_ms } => {
                let link = Link { loss_ppm, latency_max_us, ..Link::default() };
                self.net.wire.set_link(from, to, Some(link));
                self.undo_in(for_ms, Undo::Unblock(vec![(from, to)]));
            }
            Fault::BrokenStreams { from, to } => self.net.wire.break_channels(from, to),
            Fault::DiskError { host, log, on_sync } => self.break_disk(host, log, on_sync),
            Fault::DiskFull { host, for_ms } => {
                self.hosts[host].set_free_bytes(1 << 20);
                self.undo_in(for_ms, Undo::FreeSpace(host));
            }
            Fault::SlowDisk { host, delay_max_ms, for_ms } => {
                self.hosts[host].disk_delay_max_ms = delay_max_ms;
                self.undo_in(for_ms, Undo::QuickDisk(host));
            }
            Fault::ClockJump { host, skew_ms } => self.hosts[host].skew_ms = skew_ms,
            Fault::Transfer => self.transfer(),
            Fault::PlannedStop { host, down_ms } => self.stop(host, down_ms),
            Fault::Membership(change) => self.change_membership(change),
        }
    }

    /// Mostly a majority is left in peace, so that there is something to get wrong.
    fn is_too_much(&mut self, fault: &Fault) -> bool {
        let host = match fault {
            Fault::Kill { host, .. }
            | Fault::PowerLoss { host, .. }
            | Fault::Pause { host, .. }
            | Fault::DiskError { host, .. }
            | Fault::PlannedStop { host, .. } => *host,
            Fault::Partition { side, .. } => side[0],
            _ => return false,
        };
        let disturbed = |host: usize| !self.hosts[host].is_up() || self.hosts[host].paused;
        let down = self.members().filter(|other| other.index != host && disturbed(other.index));
        let down = down.count();
        let minority = (self.members().count().max(1) - 1) / 2;
        down + 1 > minority && self.rng.chance_ppm(800_000)
    }

    fn kill(&mut self, host: usize, crash: Crash, down_ms: u64) {
        if !self.hosts[host].is_up() {
            return;
        }
        self.hosts[host].crash(crash);
        self.causes[host].disk_fault = false;
        self.restarts.insert(host, self.now_us + down_ms * 1_000);
    }

    fn undo_in(&mut self, ms: u64, undo: Undo) {
        self.undo.push((self.now_us + ms * 1_000, undo));
    }

    fn block(&mut self, pairs: Vec<(usize, usize)>, for_ms: u64) {
        for (from, to) in &pairs {
            let link = Link { blocked: true, ..Link::default() };
            self.net.wire.set_link(*from, *to, Some(link));
        }
        self.undo_in(for_ms, Undo::Unblock(pairs));
    }

    fn break_disk(&mut self, host: usize, log: bool, on_sync: bool) {
        let host = &self.hosts[host];
        if !host.is_up() {
            return;
        }
        self.causes[host.index].disk_fault = true;
        let fault = Some(DiskFault::Io);
        let faults = if on_sync {
            DiskFaults { sync: fault, ..DiskFaults::default() }
        } else {
            DiskFaults { write: fault, ..DiskFaults::default() }
        };
        let disk = if log { &host.log } else { &host.state };
        disk.inject(faults);
    }

    pub(super) fn end_faults(&mut self) {
        let now_us = self.now_us;
        let (due, later) =
            std::mem::take(&mut self.undo).into_iter().partition(|(at, _)| *at <= now_us);
        self.undo = later;
        let due: Vec<(u64, Undo)> = due;
        for (_, undo) in due {
            self.take_back(undo);
        }
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Resume(host) => self.hosts[host].paused = false,
            Undo::Unblock(pairs) => {
                for (from, to) in pairs {
                    self.net.wire.set_link(from, to, None);
                }
            }
            Undo::QuickDisk(host) => {
                self.hosts[host].disk_delay_max_ms = self.settings.disk_delay_max_ms;
            }
            Undo::FreeSpace(host) => self.hosts[host].set_free_bytes(PLENTY_BYTES),
        }
    }

    /// Ends all faults and brings every member back.
    pub fn heal(&mut self) {
        self.trace.line(format_args!("heal"));
        self.plan = None;
        for (_, undo) in std::mem::take(&mut self.undo) {
            self.take_back(undo);
        }
        self.net.wire.heal();
        for host in &mut self.hosts {
            host.paused = false;
        }
        for at_us in self.restarts.values_mut() {
            *at_us = self.now_us;
        }
    }

    pub(super) fn restart_hosts(&mut self) {
        let now_us = self.now_us;
        let due = self.restarts.iter().filter(|(_, at_us)| **at_us <= now_us);
        for host in due.map(|(host, _)| *host).collect::<Vec<_>>() {
            self.restarts.remove(&host);
            if !self.hosts[host].is_up() && self.hosts[host].role.identity.member_id != 0 {
                self.hosts[host].start(now_us);
            }
        }
    }

    fn transfer(&mut self) {
        let Some(leader) = self.leader() else { return };
        let members = self.members().map(|host| host.role.identity.member_id).collect::<Vec<_>>();
        let to = *self.rng.pick(&members);
        let host = &self.hosts[leader];
        if let (Some(replica), Some(handle)) = (host.replica(), host.handle()) {
            let replica = replica.clone();
            let trace = Arc::clone(&self.trace);
            handle.spawn(async move {
                let outcome = replica.transfer_leadership(to).await;
                trace.line(format_args!("transfer to {to:x}: {outcome:?}"));
            });
        }
    }

    fn stop(&mut self, host: usize, down_ms: u64) {
        if self.hosts[host].is_stopping() || self.hosts[host].paused {
            return;
        }
        if let Some(task) = self.hosts[host].stop() {
            self.actions.stops.push((host, self.now_us + STOP_TIMEOUT_US, task, down_ms));
        }
    }

    fn change_membership(&mut self, change: Change) {
        if self.actions.changing_until_us > self.now_us {
            return;
        }
        let Some(leader) = self.leader() else { return };
        let Some(replica) = self.hosts[leader].replica().cloned() else { return };
        let Some(handle) = self.hosts[leader].handle().cloned() else { return };
        let members = replica.members();
        let answers = Arc::clone(&self.actions.answers);
        match change {
            Change::AddLearner => {
                let spare = self.hosts.iter().find(|host| host.role.identity.member_id == 0);
                let Some(spare) = spare.map(|host| host.index) else { return };
                let (name, urls) = crate::sim::host::member_of(spare);
                handle.spawn(async move {
                    let answer = match replica.add_member(name, urls, true).await {
                        Ok((member, _)) => Answer::Added { host: spare, member },
                        Err(_) => Answer::Failed,
                    };
                    answers.lock().push(answer);
                });
            }
            Change::Promote => {
                let Some(learner) = members.iter().find(|member| member.is_learner) else { return };
                let id = learner.id;
                handle.spawn(async move {
                    let _ = replica.promote_member(id).await;
                    answers.lock().push(Answer::Failed);
                });
            }
            Change::Remove => {
                let voters = members.iter().filter(|member| !member.is_learner).count();
                if voters <= 3 {
                    return;
                }
                let member_id = self.rng.pick(&members).id;
                self.expect_removal(member_id);
                handle.spawn(async move {
                    let answer = match replica.remove_member(member_id).await {
                        Ok(_) => Answer::Removed { member_id },
                        Err(_) => Answer::Failed,
                    };
                    answers.lock().push(answer);
                });
            }
        }
        self.actions.changing_until_us = self.now_us + CHANGE_TIMEOUT_US;
    }

    fn host_of_member(&self, member_id: u64) -> Option<usize> {
        let mut hosts = self.hosts.iter();
        hosts.find(|host| host.role.identity.member_id == member_id).map(|host| host.index)
    }

    fn expect_removal(&mut self, member_id: u64) {
        if let Some(host) = self.host_of_member(member_id) {
            self.causes[host].removed = true;
        }
    }

    pub(super) fn finish_actions(&mut self) {
        let stops = std::mem::take(&mut self.actions.stops);
        for (host, limit_us, task, down_ms) in stops {
            if task.is_finished() || limit_us <= self.now_us || !self.hosts[host].is_up() {
                self.kill(host, Crash::Kill, down_ms);
            } else {
                self.actions.stops.push((host, limit_us, task, down_ms));
            }
        }
        let answers = std::mem::take(&mut *self.actions.answers.lock());
        for answer in answers {
            self.actions.changing_until_us = self.now_us;
            match answer {
                Answer::Added { host, member } => self.join(host, member),
                Answer::Removed { member_id } => {
                    self.trace.line(format_args!("removed {member_id:x}"));
                    if let Some(host) = self.host_of_member(member_id) {
                        self.hosts[host].crash(Crash::Kill);
                        self.retire(host);
                    }
                }
                Answer::Failed => {}
            }
        }
    }

    fn join(&mut self, host: usize, member: Member) {
        if self.hosts[host].role.identity.member_id != 0 {
            return;
        }
        self.trace.line(format_args!("host {host}: joins as {:x}", member.id));
        let role = Role {
            identity: Identity { cluster_id: self.cluster_id, member_id: member.id },
            member,
            bootstrap: None,
        };
        let lives = self.hosts[host].lives;
        self.hosts[host] = self.new_host(host, role);
        self.hosts[host].lives = lives;
        self.causes[host] = Causes::default();
        self.hosts[host].start(self.now_us);
    }

    /// The host's member has left for good: the machine may join again as another one.
    pub(super) fn retire(&mut self, host: usize) {
        let lives = self.hosts[host].lives;
        self.installs += self.hosts[host].state.installs();
        self.hosts[host] = self.new_host(host, Role::none());
        self.hosts[host].lives = lives;
        self.causes[host] = Causes::default();
        self.restarts.remove(&host);
    }
}
