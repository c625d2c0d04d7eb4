//! What a log finds on disk when it is opened.

use super::{LogError, SPACE, format};
use crate::types::{LogId, Vote};
use bytes::Bytes;
use xebec_store::engine::Engine;

pub(super) struct Recovered {
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    /// Of the last entry, or what was purged last.
    pub last: Option<LogId>,
    /// The entries are `[first, next)`.
    pub first: u64,
    pub next: u64,
    /// Purged entries may still be there from here on.
    pub first_on_disk: u64,
}

pub(super) fn recover(engine: &dyn Engine) -> Result<Recovered, LogError> {
    let state = |name| engine.get(SPACE, &format::state_key(name));
    let vote = state(format::VOTE)?.map(format::decode_vote).transpose()?;
    let log_id = |name| -> Result<Option<LogId>, LogError> {
        state(name)?.map(|value| format::decode_log_id(name, value)).transpose()
    };
    let (purged, committed) = (log_id(format::PURGED)?, log_id(format::COMMITTED)?);
    let begin = purged.map_or(0, |purged| purged.index + 1);

    let mut cursor = engine.cursor(SPACE, &format::entry_key(0), &format::ENTRIES_END)?;
    let index = |key: &[u8]| {
        let reason = "not the key of an entry";
        format::index_of(key).ok_or(LogError::CorruptRecord { name: "entry", reason })
    };
    let first_on_disk = if cursor.next()? { index(cursor.key())? } else { begin };
    let mut recovered = Recovered {
        vote,
        committed,
        purged,
        last: purged,
        first: begin,
        next: begin,
        first_on_disk: first_on_disk.min(begin),
    };
    // Entries below `begin` are purged ones that nobody has removed yet.
    if cursor.seek_for_prev(&format::ENTRIES_END)? {
        let last = index(cursor.key())?;
        if last >= begin {
            let value = Bytes::copy_from_slice(cursor.value());
            recovered.last = Some(format::decode_entry(last, value)?.log_id);
            recovered.next = last + 1;
            recovered.first = first_entry(&mut *cursor, begin, purged.is_some(), index)?;
        }
    }
    Ok(recovered)
}

/// The log begins after what was purged, or anywhere if nothing was.
fn first_entry(
    cursor: &mut dyn xebec_store::engine::Cursor,
    begin: u64,
    purged: bool,
    index: impl Fn(&[u8]) -> Result<u64, LogError>,
) -> Result<u64, LogError> {
    cursor.seek(&format::entry_key(begin))?;
    let first = index(cursor.key())?;
    if purged && first != begin {
        return Err(LogError::Missing { expected: begin });
    }
    Ok(first)
}
