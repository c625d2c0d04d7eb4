//! Watches of one collection, read below HTTP's level: a connection with many of them costs one
//! task, and an event no more than finding its end.

use super::access::Access;
use super::wire::{self, FRAME_HEADER_BYTES, Frame, WINDOW_STEP_BYTES};
use crate::BenchError;
use bytes::{Buf, BytesMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;

const READ_BYTES: usize = 256 << 10;
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPTS_MAX: usize = 3;

/// What watches are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }
}

/// What all watches and the writers know of each other.
pub struct Shared {
    pub delivered: AtomicU64,
    /// Watches that have ended though nobody stopped them.
    pub ended: AtomicU64,
    pub begun: Instant,
    /// When each write was sent, in microseconds since `begun`; empty if nobody wants to know.
    pub sent_us: Vec<AtomicU64>,
}

/// Finds the ends of events.
#[derive(Debug, Clone, Copy)]
enum Counter {
    /// Each is a line.
    Json,
    /// Each has its length before it, four bytes of which so many are read.
    Protobuf { length: [u8; 4], known: usize, left: usize },
}

impl Counter {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::Json,
            Encoding::Protobuf => Self::Protobuf { length: [0; 4], known: 0, left: 0 },
        }
    }

    /// The number of events that end in `bytes`, which continue what was given before.
    fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let Self::Protobuf { length, known, left } = self else {
            return memchr::memchr_iter(b'\n', bytes).count() as u64;
        };
        let mut ended = 0;
        while let Some((&first, rest)) = bytes.split_first() {
            if *known < length.len() {
                length[*known] = first;
                *known += 1;
                *left = u32::from_be_bytes(*length) as usize;
                bytes = rest;
            } else {
                let taken = bytes.len().min(*left);
                *left -= taken;
                bytes = &bytes[taken..];
            }
            if *known == length.len() && *left == 0 {
                *known = 0;
                ended += 1;
            }
        }
        ended
    }
}

struct Stream {
    counter: Counter,
    is_open: bool,
    /// Events so far: the next is that of the write with this number.
    events: usize,
    unacknowledged_bytes: u32,
}

/// What a collection is watched by.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub encoding: Encoding,
}

pub struct Connection {
    tls: TlsStream<TcpStream>,
    server: String,
    read: BytesMut,
    answer: Vec<u8>,
    streams: Vec<Stream>,
    /// Streams that the server has answered.
    answered: usize,
    refused: Option<String>,
    unacknowledged_bytes: u32,
}

impl Connection {
    /// A connection with `count` watches, all answered when this returns. Servers may send a new
    /// connection away at any time, to spread their load: then it is opened again.
    pub async fn open(
        access: &Access,
        at: usize,
        count: usize,
        request: &Request,
    ) -> Result<Self, BenchError> {
        let mut attempt = 1;
        loop {
            match Self::try_open(access, at, count, request).await {
                Err(_) if attempt < ATTEMPTS_MAX => attempt += 1,
                result => return result,
            }
        }
    }

    async fn try_open(
        access: &Access,
        at: usize,
        count: usize,
        request: &Request,
    ) -> Result<Self, BenchError> {
        let (tls, server) = access.connect(at).await?;
        let (authority, mut answer) = (server.authority.to_string(), Vec::new());
        wire::preface(&mut answer);
        for stream in 0..count {
            let id = u32::try_from(stream * 2 + 1).expect("few streams");
            let what = (request.path.as_str(), request.encoding.accept());
            wire::get(id, &authority, what, access, &mut answer);
        }
        let stream = || Stream {
            counter: Counter::new(request.encoding),
            is_open: true,
            events: 0,
            unacknowledged_bytes: 0,
        };
        let mut connection = Self {
            tls,
            server: authority,
            read: BytesMut::with_capacity(READ_BYTES),
            answer,
            streams: std::iter::repeat_with(stream).take(count).collect(),
            answered: 0,
            refused: None,
            unacknowledged_bytes: 0,
        };
        let opened = tokio::time::timeout(OPEN_TIMEOUT, connection.await_answers(count)).await;
        opened.unwrap_or_else(|_| {
            Err(connection.unreachable(&format!("watches not answered within {OPEN_TIMEOUT:?}")))
        })?;
        Ok(connection)
    }

    fn unreachable(&self, reason: &str) -> BenchError {
        BenchError::Unreachable { server: self.server.clone(), reason: reason.to_owned() }
    }

    async fn await_answers(&mut self, count: usize) -> Result<(), BenchError> {
        while self.answered < count {
            let more = self.exchange().await;
            let more = more.map_err(|error| self.unreachable(&error.to_string()))?;
            // Nothing is written yet, so nothing is counted.
            self.frames(&mut |_, _| {});
            if let Some(reason) = self.refused.take() {
                return Err(self.unreachable(&reason));
            }
            if !more {
                return Err(self.unreachable("it closed a connection for watches"));
            }
        }
        Ok(())
    }

    /// Sends what there is to send, and reads; false at the end.
    async fn exchange(&mut self) -> std::io::Result<bool> {
        if !self.answer.is_empty() {
            self.tls.write_all(&self.answer).await?;
            self.tls.flush().await?;
            self.answer.clear();
        }
        self.read.reserve(READ_BYTES);
        Ok(self.tls.read_buf(&mut self.read).await? > 0)
    }

    /// Counts until told to stop; the latencies of events, in microseconds, where they are asked
    /// for.
    pub async fn count(mut self, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) -> Vec<u32> {
        let mut latencies_us = Vec::new();
        loop {
            let more = tokio::select! {
                _ = stop.changed() => return latencies_us,
                more = self.exchange() => more,
            };
            let now_us = shared.begun.elapsed().as_micros() as u64;
            let mut delivered = 0;
            self.frames(&mut |before, count| {
                delivered += count;
                let sent = shared.sent_us.iter().skip(before).take(count as usize);
                latencies_us.extend(
                    sent.map(|sent| now_us.saturating_sub(sent.load(Ordering::Relaxed)) as u32),
                );
            });
            shared.delivered.fetch_add(delivered, Ordering::Relaxed);
            if !matches!(more, Ok(true)) {
                let open = self.streams.iter().filter(|stream| stream.is_open).count();
                shared.ended.fetch_add(open as u64, Ordering::Relaxed);
                return latencies_us;
            }
        }
    }

    /// Takes all whole frames; `counted` is told the events that a watch had, and how many more.
    fn frames(&mut self, counted: &mut impl FnMut(usize, u64)) {
        while let Some(frame) = Frame::parse(&self.read) {
            let whole = FRAME_HEADER_BYTES + frame.length;
            if self.read.len() < whole {
                return;
            }
            match frame.kind {
                wire::DATA => self.data(frame, counted),
                _ => self.control(frame),
            }
            self.read.advance(whole);
        }
    }

    fn data(&mut self, frame: Frame, counted: &mut impl FnMut(usize, u64)) {
        let length = frame.length as u32;
        self.unacknowledged_bytes += length;
        if self.unacknowledged_bytes > WINDOW_STEP_BYTES {
            wire::window_update(0, self.unacknowledged_bytes, &mut self.answer);
            self.unacknowledged_bytes = 0;
        }
        let Some(stream) = self.streams.get_mut(frame.stream as usize / 2) else { return };
        stream.unacknowledged_bytes += length;
        if stream.unacknowledged_bytes > WINDOW_STEP_BYTES {
            wire::window_update(frame.stream, stream.unacknowledged_bytes, &mut self.answer);
            stream.unacknowledged_bytes = 0;
        }
        let payload = &self.read[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + frame.length];
        let events = stream.counter.count(frame.content(payload));
        counted(stream.events, events);
        stream.events += events as usize;
        stream.is_open &= !frame.has(wire::END_STREAM);
    }

    fn control(&mut self, frame: Frame) {
        let payload = &self.read[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + frame.length];
        match frame.kind {
            wire::SETTINGS if !frame.has(wire::ACK) => {
                wire::frame(wire::SETTINGS, wire::ACK, 0, &[], &mut self.answer);
            }
            wire::PING if !frame.has(wire::ACK) => {
                wire::frame(wire::PING, wire::ACK, 0, payload, &mut self.answer);
            }
            wire::HEADERS => {
                self.answered += 1;
                if !wire::is_ok(frame.content(payload)) {
                    self.refused.get_or_insert_with(|| "it refused a watch".to_owned());
                }
            }
            wire::RST_STREAM => {
                self.refused.get_or_insert_with(|| "it reset a watch".to_owned());
                if let Some(stream) = self.streams.get_mut(frame.stream as usize / 2) {
                    stream.is_open = false;
                }
            }
            wire::GOAWAY => {
                self.refused.get_or_insert_with(|| "it sent a connection away".to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events() {
        let mut counter = Counter::new(Encoding::Json);
        assert_eq!(counter.count(b"{\"a\":1}\n{\"b\""), 1);
        assert_eq!(counter.count(b":2}\n{}\n"), 2);
    }

    #[test]
    fn lengths_are_followed_over_any_cuts() {
        let mut bytes = Vec::new();
        for length in [3_u32, 0, 300] {
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend(std::iter::repeat_n(b'\n', length as usize));
        }
        for cut in [1, 2, 5, 7, 11, bytes.len()] {
            let mut counter = Counter::new(Encoding::Protobuf);
            let counted: u64 = bytes.chunks(cut).map(|piece| counter.count(piece)).sum();
            assert_eq!(counted, 3, "in pieces of {cut}");
        }
    }
}
