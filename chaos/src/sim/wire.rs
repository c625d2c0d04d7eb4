//! The simulated wires between replicas: when a parcel arrives, and whether.
//!
//! This file knows links and parcels; `net` builds the raft crate's transport on it. A parcel of
//! a stream never overtakes an earlier one of that stream; parcels of different streams do.
//!
//! Invariant: only the world's loop makes parcels arrive, one after the other, in the order of
//! (time, number): the same in every run of a seed.

use super::rng::Rng;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// What becomes of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    /// Nobody listens there: the sender learns at once, as from a TCP reset.
    Refused,
    /// Never answered. The sender learns when the connection times out.
    Lost,
}

/// A stream that got no byte across for so long is broken.
const CONNECTION_TIMEOUT_US: u64 = 8_000_000;
/// How long a blocked stream waits before its next attempt (TCP's retransmission).
const RETRANSMIT_US: u64 = 60_000;

/// How a direction between two hosts behaves at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub latency_min_us: u64,
    pub latency_max_us: u64,
    pub loss_ppm: u32,
    pub blocked: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency_min_us: 200, latency_max_us: 2_000, loss_ppm: 0, blocked: false }
    }
}

type Arrival = Box<dyn FnOnce(Fate) + Send>;

struct Parcel {
    due_us: u64,
    number: u64,
    from: usize,
    to: usize,
    /// Of the receiver when it was sent: a process that restarted knows nothing of it.
    to_life: u64,
    from_life: u64,
    /// Streams retransmit; parcels that stand alone are simply gone.
    channel: Option<ChannelId>,
    first_try_us: u64,
    arrive: Arrival,
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Parcel {}
impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_us, self.number).cmp(&(other.due_us, other.number))
    }
}

/// One direction of one stream: what keeps its parcels in order.
#[derive(Default)]
struct Channel {
    /// The parcels that wait behind the one on its way.
    waiting: VecDeque<Parcel>,
    /// A parcel of this stream is on its way.
    busy: bool,
    last_due_us: u64,
    broken: bool,
}

/// Names one direction of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelId(u64);

pub struct Wire {
    inner: Mutex<Inner>,
}

struct Inner {
    now_us: u64,
    rng: Rng,
    parcels: BinaryHeap<Reverse<Parcel>>,
    parcels_sent: u64,
    channels: BTreeMap<ChannelId, Channel>,
    channels_opened: u64,
    links: BTreeMap<(usize, usize), Link>,
    everywhere: Link,
    /// Whether each host runs, and which life of it.
    hosts: Vec<(bool, u64)>,
    arrived: [u64; 3],
}

impl Wire {
    pub fn new(rng: Rng, hosts: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                now_us: 0,
                rng,
                parcels: BinaryHeap::new(),
                parcels_sent: 0,
                channels: BTreeMap::new(),
                channels_opened: 0,
                links: BTreeMap::new(),
                everywhere: Link::default(),
                hosts: vec![(false, 0); hosts],
                arrived: [0; 3],
            }),
        }
    }

    pub fn now_us(&self) -> u64 {
        self.inner.lock().now_us
    }

    /// Tells that a host began a new life, or ended one.
    pub fn set_host(&self, host: usize, up: bool) {
        let mut inner = self.inner.lock();
        let (was_up, life) = inner.hosts[host];
        inner.hosts[host] = (up, if up && !was_up { life + 1 } else { life });
    }

    pub fn life(&self, host: usize) -> u64 {
        self.inner.lock().hosts[host].1
    }

    /// Changes one direction; `None` puts it back to what holds everywhere.
    pub fn set_link(&self, from: usize, to: usize, link: Option<Link>) {
        let mut inner = self.inner.lock();
        match link {
            Some(link) => inner.links.insert((from, to), link),
            None => inner.links.remove(&(from, to)),
        };
    }

    pub fn link(&self, from: usize, to: usize) -> Link {
        self.inner.lock().link(from, to)
    }

    pub fn set_everywhere(&self, link: Link) {
        self.inner.lock().everywhere = link;
    }

    pub fn heal(&self) {
        let mut inner = self.inner.lock();
        inner.links.clear();
        inner.everywhere = Link::default();
    }

    /// Sends a parcel that stands alone.
    pub fn send(&self, from: usize, to: usize, arrive: impl FnOnce(Fate) + Send + 'static) {
        let mut inner = self.inner.lock();
        let link = inner.link(from, to);
        let due_us = inner.now_us + inner.latency_us(link);
        let lost = link.blocked || inner.rng.chance_ppm(link.loss_ppm);
        let (due_us, arrive): (u64, Arrival) = if lost {
            (due_us + CONNECTION_TIMEOUT_US, Box::new(|_| arrive(Fate::Lost)))
        } else {
            (due_us, Box::new(arrive))
        };
        let parcel = inner.parcel(from, to, due_us, None, arrive);
        inner.parcels.push(Reverse(parcel));
    }

    /// Opens one direction of a stream.
    pub fn open_channel(&self) -> ChannelId {
        let mut inner = self.inner.lock();
        inner.channels_opened += 1;
        let id = ChannelId(inner.channels_opened);
        inner.channels.insert(id, Channel::default());
        id
    }

    /// Forgets a stream: what is still on its way is dropped.
    pub fn close_channel(&self, id: ChannelId) {
        self.inner.lock().channels.remove(&id);
    }

    /// Breaks the streams of a direction, as a reset connection does; those to come are whole.
    pub fn break_channels(&self, from: usize, to: usize) {
        let mut inner = self.inner.lock();
        let concerned = inner
            .parcels
            .iter()
            .filter(|Reverse(parcel)| parcel.from == from && parcel.to == to)
            .filter_map(|Reverse(parcel)| parcel.channel)
            .collect::<Vec<_>>();
        for id in concerned {
            if let Some(channel) = inner.channels.get_mut(&id) {
                channel.broken = true;
            }
        }
    }

    /// Sends the next parcel of a stream. What the link loses comes later, as TCP would have it.
    pub fn send_in_order(
        &self,
        id: ChannelId,
        from: usize,
        to: usize,
        arrive: impl FnOnce(Fate) + Send + 'static,
    ) {
        let mut inner = self.inner.lock();
        let link = inner.link(from, to);
        let mut due_us = inner.now_us + inner.latency_us(link);
        if inner.rng.chance_ppm(link.loss_ppm) {
            due_us += RETRANSMIT_US;
        }
        let mut parcel = inner.parcel(from, to, due_us, Some(id), Box::new(arrive));
        let Some(channel) = inner.channels.get_mut(&id) else { return };
        channel.last_due_us = channel.last_due_us.max(due_us);
        parcel.due_us = channel.last_due_us;
        if channel.busy {
            channel.waiting.push_back(parcel);
        } else {
            channel.busy = true;
            inner.parcels.push(Reverse(parcel));
        }
    }

    /// Moves time on and lets everything arrive that is due.
    pub fn advance(&self, now_us: u64) {
        loop {
            let (arrive, fate) = {
                let mut inner = self.inner.lock();
                inner.now_us = now_us;
                match inner.next_due() {
                    Some(due) => due,
                    None => return,
                }
            };
            // Outside the lock: an arrival may send.
            arrive(fate);
        }
    }

    /// Parcels delivered, refused and lost so far.
    pub fn arrived(&self) -> [u64; 3] {
        self.inner.lock().arrived
    }
}

impl Inner {
    fn link(&self, from: usize, to: usize) -> Link {
        self.links.get(&(from, to)).copied().unwrap_or(self.everywhere)
    }

    fn latency_us(&mut self, link: Link) -> u64 {
        self.rng.between(link.latency_min_us, link.latency_max_us)
    }

    fn parcel(
        &mut self,
        from: usize,
        to: usize,
        due_us: u64,
        channel: Option<ChannelId>,
        arrive: Arrival,
    ) -> Parcel {
        self.parcels_sent += 1;
        Parcel {
            due_us,
            number: self.parcels_sent,
            from,
            to,
            to_life: self.hosts[to].1,
            from_life: self.hosts[from].1,
            channel,
            first_try_us: self.now_us,
            arrive,
        }
    }

    /// The next parcel that arrives now, and how.
    fn next_due(&mut self) -> Option<(Arrival, Fate)> {
        while self.parcels.peek().is_some_and(|Reverse(parcel)| parcel.due_us <= self.now_us) {
            let Reverse(mut parcel) = self.parcels.pop()?;
            let (sender_up, sender_life) = self.hosts[parcel.from];
            if !sender_up || sender_life != parcel.from_life {
                // The sender died; what its kernel still held is gone with it, and nobody is
                // left to learn of it. The receiver's side notices by its own timeout.
                if let Some(id) = parcel.channel {
                    self.channels.remove(&id);
                }
                continue;
            }
            let (receiver_up, receiver_life) = self.hosts[parcel.to];
            let fate = if self.is_broken(&parcel) {
                Fate::Lost
            } else if self.link(parcel.from, parcel.to).blocked {
                let patient = self.now_us < parcel.first_try_us + CONNECTION_TIMEOUT_US;
                if parcel.channel.is_some() && patient {
                    parcel.due_us = self.now_us + RETRANSMIT_US;
                    self.parcels.push(Reverse(parcel));
                    continue;
                }
                Fate::Lost
            } else if !receiver_up || receiver_life != parcel.to_life {
                Fate::Refused
            } else {
                Fate::Delivered
            };
            self.release_next(&parcel, fate);
            self.arrived[fate as usize] += 1;
            return Some((parcel.arrive, fate));
        }
        None
    }

    fn is_broken(&self, parcel: &Parcel) -> bool {
        let Some(id) = parcel.channel else { return false };
        self.channels.get(&id).is_none_or(|channel| channel.broken)
    }

    /// The parcel of a stream has met its fate: the next one sets out.
    fn release_next(&mut self, parcel: &Parcel, fate: Fate) {
        let Some(channel) = parcel.channel.and_then(|id| self.channels.get_mut(&id)) else {
            return;
        };
        channel.broken |= fate != Fate::Delivered;
        match channel.waiting.pop_front() {
            Some(mut next) => {
                next.due_us = next.due_us.max(self.now_us);
                self.parcels.push(Reverse(next));
            }
            None => channel.busy = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    type Log = Arc<Mutex<Vec<(u32, Fate)>>>;

    fn wire() -> (Wire, Log) {
        let wire = Wire::new(Rng::new(5), 2);
        wire.set_host(0, true);
        wire.set_host(1, true);
        (wire, Arc::default())
    }

    fn note(log: &Log, number: u32) -> impl FnOnce(Fate) + use<> {
        let log = Arc::clone(log);
        move |fate| log.lock().push((number, fate))
    }

    #[test]
    fn a_stream_keeps_its_order_and_single_parcels_need_not() {
        let (wire, log) = wire();
        let stream = wire.open_channel();
        for number in 0..50 {
            wire.send_in_order(stream, 0, 1, note(&log, number));
        }
        wire.advance(10_000);
        let expected = (0..50).map(|number| (number, Fate::Delivered)).collect::<Vec<_>>();
        assert_eq!(*log.lock(), expected);

        log.lock().clear();
        for number in 0..50 {
            wire.send(0, 1, note(&log, number));
        }
        wire.advance(20_000);
        assert_eq!(log.lock().len(), 50);
        assert_ne!(*log.lock(), expected);
    }

    #[test]
    fn a_cut_loses_single_parcels_and_holds_streams() {
        let (wire, log) = wire();
        wire.set_link(0, 1, Some(Link { blocked: true, ..Link::default() }));
        wire.send(0, 1, note(&log, 1));
        let stream = wire.open_channel();
        wire.send_in_order(stream, 0, 1, note(&log, 2));
        wire.send_in_order(stream, 0, 1, note(&log, 3));
        wire.advance(100_000);
        assert!(log.lock().is_empty());
        wire.heal();
        wire.advance(300_000);
        assert_eq!(*log.lock(), [(2, Fate::Delivered), (3, Fate::Delivered)]);
        wire.advance(20_000_000);
        assert_eq!(log.lock()[2], (1, Fate::Lost));
    }

    #[test]
    fn a_dead_receiver_refuses_and_a_new_life_knows_nothing() {
        let (wire, log) = wire();
        wire.send(0, 1, note(&log, 1));
        wire.set_host(1, false);
        wire.set_host(1, true);
        wire.advance(10_000);
        assert_eq!(*log.lock(), [(1, Fate::Refused)]);
    }
}
