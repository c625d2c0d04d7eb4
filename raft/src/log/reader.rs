//! The reading side: for replication, and for the state machine.

use super::shared::Shared;
use super::tail::Limit;
use super::{LogError, READ_BYTES_MAX};
use crate::runtime::blocking;
use crate::types::{Entry, LeaderId, LogId, TypeConfig, Vote};
use futures::{Stream, stream};
use openraft::errors::LeaderChanged;
use openraft::storage::{LeaderBoundedStreamError, LeaderBoundedStreamResult};
use openraft::{OptionalSend, RaftLogReader};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds, RangeInclusive};
use std::sync::Arc;

/// Clones read the same log.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// From memory if everything is there; else on a thread that may block.
    async fn read(&self, range: Range<u64>, limit: fn() -> Limit) -> io::Result<Vec<Entry>> {
        self.shared.check()?;
        if let Some(entries) = self.shared.read_tail(range.clone(), &mut limit()) {
            return Ok(entries);
        }
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.read(range, limit())).await
    }

    async fn read_some(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        self.read(range, || Limit::bytes(READ_BYTES_MAX)).await
    }

    /// `None` while `leader` is the one that this replica follows.
    fn changed(&self, leader: LeaderId) -> Option<LeaderChanged<TypeConfig>> {
        let vote = self.shared.vote();
        let follows = vote.is_some_and(|vote| vote.committed && vote.leader_id == leader);
        (!follows).then(|| LeaderChanged::new(leader, vote))
    }
}

/// What is left to read of a stream.
struct Rest<'a> {
    reader: &'a LogReader,
    read: std::vec::IntoIter<Entry>,
    range: Range<u64>,
}

impl<'a> Rest<'a> {
    fn new(reader: &'a LogReader, range: Range<u64>) -> Self {
        Self { reader, read: Vec::new().into_iter(), range }
    }

    async fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.read.len() == 0 && !self.range.is_empty() {
            self.read = self.reader.read_some(self.range.clone()).await?.into_iter();
            let last = self.read.as_slice().last();
            self.range.start = last.map_or(self.range.end, |last| last.log_id.index + 1);
        }
        Ok(self.read.next())
    }
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderId,
        range: RB,
    ) -> impl Stream<Item = LeaderBoundedStreamResult<TypeConfig>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let reader = &*self;
        let error = LeaderBoundedStreamError::LeaderChanged;
        stream::try_unfold(Rest::new(reader, plain(&range)), move |mut rest| async move {
            // Before and after: what was read in between is of this leader.
            reader.changed(leader).map_or(Ok(()), |changed| Err(error(changed)))?;
            let entry = rest.next().await?;
            reader.changed(leader).map_or(Ok(()), |changed| Err(error(changed)))?;
            Ok(entry.map(|entry| (entry, rest)))
        })
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        stream::try_unfold(Rest::new(self, plain(&range)), |mut rest| async move {
            Ok(rest.next().await?.map(|entry| (entry, rest)))
        })
    }

    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.read(plain(&range), Limit::none).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.shared.check()?;
        Ok(self.shared.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read_some(start..end).await
    }

    /// The last entry of every term, found by bisection.
    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> io::Result<Vec<LogId>> {
        let shared = Arc::clone(&self.shared);
        let (first, last) = range.into_inner();
        blocking(move || {
            let mut ids = Vec::new();
            let mut at = first;
            while at.leader_id < last.leader_id {
                let end = last_of_term(&shared, at, last)?;
                ids.push(end);
                at = shared.log_id(end.index + 1)?;
            }
            ids.push(last);
            Ok(ids)
        })
        .await
    }
}

/// The last entry of the term of `at`; `later` is of a later term.
fn last_of_term(shared: &Shared, at: LogId, later: LogId) -> io::Result<LogId> {
    let (mut within, mut beyond) = (at, later.index);
    while within.index + 1 < beyond {
        let middle = within.index + (beyond - within.index) / 2;
        let id = shared.log_id(middle)?;
        if id.leader_id < within.leader_id {
            let error = LogError::CorruptEntry { index: middle, reason: "its term runs backwards" };
            return Err(shared.fail(error));
        }
        if id.leader_id == within.leader_id {
            within = id;
        } else {
            beyond = middle;
        }
    }
    Ok(within)
}

fn plain(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
