//! Random histories with crashes, against a model.
//!
//! A crash keeps some prefix of what was written and not synced. So the log found afterwards must
//! be the log as it was after some prefix of the calls, and that prefix must cover every call
//! that was acknowledged. While it runs, the log must read as the model does.

use crate::support::{Flushed, callback, entry, home, ids, open};
use futures::FutureExt;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use proptest::prelude::*;
use std::collections::BTreeMap;
use xebec_raft::log::{LogWriter, RaftLog};
use xebec_raft::types::{EncodedBatch, Entry, LogId, Vote};
use xebec_store::engine::mem::MemHome;

#[derive(Debug, Clone)]
enum Step {
    Append {
        count: u64,
        new_term: bool,
    },
    Truncate {
        removed: u64,
    },
    Purge {
        kept: u64,
    },
    /// As after the installation of a snapshot: beyond the last entry.
    PurgeBeyond {
        by: u64,
    },
    /// One that nobody waited for.
    Vote,
    /// One that was acknowledged.
    SavedVote,
    Committed {
        behind: u64,
    },
    /// The two halves of the writer's step.
    Begin,
    Finish,
    /// Keeps so many hundredths of what was not synced.
    Crash {
        kept: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (1..6_u64, any::<bool>())
            .prop_map(|(count, new_term)| Step::Append { count, new_term }),
        3 => (1..8_u64).prop_map(|removed| Step::Truncate { removed }),
        3 => (0..8_u64).prop_map(|kept| Step::Purge { kept }),
        1 => (1..4_u64).prop_map(|by| Step::PurgeBeyond { by }),
        1 => Just(Step::Vote),
        1 => Just(Step::SavedVote),
        2 => (0..4_u64).prop_map(|behind| Step::Committed { behind }),
        6 => Just(Step::Begin),
        6 => Just(Step::Finish),
        2 => (0..=100_u64).prop_map(|kept| Step::Crash { kept }),
    ]
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    entries: BTreeMap<u64, u64>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    term: u64,
}

impl Model {
    fn last(&self) -> Option<LogId> {
        let last = self.entries.last_key_value();
        last.map(|(index, term)| LogId::new_term_index(*term, *index)).or(self.purged)
    }

    fn next_index(&self) -> u64 {
        self.last().map_or(0, |last| last.index + 1)
    }

    fn ids(&self) -> Vec<(u64, u64)> {
        self.entries.iter().map(|(index, term)| (*term, *index)).collect()
    }

    /// The same but for what a vote of the future would allow.
    fn same(&self, other: &Self) -> bool {
        (&self.entries, self.purged, self.vote) == (&other.entries, other.purged, other.vote)
    }
}

struct Run {
    home: MemHome,
    log: RaftLog,
    writer: LogWriter,
    /// The log after each call; the first is what it was opened with.
    states: Vec<Model>,
    /// The state that was the newest when the call was made, and what it waits for.
    waiting: Vec<(usize, Flushed)>,
    /// States before this one are gone for good.
    acknowledged: usize,
    /// All commit marks ever saved.
    committed: Vec<LogId>,
}

impl Run {
    fn new() -> Self {
        let home = home();
        let (log, writer) = open(&home);
        Self {
            home,
            log,
            writer,
            states: vec![Model::default()],
            waiting: Vec::new(),
            acknowledged: 0,
            committed: Vec::new(),
        }
    }

    fn now(&self) -> Model {
        self.states.last().expect("never empty").clone()
    }

    async fn append(&mut self, count: u64, new_term: bool) {
        let mut model = self.now();
        model.term += u64::from(new_term);
        let first = model.next_index();
        let entries: Vec<Entry> = (first..first + count).map(|i| entry(model.term, i)).collect();
        model.entries.extend((first..first + count).map(|index| (index, model.term)));
        let (callback, flushed) = callback();
        self.log.append(entries, callback).await.expect("append");
        self.states.push(model);
        self.waiting.push((self.states.len() - 1, flushed));
    }

    async fn truncate(&mut self, removed: u64) {
        let mut model = self.now();
        // What is committed is never truncated.
        let committed = self.committed.iter().map(|id| id.index + 1).max().unwrap_or(0);
        let from = model.next_index().saturating_sub(removed).max(committed);
        model.entries.retain(|index, _| *index < from);
        // Another leader, so that a removed entry is told from the one in its place.
        model.term += 1;
        let last = model.last();
        self.log.truncate_after(last).await.expect("truncate");
        self.states.push(model);
    }

    async fn purge(&mut self, upto: LogId) {
        let mut model = self.now();
        if model.purged >= Some(upto) {
            return;
        }
        model.purged = Some(upto);
        model.entries.retain(|index, _| *index > upto.index);
        self.log.purge(upto).await.expect("purge");
        self.states.push(model);
    }

    async fn vote(&mut self, saved: bool) {
        let mut model = self.now();
        model.term += 1;
        let vote = Vote::new(model.term, 1);
        model.vote = Some(vote);
        self.states.push(model);
        if saved {
            let mut saving = Box::pin(self.log.save_vote(&vote));
            assert!((&mut saving).now_or_never().is_none(), "not before it is durable");
            self.writer.step();
            saving.await.expect("saved");
            self.acknowledged = self.states.len() - 1;
        } else {
            assert!(self.log.save_vote(&vote).now_or_never().is_none());
        }
    }

    /// Callbacks come in order, and not for what was not synced.
    fn collect(&mut self) {
        let mut open = false;
        for (state, flushed) in &mut self.waiting {
            match flushed.try_recv() {
                Ok(result) => {
                    result.expect("no fault");
                    assert!(!open, "completed out of order");
                    self.acknowledged = self.acknowledged.max(*state);
                }
                Err(_) => open = true,
            }
        }
        self.waiting.retain_mut(|(_, flushed)| !flushed.is_terminated());
    }

    async fn crash(&mut self, kept: u64) {
        self.collect();
        self.home.crash(&mut |pending| pending * kept / 100);
        (self.log, self.writer) = open(&self.home);
        let found = self.found().await;
        let mut candidates = self.states[self.acknowledged..].iter();
        let state = candidates.find(|state| state.same(&found));
        let known = state.expect("the log is what it was after some call, not before the last ack");
        let mut state = known.clone();
        // Terms go on from the highest ever used: entries stay distinguishable.
        state.term = self.now().term + 1;
        let committed = self.log.read_committed().await.expect("read");
        if let Some(committed) = committed {
            assert!(self.committed.contains(&committed));
            assert!(state.last().is_some_and(|last| last.index >= committed.index));
        }
        self.states = vec![state];
        self.waiting.clear();
        self.acknowledged = 0;
    }

    async fn found(&mut self) -> Model {
        let entries = self.log.try_get_log_entries(..).await.expect("read");
        for found in &entries {
            let expected = entry(*found.log_id.leader_id, found.log_id.index);
            assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        }
        Model {
            entries: ids(&entries).into_iter().map(|(term, index)| (index, term)).collect(),
            purged: self.log.get_log_state().await.expect("state").last_purged_log_id,
            vote: self.log.read_vote().await.expect("vote"),
            term: 0,
        }
    }

    async fn check(&mut self) {
        self.collect();
        let model = self.now();
        assert!(model.same(&self.found().await));
        let state = self.log.get_log_state().await.expect("state");
        assert_eq!(state.last_log_id, model.last());
        if let (Some((first, _)), Some(last)) = (model.entries.first_key_value(), model.last()) {
            let middle = (first + last.index) / 2;
            let some = self.log.try_get_log_entries(middle..=last.index).await.expect("read");
            assert_eq!(ids(&some), model.ids()[usize::try_from(middle - first).expect("small")..]);
            let limited = self.log.limited_get_log_entries(*first, last.index + 1).await;
            assert_eq!(ids(&limited.expect("read")), model.ids());
            self.check_key_ids(&model).await;
        }
    }

    async fn check_key_ids(&mut self, model: &Model) {
        let mut expected = BTreeMap::new();
        for (index, term) in &model.entries {
            expected.insert(*term, LogId::new_term_index(*term, *index));
        }
        let (first, term) = model.entries.first_key_value().expect("entries");
        let range = LogId::new_term_index(*term, *first)..=model.last().expect("entries");
        let found = self.log.get_key_log_ids(range).await.expect("ids");
        assert_eq!(found, expected.into_values().collect::<Vec<_>>());
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Append { count, new_term } => self.append(count, new_term).await,
            Step::Truncate { removed } => self.truncate(removed).await,
            Step::Purge { kept } => {
                let model = self.now();
                let mut upto =
                    model.entries.iter().rev().skip(usize::try_from(kept).expect("small"));
                if let Some((index, term)) = upto.next() {
                    self.purge(LogId::new_term_index(*term, *index)).await;
                }
            }
            Step::PurgeBeyond { by } => {
                let model = self.now();
                self.purge(LogId::new_term_index(model.term, model.next_index() + by)).await;
            }
            Step::Vote => self.vote(false).await,
            Step::SavedVote => self.vote(true).await,
            Step::Committed { behind } => {
                let model = self.now();
                if let Some((index, term)) =
                    model.entries.iter().rev().nth(usize::try_from(behind).expect("small"))
                {
                    let id = LogId::new_term_index(*term, *index);
                    self.committed.push(id);
                    self.log.save_committed(Some(id)).await.expect("save");
                }
            }
            Step::Begin => self.writer.begin(),
            Step::Finish => self.writer.finish(),
            Step::Crash { kept } => self.crash(kept).await,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn log_survives_crashes(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut run = Run::new();
            for step in &steps {
                run.step(step).await;
                run.check().await;
            }
            run.crash(0).await;
        });
    }
}

/// A batch may take a part of what waits; the commit mark must not run ahead of it.
#[tokio::test]
async fn log_never_commits_more_than_it_has() {
    let home = home();
    let (mut log, mut writer) = open(&home);
    for index in 0..2 {
        let mut large = entry(1, index);
        let bytes = vec![0; 5 << 20];
        large.payload = openraft::EntryPayload::Normal(EncodedBatch(bytes.into()));
        let (callback, _flushed) = callback();
        log.append([large], callback).await.expect("append");
    }
    let committed = LogId::new_term_index(1, 1);
    log.save_committed(Some(committed)).await.expect("save");
    writer.step();
    home.crash(&mut |_| 0);
    let (mut log, _writer) = open(&home);
    let state = log.get_log_state().await.expect("state");
    assert_eq!(state.last_log_id, Some(LogId::new_term_index(1, 0)), "only the first fits");
    assert_eq!(log.read_committed().await.expect("read"), None);
}
