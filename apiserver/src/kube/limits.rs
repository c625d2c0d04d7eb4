//! Every limit of the Kubernetes API, in one place, each with its reason.

use std::time::Duration;

/// The body of a request: upstream's limit. Objects above etcd's 1.5 MiB are refused when they
/// are proposed.
pub const BODY_BYTES_MAX: usize = 3 * 1_048_576;

/// A request's path and query together.
pub const URI_BYTES_MAX: usize = 60 * 1_024;

/// How long the body of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What clients bound by `timeout` is bounded only below this: upstream's `--request-timeout`.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How often definitions are looked at though nothing has told of a change: a status that could
/// not be written is written then.
pub const DEFINITIONS_INTERVAL: Duration = Duration::from_secs(10);

/// How long the acknowledgement of a definition waits for its status.
pub const REVIEW_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the objects of a deleted definition are looked for: upstream polls every five seconds.
pub const REMOVAL_INTERVAL: Duration = Duration::from_millis(200);

/// Attempts of a write that races with others on one object, before the client is told.
pub const CONFLICT_RETRIES_MAX: usize = 100;

/// Queues of writers that change the same key, shared by all such keys; and what one of them waits
/// for the others at most.
pub const TURNS_MAX: usize = 256;
pub const TURN_WAIT: Duration = Duration::from_secs(2);

/// What one list in protobuf may keep of its encoded items, and all lists of a server together;
/// items beyond are encoded twice.
pub const LIST_KEPT_BYTES_MAX: usize = 32 * 1_048_576;
pub const LISTS_KEPT_KIB_MAX: usize = 96 * 1_024;

/// Objects that are kept in the form in which admission looks at them, and the bytes of one.
pub const RECENT_OBJECTS_MAX: usize = 1_024;
pub const RECENT_OBJECT_BYTES_MAX: usize = 4_096;

/// Attempts at finding a free generated name.
pub const GENERATED_NAME_ATTEMPTS_MAX: usize = 8;

/// Warnings in one answer, and bytes of each: upstream's.
pub const WARNINGS_BYTES_MAX: usize = 4_096;
pub const WARNING_BYTES_MAX: usize = 256;

/// Pieces in which long lists are sent: what one answer holds of its list, and what is made of it
/// before another request gets a turn.
pub const LIST_CHUNK_BYTES: usize = 64 * 1_024;
pub const LIST_CHUNKS_PER_TURN: usize = 4;

/// Objects that a list looks at, selected or not, before another request gets a turn.
pub const LIST_EXAMINED_PER_TURN: usize = 2_048;

/// Keys read at a time from an earlier state, which lies on disk.
pub const PAST_PAGE_KEYS: usize = 256;

/// How long a read waits for a revision that this replica has not reached: upstream's.
pub const FRESH_TIMEOUT: Duration = Duration::from_secs(3);

/// How often it looks, when the revision is none that was ever confirmed.
pub const FRESH_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What a watch without a timeout lasts at least, and at most twice that: upstream's
/// `--min-request-timeout`.
pub const WATCH_TIMEOUT_MIN: Duration = Duration::from_secs(1_800);

/// How often a watch that wants it is told how far it is.
pub const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// Events sent in one piece: enough to share what a piece costs, and little enough to be held by a
/// slow reader.
pub const WATCH_EVENTS_PER_CHUNK: usize = 64;

/// Pieces of a watch, sent or passed over, before another request gets a turn.
pub const WATCH_STEPS_PER_TURN: usize = 32;

/// Answers from this size on are compressed for clients that take it: upstream's threshold.
pub const GZIP_BYTES_MIN: usize = 128 * 1_024;

/// Connections on one listener.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Requests and watches on one HTTP/2 connection: upstream's. Clients open another one beyond it.
pub const CONNECTION_STREAMS_MAX: u32 = 1_000;

/// All headers of one request: tokens and lists of groups may be long.
pub const HEADER_BYTES_MAX: u32 = 131_072;

/// The head of an HTTP/1.1 request; also what is read of a body at a time.
pub const HTTP1_BUFFER_BYTES: usize = HEADER_BYTES_MAX as usize + URI_BYTES_MAX;

/// HTTP/2 windows: 1 MiB per stream, so that the largest body needs a few round trips, and 8 MiB
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

/// From the accept to the end of the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection without requests is closed after this, whether its client is silent or sends a
/// request's head byte by byte: upstream's `IdleTimeout`.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// What the end of an idle connection may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long requests may go on after the server was told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// In which connections are moved when a replica joins or returns, so that their clients do not
/// all come at once.
pub const REBALANCE_SPREAD: Duration = Duration::from_secs(10);

/// How long watches may last on a connection that takes no new requests: more than the longest
/// that clients ask for.
pub const REBALANCE_DRAIN: Duration = Duration::from_secs(2 * 3_600);

const _: () = {
    assert!(STREAM_WINDOW_BYTES <= CONNECTION_WINDOW_BYTES);
    assert!(URI_BYTES_MAX < 65_534, "more than this the HTTP library answers by itself");
    assert!(BODY_TIMEOUT.as_secs() < REQUEST_TIMEOUT.as_secs());
};

/// Events that a follower of the keyspace takes at a time.
pub const FOLLOW_EVENTS_PER_TURN: usize = 1_000;

/// Before a follower whose history could not be read tries again.
pub const FOLLOW_PAUSE: Duration = Duration::from_secs(1);

/// How long the acknowledgement of a write waits for it to show in what follows the keyspace.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// A longer bearer token is refused unseen. Tokens of service accounts have about 1 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// Client certificates, and signatures of tokens, whose outcome is remembered.
pub const CREDENTIALS_REMEMBERED_MAX: usize = 4_096;

/// For how long a verified client certificate is not verified again.
pub const CERTIFICATE_REMEMBERED_S: u64 = 300;

/// Objects of a new cluster that are made at a time: they share rounds of consensus.
pub const BOOTSTRAP_CONCURRENCY: usize = 32;

/// Before the objects of a new cluster are seen to again.
pub const BOOTSTRAP_PAUSE: Duration = Duration::from_millis(500);

/// How often a replica says that it serves, and looks who else does: upstream's.
pub const ENDPOINTS_PERIOD: Duration = Duration::from_secs(10);

/// For how long a replica that says nothing is still counted as serving: upstream's.
pub const ENDPOINTS_TTL_S: i64 = 15;

/// What taking one's own address out may take when the server stops.
pub const ENDPOINTS_FAREWELL: Duration = Duration::from_secs(2);
