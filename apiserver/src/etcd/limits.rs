//! Every limit of the etcd API, in one place, each with its reason.

use std::time::Duration;

/// The largest write, as the message of the request: etcd's `--max-request-bytes`. A Raft entry
/// holds at least one of these.
pub const REQUEST_BYTES_MAX: usize = 1_572_864;

/// What a message may have beyond [`REQUEST_BYTES_MAX`] before it is refused undecoded; also the
/// size from which a watch response is cut into fragments. etcd's value.
pub const REQUEST_OVERHEAD_BYTES: usize = 524_288;

/// The largest message taken off the wire.
pub const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES;

/// The largest message of a stream of requests (watches, keep-alives), which are small; each stream
/// may hold one half-received.
pub const STREAM_MESSAGE_BYTES_MAX: usize = 65_536;

/// Compares, or operations of one branch, of one transaction: etcd's `--max-txn-ops`. A nested
/// transaction may have only what its parent left over.
pub const TXN_OPS_MAX: usize = 128;

/// Transactions within transactions. The decoder stops at 100 nested messages, of which each level
/// takes two here and two in the log, where a few more surround it: what is accepted must be
/// readable from the log.
pub const TXN_DEPTH_MAX: usize = 32;

/// All levels of one transaction together: nesting must not multiply the work that one request
/// asks for.
pub const TXN_OPS_TOTAL_MAX: usize = 1_024;

/// Watches on one stream. Each costs a cursor and a map entry (some hundred bytes).
pub const WATCHES_PER_STREAM_MAX: usize = 100_000;

/// Events asked of the hub at once, before others on the stream get their turn.
pub const WATCH_EVENTS_PER_TURN: usize = 1_024;

/// Deliveries, and bytes of events, that a watch stream takes from the hub in a row before its
/// requests get their turn; what is taken is kept in memory until the client reads it.
pub const WATCH_DELIVERIES_PER_TURN: usize = 64;
pub const WATCH_TURN_BYTES: usize = 65_536;

/// Requests of a watch stream handled in a row before its events get their turn.
pub const WATCH_REQUESTS_PER_TURN: usize = 64;

/// etcd's interval of progress notifications, and the shortest one that may be configured.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(600);
pub const PROGRESS_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// How long a watch that awaits progress sleeps when the hub lags behind the store.
pub const PROGRESS_RETRY: Duration = Duration::from_millis(2);

/// A stream that requires a leader (`hasleader`) ends when there was none for so long.
pub const LEADER_LOSS_MAX: Duration = Duration::from_secs(3);
pub const LEADER_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// A leader that does not confirm a read index for so long does not lead: several times what one
/// takes on a busy machine.
pub const LEADER_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A range that may return more keys than this is read on a thread of its own, so that it delays
/// no other request.
pub const RANGE_INLINE_KEYS: i64 = 512;

/// A lease made for a lock or an election without one, in seconds, as etcd's sessions.
pub const SESSION_TTL_S: i64 = 60;

/// Concurrent requests of one connection.
pub const CONNECTION_STREAMS_MAX: u32 = 8_192;

/// Concurrent connections.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Memory for requests that have not arrived whole, over all connections. Beyond it they are
/// refused: one client must not hold the server's memory with half-sent requests.
pub const INCOMING_BYTES_MAX: usize = 256 * 1_048_576;

/// All headers of one request.
pub const HEADER_LIST_BYTES_MAX: u32 = 32_768;

/// HTTP/2 windows: 1 MiB per stream, so that a full-size request needs two round trips, and 8 MiB
/// per connection.
pub const STREAM_WINDOW_BYTES: u32 = 1_048_576;
pub const CONNECTION_WINDOW_BYTES: u32 = 8 * 1_048_576;

/// What a stream may have encoded ahead of a slow reader.
pub const STREAM_SEND_BUFFER_BYTES: usize = 65_536;

/// Streams that a client opens and resets faster than they are taken up: beyond this its
/// connection is closed. Cancelled watches come in bursts, hence more than the default of 20.
pub const PENDING_RESETS_MAX: usize = 512;

/// A connection that shows no life for the sum of both is closed, and its watches with it.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// From the accept to the end of the TLS handshake and the first bytes of HTTP.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests may go on after the server was told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a snapshot in one message: etcd's.
pub const SNAPSHOT_CHUNK_BYTES: usize = 32_768;

const _: () = {
    assert!(STREAM_MESSAGE_BYTES_MAX <= MESSAGE_BYTES_MAX);
    assert!(WATCH_TURN_BYTES <= STREAM_SEND_BUFFER_BYTES);
    assert!(TXN_DEPTH_MAX * 2 + 10 < 100, "a transaction must be readable from the log");
    assert!(STREAM_WINDOW_BYTES <= CONNECTION_WINDOW_BYTES);
    assert!(INCOMING_BYTES_MAX >= 64 * MESSAGE_BYTES_MAX);
    assert!(LEADER_CHECK_INTERVAL.as_millis() * 2 <= LEADER_LOSS_MAX.as_millis());
};
