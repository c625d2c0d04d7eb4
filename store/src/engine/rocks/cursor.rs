//! A cursor over one space.

use super::super::{Cursor, EngineError};
use super::fault;
use rocksdb::{ColumnFamily, DB, DBRawIterator, ReadOptions};

pub(super) struct RocksCursor<'a> {
    iterator: DBRawIterator<'a>,
    state: State,
}

/// RocksDB must not be told to move on from nowhere.
#[derive(PartialEq)]
enum State {
    New,
    At,
    End,
}

impl<'a> RocksCursor<'a> {
    pub fn new(db: &'a DB, family: &ColumnFamily, from: &[u8], to: &[u8]) -> Self {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        if !to.is_empty() {
            // An interval the wrong way round is empty.
            options.set_iterate_upper_bound(to.max(from));
        }
        Self { iterator: db.raw_iterator_cf_opt(family, options), state: State::New }
    }

    fn moved(&mut self) -> Result<bool, EngineError> {
        let valid = self.iterator.valid();
        if !valid {
            self.iterator.status().map_err(fault)?;
        }
        self.state = if valid { State::At } else { State::End };
        Ok(valid)
    }
}

impl Cursor for RocksCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<bool, EngineError> {
        self.iterator.seek(key);
        self.moved()
    }

    fn seek_for_prev(&mut self, key: &[u8]) -> Result<bool, EngineError> {
        self.iterator.seek_for_prev(key);
        self.moved()
    }

    fn next(&mut self) -> Result<bool, EngineError> {
        match self.state {
            State::New => self.iterator.seek_to_first(),
            State::At => self.iterator.next(),
            State::End => return Ok(false),
        }
        self.moved()
    }

    fn key(&self) -> &[u8] {
        self.iterator.key().expect("the last move found an entry")
    }

    fn value(&self) -> &[u8] {
        self.iterator.value().expect("the last move found an entry")
    }
}
