//! Watches: who is told of which event, and from where they read what they missed.
//!
//! `Store::apply` hands the events of each applied batch to the [`Hub`] and goes on. The hub's
//! dispatcher (a thread of its own, or a simulation calling [`Hub::dispatch`]) puts each revision
//! into the recent history, which all share, and into the ring of every *group* that it concerns.
//! A group is all watches with one range, one filter and one topic, if they have one; a watch is a
//! cursor into the ring of its group. One [`WatchStream`] holds any number of watches and hands out [`Delivery`]s. Nothing is
//! copied per watch: a delivery is a shared run of [`EventBatch`]es, each encoded at most once.
//!
//! A watch that begins in the past, or whose group's ring went on without it, reads from the
//! recent history; if that does not go back far enough, from disk through a [`HistoryReader`]; and
//! rejoins the ring where the other source ends. No step depends on where the first one stopped
//! but through one number, the watch's next revision, so that no hand-over can leave a gap or
//! repeat an event.
//!
//! Invariants:
//! - A revision is delivered whole or not at all, in order, once.
//! - [`Hub::revision`] and [`WatchStream::synced_revision`] never run ahead of an event that was
//!   not offered, or not handed out.
//! - A watch ends for one reason only, besides its owner's wish: it has fallen behind the rings
//!   and its next revision has been compacted.
//! - The writer takes one short lock and never waits for a reader. What rings, history and the
//!   hand-over hold is bounded in bytes ([`Limits`]); what no longer fits is read from disk.
//!
//! Lock order: core, then a group's ring, then a stream's signal. The locks of the hand-over and
//! of the history are held alone or below the core.

mod batch;
mod catch_up;
mod core;
mod delivery;
mod dispatcher;
mod encode;
mod extension;
mod group;
mod hub;
mod inbox;
mod index;
mod intervals;
mod limits;
mod reader;
mod recent;
mod ring;
mod signal;
mod spec;
mod stream;
mod topic;

pub use batch::EventBatch;
pub use catch_up::{CatchUp, CaughtUp};
pub use delivery::{Batches, Delivery};
pub use dispatcher::Dispatcher;
pub use encode::{encode_event, encoded_event_len};
pub use extension::Extension;
pub use hub::{Hub, HubStats};
pub use limits::Limits;
pub use reader::{HistoryError, HistoryReader, Scan, ScanLimit};
pub use spec::WatchSpec;
pub use stream::WatchStream;
pub use topic::{Classifier, Topic};
