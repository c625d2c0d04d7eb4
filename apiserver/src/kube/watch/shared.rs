//! What watches share of the events that they send: what selectors look at, the frame of each
//! event, and the frames of a whole run, each made by whoever needs it first.
//!
//! It all hangs on the store's batches and lives as long as they do.

use super::change::Change;
use super::framer::Framer;
use super::kind::Kind;
use crate::kube::facts::{Facts, Plan};
use crate::kube::selection::Matcher;
use crate::kube::shape::AtRest;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::sync::OnceLock;
use xebec_core::status::Status;
use xebec_store::kv::{Event, KeyValue};
use xebec_store::watch::{Batches, EventBatch};

/// Why events cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// What an object was before has been compacted.
    #[error("the version before has been compacted")]
    Compacted,
    #[error(transparent)]
    Status(#[from] Status),
}

/// Of one batch.
struct Shares(Box<[Share]>);

/// Of one event.
#[derive(Default)]
pub struct Share {
    after: OnceLock<Known>,
    before: OnceLock<Known>,
    /// By framer and change; hardly ever more than two.
    frames: Mutex<Vec<((u64, Change), Bytes)>>,
}

/// What was read of one version of an object.
struct Known {
    plan: u64,
    /// `None` if it cannot be read so.
    facts: Option<Facts>,
}

/// Of one run: the chunks of each kind of watch.
#[derive(Default)]
struct Chunks(Mutex<Vec<(u64, Chunk)>>);

/// What a watch sends of a run of events.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    pub bytes: Bytes,
    pub events: u64,
}

/// All that a kind of watch sends of a run of events; empty if it sees none of them.
pub fn chunk(kind: &Kind, batches: &Batches) -> Result<Chunk, ShowError> {
    let Some(Chunks(chunks)) = batches.extension().get_or_init(Chunks::default) else {
        return make_chunk(kind, batches);
    };
    let mut chunks = chunks.lock();
    if let Some((_, chunk)) = chunks.iter().find(|(id, _)| *id == kind.id) {
        return Ok(chunk.clone());
    }
    // Made under the lock: others of the kind need the same, and would only make it again.
    let chunk = make_chunk(kind, batches)?;
    chunks.push((kind.id, chunk.clone()));
    Ok(chunk)
}

fn make_chunk(kind: &Kind, batches: &Batches) -> Result<Chunk, ShowError> {
    let mut frames = Vec::new();
    for batch in batches.iter() {
        push_frames(kind, batch, &mut frames)?;
    }
    let events = frames.len() as u64;
    if events <= 1 {
        return Ok(Chunk { bytes: frames.pop().unwrap_or_default(), events });
    }
    let mut bytes = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|frame| bytes.extend_from_slice(frame));
    Ok(Chunk { bytes: bytes.freeze(), events })
}

/// What is shared of one event of a batch; `None` if somebody else uses the batch's slot.
pub fn share(batch: &EventBatch, event: usize) -> Option<&Share> {
    let make = || Shares(batch.events().iter().map(|_| Share::default()).collect());
    batch.extension().get_or_init(make).map(|shares| &shares.0[event])
}

fn push_frames(kind: &Kind, batch: &EventBatch, frames: &mut Vec<Bytes>) -> Result<(), ShowError> {
    for (at, event) in batch.events().iter().enumerate() {
        let share = share(batch, at);
        let share = share.ok_or_else(|| Status::internal("the batch is shared otherwise"))?;
        if let Some(change) = seen(&kind.matcher, event, share)? {
            frames.push(frame(&kind.framer, event, share, change)?);
        }
    }
    Ok(())
}

/// The same for a watch that has sent nothing yet: its first event has headers.
pub fn chunk_with_headers(kind: &Kind, batches: &Batches) -> Result<Chunk, ShowError> {
    let (mut out, mut headers, mut events) = (Vec::new(), true, 0);
    for event in batches.iter().flat_map(|batch| batch.events()) {
        if let Some(change) = seen(&kind.matcher, event, &Share::default())? {
            let object = shown(event, change).ok_or(ShowError::Compacted)?;
            kind.framer.push(&mut out, change, object, headers)?;
            headers = false;
            events += 1;
        }
    }
    Ok(Chunk { bytes: out.into(), events })
}

/// What a watch sees of an event.
fn seen(matcher: &Matcher, event: &Event, share: &Share) -> Result<Option<Change>, ShowError> {
    let lost = event.prev.is_none() && !event.kv.is_create();
    if matcher.is_empty() {
        let before = event.prev.is_some() || lost;
        return Ok(Change::seen(before, !event.is_delete()));
    }
    if lost {
        return Err(ShowError::Compacted);
    }
    let before = match &event.prev {
        Some(prev) => admits(matcher, prev, &share.before)?,
        None => false,
    };
    let after = !event.is_delete() && admits(matcher, &event.kv, &share.after)?;
    Ok(Change::seen(before, after))
}

fn admits(matcher: &Matcher, kv: &KeyValue, known: &OnceLock<Known>) -> Result<bool, Status> {
    if matcher.is_readable()
        && let Some(facts) = facts((matcher.plan(), matcher.at_rest()), kv, known)
    {
        return Ok(matcher.admits_facts(&kv.key, facts));
    }
    matcher.admits(&kv.key, &kv.value, &mut Facts::default())
}

/// A plan, and how the objects at rest begin that it can read.
type Reading<'p> = (&'p Plan, &'p [u8]);

/// What an object is after an event; `None` if its bytes do not tell.
pub fn facts_after<'s>(by: Reading<'_>, event: &Event, share: &'s Share) -> Option<&'s Facts> {
    facts(by, &event.kv, &share.after)
}

/// What an object was before an event.
pub fn facts_before<'s>(by: Reading<'_>, event: &Event, share: &'s Share) -> Option<&'s Facts> {
    facts(by, event.prev.as_ref()?, &share.before)
}

fn facts<'s>(
    (plan, at_rest): Reading<'_>,
    kv: &KeyValue,
    known: &'s OnceLock<Known>,
) -> Option<&'s Facts> {
    if !kv.value.starts_with(at_rest) {
        return None;
    }
    let known = known.get_or_init(|| {
        let mut facts = Facts::default();
        let read = facts.read(plan, &kv.value);
        facts.shrink();
        Known { plan: plan.id, facts: read.map(|()| facts) }
    });
    known.facts.as_ref().filter(|_| known.plan == plan.id)
}

/// The object that an event shows: for a deletion what it last was, as of the deletion.
fn shown(event: &Event, change: Change) -> Option<AtRest<'_>> {
    let kv = match change {
        Change::Deleted => event.prev.as_ref()?,
        Change::Added | Change::Modified => &event.kv,
    };
    Some(AtRest { json: &kv.value, revision: event.revision() })
}

fn frame(
    framer: &Framer,
    event: &Event,
    share: &Share,
    change: Change,
) -> Result<Bytes, ShowError> {
    let key = (framer.id, change);
    let mut frames = share.frames.lock();
    if let Some((_, frame)) = frames.iter().find(|(known, _)| *known == key) {
        return Ok(frame.clone());
    }
    let object = shown(event, change).ok_or(ShowError::Compacted)?;
    let mut out = Vec::with_capacity(object.json.len() + FRAME_OVERHEAD_BYTES);
    framer.push(&mut out, change, object, false)?;
    let frame = Bytes::from(out);
    frames.push((key, frame.clone()));
    Ok(frame)
}

/// What JSON adds to an object: the type of the event and the resource version.
const FRAME_OVERHEAD_BYTES: usize = 96;
