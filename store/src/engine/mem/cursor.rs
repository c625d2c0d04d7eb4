//! A cursor over one space as it stood when the cursor was made.

use super::super::{Cursor, EngineError, Space};
use super::disk::{SpaceMap, Value};
use bytes::Bytes;
use std::ops::Bound;

pub(super) struct MemCursor {
    space: Space,
    map: SpaceMap,
    from: Bytes,
    /// Empty: no end.
    to: Bytes,
    state: State,
}

enum State {
    New,
    At(Bytes, Bytes),
    End,
}

impl MemCursor {
    pub fn new(space: Space, map: SpaceMap, from: &[u8], to: &[u8]) -> Self {
        let (from, to) = (Bytes::copy_from_slice(from), Bytes::copy_from_slice(to));
        Self { space, map, from, to, state: State::New }
    }

    fn before_end(&self, key: &[u8]) -> bool {
        self.to.is_empty() || key < self.to
    }

    fn move_on(&mut self, start: Bound<Bytes>) -> Result<bool, EngineError> {
        let found = self.map.range((start, Bound::Unbounded)).next();
        let entry = found.map(|(key, value)| (key.clone(), value.clone()));
        self.settle(entry)
    }

    fn settle(&mut self, entry: Option<(Bytes, Value)>) -> Result<bool, EngineError> {
        self.state = State::End;
        if let Some((key, value)) = entry
            && key >= self.from
            && self.before_end(&key)
        {
            let value = value.read(self.space, &key)?.clone();
            self.state = State::At(key, value);
        }
        Ok(matches!(self.state, State::At(..)))
    }
}

impl Cursor for MemCursor {
    fn seek(&mut self, key: &[u8]) -> Result<bool, EngineError> {
        let start = Bytes::copy_from_slice(key).max(self.from.clone());
        self.move_on(Bound::Included(start))
    }

    fn seek_for_prev(&mut self, key: &[u8]) -> Result<bool, EngineError> {
        let end = if self.before_end(key) {
            Bound::Included(Bytes::copy_from_slice(key))
        } else {
            Bound::Excluded(self.to.clone())
        };
        let found = self.map.range((Bound::Unbounded, end)).next_back();
        let entry = found.map(|(key, value)| (key.clone(), value.clone()));
        self.settle(entry)
    }

    fn next(&mut self) -> Result<bool, EngineError> {
        match &self.state {
            State::New => self.move_on(Bound::Included(self.from.clone())),
            State::At(key, _) => self.move_on(Bound::Excluded(key.clone())),
            State::End => Ok(false),
        }
    }

    fn key(&self) -> &[u8] {
        match &self.state {
            State::At(key, _) => key,
            State::New | State::End => panic!("the last move found an entry"),
        }
    }

    fn value(&self) -> &[u8] {
        match &self.state {
            State::At(_, value) => value,
            State::New | State::End => panic!("the last move found an entry"),
        }
    }
}
