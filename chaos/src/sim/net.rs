//! The raft crate's transport over simulated wires.
//!
//! A call is two parcels. A stream is two ordered channels with a window each, so that a slow
//! receiver holds its sender back. Server sides run as tasks of the host that they belong to and
//! die with it.

use super::wire::{ChannelId, Fate, Wire};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use xebec_raft::transport::{
    BoxFuture, Duplex, Lane, Method, PeerService, Target, Transport, TransportError,
};

/// Messages of a stream's direction on their way or not yet taken.
const WINDOW: usize = 64;
/// When the other host loses power, its streams just fall silent; keep-alives notice after this.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// When only the other process dies, its kernel closes its streams.
const RESET_LATENCY: Duration = Duration::from_millis(1);

/// All hosts and the wires between them.
pub struct Net {
    pub wire: Wire,
    hosts: Mutex<Vec<Slot>>,
}

#[derive(Default)]
struct Slot {
    peer: Option<Peer>,
    /// Its last death was a loss of power: nobody told its peers.
    silent_death: bool,
}

#[derive(Clone)]
struct Peer {
    service: PeerService,
    runtime: tokio::runtime::Handle,
}

/// The peer URL of a host.
pub fn peer_url(host: usize) -> String {
    format!("http://host-{host}:2380")
}

/// The host of a peer URL.
pub fn host_of(url: &str) -> Option<usize> {
    url.strip_prefix("http://host-")?.strip_suffix(":2380")?.parse().ok()
}

impl Net {
    pub fn new(wire: Wire, hosts: usize) -> Arc<Self> {
        let slots = (0..hosts).map(|_| Slot::default()).collect();
        Arc::new(Self { wire, hosts: Mutex::new(slots) })
    }

    /// The host's process is up; it answers once it [`Self::serve`]s.
    pub fn begin_life(&self, host: usize) {
        self.wire.set_host(host, true);
        self.hosts.lock()[host] = Slot::default();
    }

    pub fn serve(&self, host: usize, service: PeerService, runtime: tokio::runtime::Handle) {
        self.hosts.lock()[host].peer = Some(Peer { service, runtime });
    }

    pub fn end_life(&self, host: usize, silent: bool) {
        self.wire.set_host(host, false);
        self.hosts.lock()[host] = Slot { peer: None, silent_death: silent };
    }

    pub fn transport(self: &Arc<Self>, host: usize) -> Arc<SimTransport> {
        Arc::new(SimTransport { net: Arc::clone(self), host })
    }

    fn peer(&self, host: usize) -> Option<Peer> {
        self.hosts.lock()[host].peer.clone()
    }

    /// How long the survivors need to notice that a stream's other end is gone.
    fn notice_after(&self, host: usize) -> Duration {
        if self.hosts.lock()[host].silent_death { SILENCE_TIMEOUT } else { RESET_LATENCY }
    }
}

/// One host's side of the network.
pub struct SimTransport {
    net: Arc<Net>,
    host: usize,
}

impl SimTransport {
    fn resolve(&self, target: &Target) -> Result<usize, TransportError> {
        let host = target.peer_urls.iter().find_map(|url| host_of(url));
        host.ok_or_else(|| unreachable_peer(target, "no such host"))
    }
}

fn unreachable_peer(target: &Target, message: &str) -> TransportError {
    TransportError::Unreachable { member_id: target.member_id, message: message.to_owned() }
}

fn closed(message: &str) -> TransportError {
    TransportError::Closed { message: message.to_owned() }
}

/// Waits for an answer. A sender that vanished without one is noticed as a reset connection.
async fn answer_within<T>(
    answer: oneshot::Receiver<Result<T, TransportError>>,
    timeout: Duration,
) -> Result<T, TransportError> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(closed("connection reset")),
        Err(_) => Err(TransportError::Timeout),
    }
}

impl Transport for SimTransport {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        _lane: Lane,
        method: Method,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Bytes, TransportError>> {
        Box::pin(async move {
            let to = self.resolve(target)?;
            let from = self.host;
            let (answer_tx, answer_rx) = oneshot::channel();
            let net = Arc::clone(&self.net);
            let member_id = target.member_id;
            self.net.wire.send(from, to, move |fate| {
                let peer = if fate == Fate::Delivered { net.peer(to) } else { None };
                match peer {
                    Some(peer) => {
                        let wires = Arc::clone(&net);
                        peer.runtime.spawn(async move {
                            let answer = peer.service.call(method, request).await;
                            wires.wire.send(to, from, move |fate| {
                                if fate == Fate::Delivered {
                                    // The caller may have given up.
                                    let _ = answer_tx.send(answer);
                                }
                            });
                        });
                    }
                    None if fate == Fate::Lost => drop(answer_tx),
                    None => {
                        let message = "connection refused".to_owned();
                        let error = TransportError::Unreachable { member_id, message };
                        let _ = answer_tx.send(Err(error));
                    }
                }
            });
            answer_within(answer_rx, timeout).await
        })
    }

    fn open<'a>(
        &'a self,
        target: &'a Target,
        _lane: Lane,
        method: Method,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Duplex, TransportError>> {
        Box::pin(async move {
            let to = self.resolve(target)?;
            let from = self.host;
            let stream = Stream::new(&self.net, from, to);
            let (answer_tx, answer_rx) = oneshot::channel();
            let (net, there) = (Arc::clone(&self.net), stream.clone());
            let member_id = target.member_id;
            self.net.wire.send(from, to, move |fate| {
                let peer = if fate == Fate::Delivered { net.peer(to) } else { None };
                match peer {
                    Some(peer) => {
                        let wires = Arc::clone(&net);
                        peer.runtime.clone().spawn(async move {
                            let duplex = there.server_end();
                            wires.wire.send(to, from, move |fate| {
                                if fate == Fate::Delivered {
                                    let _ = answer_tx.send(Ok(()));
                                }
                            });
                            peer.service.stream(method, duplex).await;
                        });
                    }
                    None if fate == Fate::Lost => drop(answer_tx),
                    None => {
                        let message = "connection refused".to_owned();
                        let error = TransportError::Unreachable { member_id, message };
                        let _ = answer_tx.send(Err(error));
                    }
                }
            });
            answer_within(answer_rx, timeout).await?;
            Ok(stream.client_end())
        })
    }
}

/// What arrives at one end of a stream.
enum Parcel {
    Message(Bytes, OwnedSemaphorePermit),
    /// The other end is done.
    End,
    Broken,
}

/// One direction of a stream.
#[derive(Clone)]
struct Direction {
    from: usize,
    to: usize,
    channel: ChannelId,
    inbox_tx: mpsc::Sender<Parcel>,
    inbox_rx: Arc<Mutex<Option<mpsc::Receiver<Parcel>>>>,
    /// Tells the sending side that nobody takes its messages any more.
    stop: Arc<Notify>,
}

impl Direction {
    fn new(net: &Net, from: usize, to: usize) -> Self {
        let (inbox_tx, inbox_rx) = mpsc::channel(WINDOW + 4);
        Self {
            from,
            to,
            channel: net.wire.open_channel(),
            inbox_tx,
            inbox_rx: Arc::new(Mutex::new(Some(inbox_rx))),
            stop: Arc::new(Notify::new()),
        }
    }

    /// Puts one parcel on the wire.
    fn ship(&self, net: &Arc<Net>, parcel: Parcel) {
        let inbox = self.inbox_tx.clone();
        let stop = Arc::clone(&self.stop);
        net.wire.send_in_order(self.channel, self.from, self.to, move |fate| {
            let parcel = if fate == Fate::Delivered { parcel } else { Parcel::Broken };
            if fate != Fate::Delivered {
                stop.notify_one();
            }
            // The window keeps room; a missing receiver has died or hung up.
            let _ = inbox.try_send(parcel);
        });
    }

    /// Takes messages from the sending end and ships them.
    async fn pump_out(self, net: Arc<Net>, mut outbox: mpsc::Receiver<Bytes>) {
        let window = Arc::new(Semaphore::new(WINDOW));
        loop {
            let next = async {
                let permit = Arc::clone(&window).acquire_owned().await.ok()?;
                Some((outbox.recv().await?, permit))
            };
            tokio::select! {
                biased;
                () = self.stop.notified() => return,
                message = next => match message {
                    Some((message, permit)) => self.ship(&net, Parcel::Message(message, permit)),
                    None => return self.ship(&net, Parcel::End),
                },
            }
        }
    }

    /// Hands what arrives to the receiving end.
    async fn pump_in(
        net: Arc<Net>,
        from: usize,
        stop: Arc<Notify>,
        mut inbox: mpsc::Receiver<Parcel>,
        reader: mpsc::Sender<Result<Bytes, TransportError>>,
    ) {
        loop {
            let parcel = tokio::select! {
                biased;
                parcel = inbox.recv() => parcel,
                () = reader.closed() => None,
            };
            match parcel {
                Some(Parcel::Message(message, permit)) => {
                    if reader.send(Ok(message)).await.is_err() {
                        break;
                    }
                    drop(permit);
                }
                Some(Parcel::End) => return,
                Some(Parcel::Broken) => {
                    let _ = reader.send(Err(closed("connection reset"))).await;
                    return;
                }
                None if reader.is_closed() => break,
                None => {
                    tokio::time::sleep(net.notice_after(from)).await;
                    let _ = reader.send(Err(closed("the other end is gone"))).await;
                    return;
                }
            }
        }
        // Nobody reads any more: the sender learns in a moment.
        stop.notify_one();
    }
}

/// Both directions of a stream.
#[derive(Clone)]
struct Stream {
    net: Arc<Net>,
    there: Direction,
    back: Direction,
}

impl Stream {
    fn new(net: &Arc<Net>, client: usize, server: usize) -> Self {
        Self {
            net: Arc::clone(net),
            there: Direction::new(net, client, server),
            back: Direction::new(net, server, client),
        }
    }

    fn client_end(self) -> Duplex {
        Self::end(&self.net, self.there, &self.back)
    }

    fn server_end(self) -> Duplex {
        Self::end(&self.net, self.back, &self.there)
    }

    /// Starts the pumps of one end, as tasks of the current host.
    fn end(net: &Arc<Net>, out: Direction, inward: &Direction) -> Duplex {
        let (writer, outbox) = mpsc::channel(WINDOW);
        let (reader, rx) = mpsc::channel(WINDOW);
        let inbox = inward.inbox_rx.lock().take();
        let pump_in = inbox.map(|inbox| {
            let stop = Arc::clone(&inward.stop);
            Direction::pump_in(Arc::clone(net), inward.from, stop, inbox, reader)
        });
        tokio::spawn(out.pump_out(Arc::clone(net), outbox));
        if let Some(pump_in) = pump_in {
            tokio::spawn(pump_in);
        }
        Duplex { tx: writer, rx }
    }
}
