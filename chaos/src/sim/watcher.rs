//! Watchers: clients that follow a part of the keyspace, over crashes and from replica to replica.
//!
//! Each watcher opens streams through the store's hub on the replica that it is connected to, as
//! a server would for it, with stalls in every place where one can happen: before the first read,
//! between two deliveries, while history is read from disk.

use super::client::{Clients, Server, key_range, kv_of};
use super::rng::Rng;
use super::trace::Trace;
use crate::history::{
    History, Kv, Revision, Watch, WatchBody, WatchEvent, WatchRequest, WatchResponse, prefix_end,
};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use xebec_store::Store;
use xebec_store::kv::Event;
use xebec_store::watch::{Delivery, EventBatch, WatchSpec, WatchStream};

/// Orders to the task that serves a stream.
enum Order {
    /// The client asks for a progress mark.
    Progress,
}

/// What a stream's task reports, in order.
type Reports = Arc<Mutex<Vec<(usize, WatchBody, Revision)>>>;

/// A planted bug of whoever serves streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchBug {
    /// What comes right after a read from disk is dropped: a hand-over with a gap.
    GapAfterCatchUp,
    /// Progress is that of the keyspace, not of the watch.
    MarkAhead,
    /// A watch that is resumed begins one revision early.
    ResumeEarly,
}

/// How watch streams are served.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Longest stall of the client between two deliveries.
    pub stall_max_ms: u64,
    /// How often it stalls, per million deliveries.
    pub stall_ppm: u32,
    pub events_max: usize,
}

/// One client with a stream of one or more watches.
struct Watcher {
    client: u32,
    requests: Vec<WatchRequest>,
    /// Places of the open watches in the history; empty when there is no stream.
    open: Vec<usize>,
    /// The watches that ended for good (cancelled) until the stream is opened anew.
    ended: Vec<bool>,
    host: usize,
    life: u64,
    reports: Reports,
    orders: Option<mpsc::Sender<Order>>,
    task: Option<tokio::task::AbortHandle>,
    next_us: u64,
    next_mark_us: u64,
    /// When the client moves to another replica of its own accord.
    leave_us: u64,
}

pub struct Watchers {
    rng: Rng,
    trace: Arc<Trace>,
    watchers: Vec<Watcher>,
    /// Streams are opened only while it is true; open ones go on.
    pub open: bool,
    settled: bool,
    /// How long a client stays with a replica, at most.
    pub stay_max_us: u64,
    pub pace: Pace,
    pub marks_max_us: u64,
    pub future_ppm: u32,
    pub bug: Option<WatchBug>,
    pub events: u64,
    pub compacted: u64,
    pub marks: u64,
    pub catch_ups: Arc<Mutex<u64>>,
}

impl Watchers {
    pub fn new(rng: Rng, trace: Arc<Trace>, count: u32) -> Self {
        let mut watchers = Self {
            rng,
            trace,
            watchers: Vec::new(),
            open: true,
            settled: false,
            stay_max_us: 3_000_000,
            pace: Pace { stall_max_ms: 400, stall_ppm: 30_000, events_max: 40 },
            marks_max_us: 400_000,
            future_ppm: 0,
            bug: None,
            events: 0,
            compacted: 0,
            marks: 0,
            catch_ups: Arc::default(),
        };
        for client in 0..count {
            let watcher = watchers.watcher(1_000 + client);
            watchers.watchers.push(watcher);
        }
        watchers
    }

    fn watcher(&mut self, client: u32) -> Watcher {
        let watches = self.rng.between(1, 3);
        let requests = (0..watches).map(|_| self.request(client)).collect();
        Watcher {
            client,
            requests,
            open: Vec::new(),
            ended: Vec::new(),
            host: 0,
            life: 0,
            reports: Arc::default(),
            orders: None,
            task: None,
            next_us: self.rng.between(0, 1_500_000),
            next_mark_us: 0,
            leave_us: 0,
        }
    }

    fn request(&mut self, client: u32) -> WatchRequest {
        // The first one follows everything, from the beginning.
        if client == 1_000 {
            let all = "\0".to_owned();
            return WatchRequest {
                key: "a".into(),
                end: all,
                start_revision: 2,
                prev_kv: true,
                ..Default::default()
            };
        }
        let (key, end) = match self.rng.below(4) {
            0 => (format!("k/{:02}", self.rng.below(8)), String::new()),
            1 => ("k/0".to_owned(), "k/04".to_owned()),
            2 => ("l/".to_owned(), prefix_end("l/")),
            _ => ("k/".to_owned(), prefix_end("k/")),
        };
        WatchRequest {
            key,
            end,
            start_revision: if self.rng.chance_ppm(500_000) { 2 } else { 0 },
            prev_kv: self.rng.chance_ppm(500_000),
            no_put: self.rng.chance_ppm(100_000),
            no_delete: self.rng.chance_ppm(100_000),
            resumes: None,
        }
    }

    /// Takes in what was delivered, follows crashes, opens and leaves streams.
    pub fn step(
        &mut self,
        now_us: u64,
        servers: &[Server<'_>],
        clients: &mut Clients,
        history: &mut History,
    ) {
        for index in 0..self.watchers.len() {
            self.collect(index, now_us, history);
            let watcher = &self.watchers[index];
            let there = servers
                .iter()
                .any(|server| server.host == watcher.host && server.life == watcher.life);
            let connected = watcher.task.is_some();
            let over = !watcher.ended.is_empty() && watcher.ended.iter().all(|ended| *ended);
            let leaving = self.open && (over || watcher.leave_us <= now_us && !self.settled);
            if connected && (!there || leaving) {
                self.disconnect(index, now_us, history);
            } else if connected && watcher.next_mark_us <= now_us {
                self.ask_for_mark(index, now_us);
            } else if !connected && self.open && watcher.next_us <= now_us && !servers.is_empty() {
                let server = self.rng.pick(servers);
                self.connect(index, now_us, server, clients, history);
            }
        }
    }

    /// From now on everybody stays where it is.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Takes in what is on its way, without opening anything.
    pub fn collect_all(&mut self, now_us: u64, history: &mut History) {
        for index in 0..self.watchers.len() {
            self.collect(index, now_us, history);
        }
    }

    /// The open watches that have not been told of everything up to `revision`, and how far they
    /// are.
    pub fn behind(&self, revision: Revision, history: &History) -> Vec<(u64, Revision)> {
        let mut behind = Vec::new();
        for watcher in self.watchers.iter().filter(|watcher| watcher.task.is_some()) {
            for (index, place) in watcher.open.iter().enumerate() {
                let watch = &history.watches[*place];
                let far = watch.complete_to();
                let owes = watch.first_owed().is_none_or(|first| first <= revision);
                if owes && far < revision && !watcher.ended[index] {
                    behind.push((watch.id, far));
                }
            }
        }
        behind
    }

    pub fn ask_all_for_marks(&mut self, now_us: u64) {
        for index in 0..self.watchers.len() {
            self.ask_for_mark(index, now_us);
        }
    }

    /// True when every watcher has a stream.
    pub fn all_connected(&self) -> bool {
        self.watchers.iter().all(|watcher| watcher.task.is_some())
    }

    fn ask_for_mark(&mut self, index: usize, now_us: u64) {
        let next_mark_us = now_us + self.rng.between(2_000, self.marks_max_us);
        let watcher = &mut self.watchers[index];
        watcher.next_mark_us = next_mark_us;
        if let Some(orders) = &watcher.orders {
            // A stream that is busy with an earlier request needs no second one.
            let _ = orders.try_send(Order::Progress);
        }
    }

    fn collect(&mut self, index: usize, now_us: u64, history: &mut History) {
        let watcher = &mut self.watchers[index];
        let reports = std::mem::take(&mut *watcher.reports.lock());
        for (position, body, revision) in reports {
            let Some(place) = watcher.open.get(position) else { continue };
            let watch = &mut history.watches[*place];
            match &body {
                WatchBody::Events { events, .. } => {
                    self.events += events.len() as u64;
                    self.trace.line(format_args!(
                        "watch {}: {} events, {:?} to {:?}",
                        watch.id,
                        events.len(),
                        events.first().map(WatchEvent::revision),
                        events.last().map(WatchEvent::revision)
                    ));
                }
                WatchBody::Canceled { compact_revision, .. } => {
                    watcher.ended[position] = true;
                    self.compacted += 1;
                    self.trace
                        .line(format_args!("watch {}: compacted at {compact_revision}", watch.id));
                }
                WatchBody::Created | WatchBody::Progress => {
                    self.marks += u64::from(body == WatchBody::Progress);
                    self.trace.line(format_args!("watch {}: {body:?} {revision}", watch.id));
                }
            }
            watch.responses.push(WatchResponse { at_ns: now_us * 1_000, revision, body });
        }
    }

    fn disconnect(&mut self, index: usize, now_us: u64, history: &mut History) {
        let pause_us = self.rng.between(0, 300_000);
        let future = self.rng.chance_ppm(self.future_ppm);
        let watcher = &mut self.watchers[index];
        self.trace.line(format_args!("watcher {}: leaves {}", watcher.client, watcher.host));
        if let Some(task) = watcher.task.take() {
            task.abort();
        }
        watcher.orders = None;
        watcher.reports = Arc::default();
        watcher.next_us = now_us + pause_us;
        for (request, place) in watcher.requests.iter_mut().zip(std::mem::take(&mut watcher.open)) {
            let watch = &history.watches[place];
            let compacted = watch.responses.iter().rev().find_map(|response| match response.body {
                WatchBody::Canceled { compact_revision, .. } => Some(compact_revision),
                _ => None,
            });
            if let Some(compact_revision) = compacted {
                // As a client that has lost its place: from the oldest revision that is left, or
                // from one that does not exist yet.
                request.start_revision =
                    if future { compact_revision + 200 } else { compact_revision };
                request.resumes = None;
            } else {
                let first = watch.first_owed().unwrap_or(request.start_revision);
                let next = (watch.complete_to() + 1).max(first);
                if next > 0 {
                    request.start_revision = next;
                    request.resumes = Some(watch.id);
                }
            }
        }
        watcher.ended.clear();
    }

    fn connect(
        &mut self,
        index: usize,
        now_us: u64,
        server: &Server<'_>,
        clients: &mut Clients,
        history: &mut History,
    ) {
        let leave_us = now_us + self.rng.between(100_000, self.stay_max_us);
        let rng = self.rng.fork(now_us ^ index as u64);
        self.rng.next_u64();
        let watcher = &mut self.watchers[index];
        let (orders_tx, orders_rx) = mpsc::channel(1);
        let reports = Reports::default();
        let mut specs = Vec::new();
        for request in &watcher.requests {
            let id = clients.next_record_id();
            self.trace.line(format_args!(
                "watcher {}: opens {id} at {}: {request:?}",
                watcher.client, server.host
            ));
            let mut spec = spec_of(request);
            if self.bug == Some(WatchBug::ResumeEarly) && request.resumes.is_some() {
                spec.start_revision -= 1;
            }
            specs.push(spec);
            watcher.open.push(history.watches.len());
            history.watches.push(Watch {
                id,
                client: watcher.client,
                replica: server.host as u32,
                open_ns: now_us * 1_000,
                request: request.clone(),
                responses: Vec::new(),
            });
        }
        let served = Served {
            store: Arc::clone(server.replica.store()),
            specs,
            reports: Arc::clone(&reports),
            orders: orders_rx,
            rng,
            pace: self.pace,
            bug: self.bug,
            after_catch_up: false,
            catch_ups: Arc::clone(&self.catch_ups),
        };
        watcher.ended = vec![false; watcher.open.len()];
        watcher.task = Some(server.handle.spawn(served.run()).abort_handle());
        watcher.orders = Some(orders_tx);
        watcher.reports = reports;
        watcher.host = server.host;
        watcher.life = server.life;
        watcher.leave_us = leave_us;
    }
}

fn spec_of(request: &WatchRequest) -> WatchSpec {
    WatchSpec {
        range: key_range(&request.key, &request.end),
        start_revision: request.start_revision,
        no_put: request.no_put,
        no_delete: request.no_delete,
        prev_kv: request.prev_kv,
    }
}

/// The server side of one stream.
struct Served {
    store: Arc<Store>,
    specs: Vec<WatchSpec>,
    reports: Reports,
    orders: mpsc::Receiver<Order>,
    rng: Rng,
    pace: Pace,
    bug: Option<WatchBug>,
    after_catch_up: bool,
    catch_ups: Arc<Mutex<u64>>,
}

impl Served {
    async fn run(mut self) {
        let mut stream = self.store.watches().open();
        for index in 0..self.specs.len() {
            let first = stream.watch(index as i64, self.specs[index].clone());
            let first = first.expect("the ids of a stream's watches differ");
            // As the header of etcd's answer: where the keyspace stands, which for a watch from
            // now on is right before its first revision.
            let from_now = self.specs[index].start_revision == 0;
            let revision = if from_now { first - 1 } else { self.store.view().revision() };
            self.report(index, WatchBody::Created, revision);
            self.stall().await;
        }
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Progress) => self.mark(&stream),
                    None => return,
                },
                () = poll_fn(|cx| stream.poll_ready(cx)) => {}
            }
            while let Some(delivery) = stream.next(self.pace.events_max) {
                self.deliver(&mut stream, delivery).await;
                // A mark may be asked for in the middle of a burst.
                if let Ok(Order::Progress) = self.orders.try_recv() {
                    self.mark(&stream);
                }
            }
        }
    }

    async fn deliver(&mut self, stream: &mut WatchStream, delivery: Delivery) {
        match delivery {
            Delivery::Events { .. } if self.drops_delivery() => {}
            Delivery::Events { id, prev_kv, batches } => {
                let events = batches.iter().flat_map(|batch| events_of(batch, prev_kv)).collect();
                let revision = self.store.view().revision();
                self.report(id as usize, WatchBody::Events { events, fragment: false }, revision);
            }
            Delivery::Behind(catch_up) => {
                *self.catch_ups.lock() += 1;
                self.stall().await;
                let done = catch_up.read();
                self.stall().await;
                if done.error().is_some() {
                    // A fault of the disk ends the stream; the client comes back.
                    return std::future::pending().await;
                }
                stream.resume(done);
                self.after_catch_up = true;
            }
            Delivery::Compacted { id, compact_revision } => {
                let reason = "required revision has been compacted".to_owned();
                let body = WatchBody::Canceled { compact_revision, reason };
                self.report(id as usize, body, self.store.view().revision());
            }
        }
        self.stall().await;
    }

    fn mark(&mut self, stream: &WatchStream) {
        for index in 0..self.specs.len() {
            if let Some(mut revision) = stream.synced_revision(index as i64) {
                if self.bug == Some(WatchBug::MarkAhead) {
                    revision = self.store.view().revision();
                }
                self.report(index, WatchBody::Progress, revision);
            }
        }
    }

    /// The planted gap: the first delivery after a read from disk.
    fn drops_delivery(&mut self) -> bool {
        std::mem::take(&mut self.after_catch_up) && self.bug == Some(WatchBug::GapAfterCatchUp)
    }

    async fn stall(&mut self) {
        if self.rng.chance_ppm(self.pace.stall_ppm) {
            let stall_ms = self.rng.between(1, self.pace.stall_max_ms);
            tokio::time::sleep(Duration::from_millis(stall_ms)).await;
        }
    }

    fn report(&self, index: usize, body: WatchBody, revision: Revision) {
        self.reports.lock().push((index, body, revision));
    }
}

fn events_of(batch: &EventBatch, prev_kv: bool) -> impl Iterator<Item = WatchEvent> + '_ {
    batch.events().iter().map(move |event| event_of(event, prev_kv))
}

fn event_of(event: &Event, prev_kv: bool) -> WatchEvent {
    let prev = event.prev.as_deref().filter(|_| prev_kv).map(kv_of);
    let kv = if event.is_delete() {
        let key = kv_of(&event.kv).key;
        Kv { key, mod_revision: event.revision(), ..Kv::default() }
    } else {
        kv_of(&event.kv)
    };
    WatchEvent { delete: event.is_delete(), kv, prev }
}
