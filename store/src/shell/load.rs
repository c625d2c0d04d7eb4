//! Loading: from disk to memory, in parallel by key range.

use super::OpenError;
use crate::disk::{KEYS, LEASES, META};
use crate::disk::{alarms, compact, format, head, keys, leases, membership};
use crate::engine::{Batch, Durability, Engine, EngineError};
use crate::entry::LogPosition;
use crate::history::Walk;
use crate::kv::{KeyValue, Revision};
use crate::state::{Lease, State};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Halvings of the keyspace: up to 2^7 pieces, so that threads finish together even though the
/// pieces differ in size.
const CUTS_DEPTH: usize = 7;

/// The state on disk.
pub(super) struct Loaded {
    pub state: State,
    pub applied: Option<LogPosition>,
    pub membership: Bytes,
}

/// Reads the state. An empty engine becomes an empty keyspace of the newest format.
pub(super) fn load(engine: &dyn Engine, threads: usize) -> Result<Loaded, OpenError> {
    check_format(engine)?;
    let mut state = State::default();
    let head = engine.get(META, head::KEY)?.map(|bytes| head::de_head(&bytes)).transpose()?;
    let applied = head.and_then(|head| head.applied);
    if let Some(head) = head {
        (state.revision, state.hash, state.time_ms) = (head.revision, head.hash, head.time_ms);
    }
    if let Some(bytes) = engine.get(META, compact::KEY)? {
        state.compact_revision = compact::de_compact(&bytes)?;
    }
    if let Some(bytes) = engine.get(META, alarms::KEY)? {
        state.alarms = Arc::new(alarms::de_alarms(&bytes)?);
    }
    let mut cursor = engine.cursor(LEASES, &[], &[])?;
    while cursor.next()? {
        let record = leases::de_lease(cursor.value())?;
        state.leases.insert(leases::de_key(cursor.key())?, Lease::new(record.ttl_s));
    }
    let membership = engine.get(META, membership::KEY)?.map(membership::de_membership);
    state.load(read_keys(engine, threads, state.revision)?)?;
    Ok(Loaded { state, applied, membership: membership.unwrap_or_default() })
}

fn check_format(engine: &dyn Engine) -> Result<(), OpenError> {
    match engine.get(META, format::KEY)? {
        Some(bytes) => match format::de_format(&bytes)? {
            format::VERSION => Ok(()),
            found => Err(OpenError::Format { found, known: format::VERSION }),
        },
        None if engine.get(META, head::KEY)?.is_some() => {
            let message = "the keyspace does not say its format".into();
            Err(OpenError::Engine(EngineError::Corrupt { message }))
        }
        None => {
            let mut batch = Batch::default();
            batch.put(META, format::KEY, format::ser_format(format::VERSION));
            engine.write(batch, Durability::Unlogged)?;
            Ok(())
        }
    }
}

/// The newest version of every key, in key order.
fn read_keys(
    engine: &dyn Engine,
    threads: usize,
    revision: Revision,
) -> Result<Vec<Arc<KeyValue>>, EngineError> {
    if threads < 2 {
        return read_piece(engine, &[], &[], revision);
    }
    let mut bounds = vec![Vec::new()];
    cut(engine, &mut bounds)?;
    bounds.push(Vec::new());
    let pieces: Vec<_> = bounds.windows(2).map(|pair| (&pair[0], &pair[1])).collect();
    let read: Vec<_> = pieces.iter().map(|_| Mutex::new(Ok(Vec::new()))).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(pieces.len()) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some((from, to)) = pieces.get(at)
                {
                    *read[at].lock() = read_piece(engine, from, to, revision);
                }
            });
        }
    });
    let mut all = Vec::new();
    for piece in read {
        all.append(&mut piece.into_inner()?);
    }
    Ok(all)
}

fn read_piece(
    engine: &dyn Engine,
    from: &[u8],
    to: &[u8],
    revision: Revision,
) -> Result<Vec<Arc<KeyValue>>, EngineError> {
    let mut cursor = engine.cursor(KEYS, from, to)?;
    let mut walk = Walk::new(&mut *cursor, Revision::MAX);
    let mut kvs = Vec::new();
    while let Some(at) = walk.next()? {
        if at > revision {
            let message = format!("a version of revision {at} in a keyspace at {revision}");
            return Err(EngineError::Corrupt { message });
        }
        let value = walk.cursor.value();
        if !keys::is_tombstone(value) {
            let at = keys::VersionKey { escaped: &walk.group, revision: at };
            kvs.push(Arc::new(keys::de_value(&at, value)?));
        }
    }
    Ok(kvs)
}

/// Appends bounds that cut the space into pieces, in order. No bound separates versions of a key.
fn cut(engine: &dyn Engine, bounds: &mut Vec<Vec<u8>>) -> Result<(), EngineError> {
    let mut cutter = Cutter { cursor: engine.cursor(KEYS, &[], &[])?, bounds };
    if !cutter.cursor.seek(&[])? {
        return Ok(());
    }
    let low = cutter.here()?;
    // Where keys lie beyond this, they make the last piece larger, no more.
    if !cutter.cursor.seek_for_prev(&[0xff; 64])? {
        return Ok(());
    }
    let high = cutter.here()?;
    cutter.halve(&low, &high, CUTS_DEPTH)
}

struct Cutter<'a, 'b> {
    cursor: Box<dyn crate::engine::Cursor + 'a>,
    bounds: &'b mut Vec<Vec<u8>>,
}

impl Cutter<'_, '_> {
    /// The escaped key at the cursor.
    fn here(&self) -> Result<Vec<u8>, EngineError> {
        Ok(keys::de_key(self.cursor.key())?.escaped.to_vec())
    }

    /// Cuts halfway between the bytes of the two keys, then each half between the keys that are
    /// really there: which zooms in on where the keys differ.
    fn halve(&mut self, low: &[u8], high: &[u8], depth: usize) -> Result<(), EngineError> {
        let Some(middle) = middle(low, high) else { return Ok(()) };
        if depth == 0 || !self.cursor.seek(&middle)? {
            return Ok(());
        }
        let bound = self.here()?;
        if bound.as_slice() <= low || !self.cursor.seek_for_prev(&bound)? {
            return Ok(());
        }
        let below = self.here()?;
        self.halve(low, &below, depth - 1)?;
        self.bounds.push(bound.clone());
        self.halve(&bound, high, depth - 1)
    }
}

/// Bytes halfway between `low` and `high`, if there are any.
fn middle(low: &[u8], high: &[u8]) -> Option<Vec<u8>> {
    let same = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let number = |bytes: &[u8]| {
        let mut number = [0; 8];
        for (into, byte) in number.iter_mut().zip(&bytes[same..]) {
            *into = *byte;
        }
        u64::from_be_bytes(number)
    };
    let (a, b) = (number(low), number(high));
    let middle = a + b.checked_sub(a)? / 2;
    if middle == a {
        return None;
    }
    let mut out = low[..same].to_vec();
    out.extend_from_slice(&middle.to_be_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SPACES;
    use crate::engine::EngineHome;
    use crate::engine::mem::MemHome;

    fn kv(key: &str, mod_revision: Revision) -> KeyValue {
        let key = Bytes::copy_from_slice(key.as_bytes());
        KeyValue { key, mod_revision, version: 1, create_revision: 1, ..KeyValue::default() }
    }

    fn engine(kvs: &[KeyValue]) -> Arc<dyn Engine> {
        let home = MemHome::new(SPACES, Durability::Unlogged);
        let engine = home.open().expect("memory opens");
        let mut batch = Batch::default();
        for kv in kvs {
            let key = keys::ser_key(&kv.key, kv.mod_revision);
            batch.put(KEYS, key, keys::ser_value(kv));
        }
        engine.write(batch, Durability::Unlogged).expect("memory writes");
        engine
    }

    #[test]
    fn pieces_are_many_and_threads_find_what_one_finds() {
        let mut kvs = Vec::new();
        for n in 0..2_000 {
            let key = format!("/registry/pods/default/pod-{n:05}");
            kvs.extend((1..=1 + n % 12).map(|revision| kv(&key, revision)));
        }
        kvs.push(kv("a", 3));
        kvs.push(kv("\u{7f}\u{7f}", 4));
        let engine = engine(&kvs);
        let mut bounds = Vec::new();
        cut(&*engine, &mut bounds).expect("memory reads");
        assert!(bounds.len() > 50, "{} bounds", bounds.len());
        assert!(bounds.is_sorted());
        let one = read_keys(&*engine, 1, 100).expect("memory reads");
        assert_eq!(one.len(), 2_002);
        assert!(one.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert!(
            one.iter()
                .filter(|kv| kv.key.starts_with(b"/registry"))
                .any(|kv| kv.mod_revision == 12)
        );
        assert_eq!(read_keys(&*engine, 3, 100).expect("memory reads"), one);
    }

    #[test]
    fn a_version_from_the_future_is_corrupt() {
        let engine = engine(&[kv("a", 9)]);
        let read = read_keys(&*engine, 1, 8);
        assert!(matches!(read, Err(EngineError::Corrupt { .. })));
    }
}
