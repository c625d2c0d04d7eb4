//! Every bound of the watch machinery, with its reason.

/// Bounds of one hub, in bytes. All sizes are estimates from above: events, what they may be
/// encoded to, and the bookkeeping beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Recent revisions kept for watches that start or fall behind a little. 64 MiB is some 13,000
    /// writes of 1 KB with their previous values and encodings: more than a second of full load,
    /// and hours of an ordinary cluster's.
    pub history_bytes: usize,
    /// All rings together. A ring mostly points at batches that the history holds too, so this
    /// pays for pointers and for the parts of multi-key transactions.
    pub rings_bytes: usize,
    /// Applied but not yet dispatched. Reached only when the dispatcher gets no processor for
    /// long; all watches then read from disk what was left out.
    pub inbox_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { history_bytes: 64 << 20, rings_bytes: 16 << 20, inbox_bytes: 32 << 20 }
    }
}

/// Beside keys and values, what an event in memory costs: two `Arc`s of `KeyValue`, its place in
/// the batch and the frame of its encoding.
pub(super) const EVENT_OVERHEAD_BYTES: usize = 320;

/// What a batch in a ring costs besides the batch: the ring's slot and the record to trim it.
pub(super) const RING_SLOT_BYTES: usize = 48;

/// A delivery ends after the batch that reaches this, whatever the caller's `max_events`: it
/// becomes one response, whose memory a slow client holds.
pub(super) const DELIVERY_BYTES_MAX: usize = 512 << 10;

/// Revisions per immutable segment of the recent history. Readers take a whole segment under the
/// lock with one reference count; the open segment is copied, at most this many pointers.
pub(super) const SEGMENT_REVISIONS_MAX: usize = 256;
/// A segment is also closed at this size, so that trimming, which goes by segments, is even.
pub(super) const SEGMENT_BYTES_MAX: usize = 2 << 20;

/// Revisions dispatched before the core lock is offered to those who open and cancel watches.
pub(super) const DISPATCH_CHUNK_REVISIONS: usize = 64;

/// Cancelling a stream's watches gives the core lock up after so many.
pub(super) const CANCEL_CHUNK_WATCHES: usize = 128;

/// Segments of recent history that one call of `next` looks through before it lets its caller
/// breathe: at most 4,096 revisions, some 100 µs.
pub(super) const SEGMENTS_PER_NEXT_MAX: usize = 16;

/// Reads from disk that one stream may have under way or undelivered at a time, and the size of
/// each: 1 MiB per stream, in proportion to what its transport buffers.
pub(super) const CATCH_UPS_PER_STREAM_MAX: usize = 4;
pub(super) const CATCH_UP_BYTES_MAX: usize = 256 << 10;
pub(super) const CATCH_UP_REVISIONS_MAX: usize = 4096;
/// Records of the log that one read may pass over in search of a rare key, so that a cancelled
/// watch does not occupy a thread for long.
pub(super) const CATCH_UP_EXAMINED_MAX: usize = 65_536;

/// Segments of history read back when a store opens: 4,096 revisions, some 40 ms of a thread that
/// has nothing else to do yet.
pub(super) const PRIMED_SEGMENTS_MAX: usize = 16;

/// The pause of the dispatcher thread after each pass. A lone event is dispatched at once; under
/// load, what arrives in the pause is one pass, and one wake-up per stream.
pub(super) const DISPATCH_PACE_US: u64 = 200;

const _: () = assert!(SEGMENT_BYTES_MAX <= 64 << 20);
const _: () = assert!(CATCH_UPS_PER_STREAM_MAX > 0 && SEGMENTS_PER_NEXT_MAX > 0);
