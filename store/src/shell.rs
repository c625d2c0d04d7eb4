//! The shell around one replica's keyspace: disk, views, watches.
//!
//! Invariants: what a view shows has been written; what the disk holds after a crash is the state
//! after some entry, whole; after an error of the disk nothing more is applied.

mod load;
mod sweep;

use crate::disk::{META, head, membership};
use crate::engine::{Checkpoint, Durability, Engine, EngineError, EngineHome, Staging};
use crate::entry::{Entry, LogPosition, Payload};
use crate::history::History;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::state::{Effects, State};
use crate::view::View;
use crate::watch::{Dispatcher, Hub};
use arc_swap::ArcSwap;
use bytes::Bytes;
use load::Loaded;
use parking_lot::Mutex;
use std::sync::Arc;
pub use sweep::{CompactBudget, Progress};

/// One replica's keyspace. [`Self::apply`], [`Self::install`] and [`Self::compact_step`] block on
/// the disk and exclude each other as far as they must; [`Self::view`] never waits.
pub struct Store {
    home: Arc<dyn EngineHome>,
    options: Options,
    /// Held by physical compaction, which must not write beside an install.
    sweeping: Mutex<()>,
    /// Locked after `sweeping`.
    writer: Mutex<Writer>,
    view: ArcSwap<View>,
    hub: Arc<Hub>,
    /// Stops with the store.
    _dispatcher: Option<Dispatcher>,
}

/// What the next apply starts from.
struct Writer {
    state: State,
    applied: Option<LogPosition>,
    membership: Bytes,
    history: History,
    /// An apply failed midway: the state is ahead of the disk, and of what others may see.
    failed: bool,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the keyspace cannot be read")]
    Engine(#[from] EngineError),
    #[error("the keyspace has format {found}; this build knows up to {known}")]
    Format { found: u32, known: u32 },
    #[error("the thread that dispatches watches cannot be started")]
    Dispatcher(#[source] std::io::Error),
}

impl Store {
    /// Opens the keyspace and loads the newest version of every key into memory.
    pub fn open(home: Arc<dyn EngineHome>, options: Options) -> Result<Store, OpenError> {
        let engine = home.open()?;
        let writer = Writer::new(engine.clone(), load::load(&*engine, options.load_threads)?);
        let (revision, compacted) = (writer.state.revision, writer.state.compact_revision);
        let hub = Hub::new(Arc::new(writer.history.clone()), revision, compacted, options.watch);
        let dispatcher = options.dispatcher.then(|| Dispatcher::start(hub.clone())).transpose();
        Ok(Store {
            home,
            options,
            sweeping: Mutex::new(()),
            view: ArcSwap::new(writer.view()),
            writer: Mutex::new(writer),
            hub,
            _dispatcher: dispatcher.map_err(OpenError::Dispatcher)?,
        })
    }

    /// The last entry applied and the last membership.
    pub fn applied(&self) -> (Option<LogPosition>, Bytes) {
        let view = self.view.load();
        (view.applied(), view.membership().clone())
    }

    /// Applies entries that follow those applied before. One atomic write; then readers and
    /// watchers see it. Returns the outcomes of this member's commands. An error is final: the
    /// store refuses to apply anything more.
    pub fn apply(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, EngineError> {
        let mut writer = self.writer.lock();
        if writer.failed {
            return Err(EngineError::Io { message: "an earlier write failed".into() });
        }
        writer.failed = true;
        let compacted = writer.state.compact_revision;
        let effects = writer.apply(entries, self.options.member)?;
        if writer.state.compact_revision > compacted {
            // Before the view, which is what the sweep goes by.
            writer.history.raise_floor(writer.state.compact_revision);
            self.hub.compacted(writer.state.compact_revision);
        }
        self.view.store(writer.view());
        if !effects.events.is_empty() {
            self.hub.publish(effects.events);
        }
        writer.failed = false;
        Ok(effects.outcomes)
    }

    /// Makes everything applied so far durable, and returns how far that is.
    pub fn persist(&self) -> Result<Option<LogPosition>, EngineError> {
        let view = self.view();
        view.history().engine().flush()?;
        Ok(view.applied())
    }

    /// A consistent copy of the keyspace, with the position and the membership that it stands
    /// for. An error while nothing has been applied: there is nothing to stand for.
    pub fn checkpoint(&self) -> Result<(LogPosition, Bytes, Arc<dyn Checkpoint>), EngineError> {
        // Most of the writing is done before the writer has to stand still.
        self.persist()?;
        let writer = self.writer.lock();
        let nothing = || EngineError::Io { message: "nothing has been applied yet".into() };
        let applied = writer.applied.ok_or_else(nothing)?;
        let checkpoint = writer.history.engine().checkpoint()?;
        Ok((applied, writer.membership.clone(), checkpoint))
    }

    /// Replaces the whole keyspace by a checkpoint from elsewhere.
    pub fn install(&self, staging: Box<dyn Staging>) -> Result<(), EngineError> {
        let _sweeping = self.sweeping.lock();
        let mut writer = self.writer.lock();
        // Until here the old state stands; if the transfer was damaged it stays.
        let engine = self.home.install(staging)?;
        writer.failed = true;
        let loaded =
            load::load(&*engine, self.options.load_threads).map_err(|error| match error {
                OpenError::Engine(error) => error,
                error => EngineError::Corrupt { message: error.to_string() },
            })?;
        *writer = Writer::new(engine, loaded);
        self.view.store(writer.view());
        let reader = Arc::new(writer.history.clone());
        self.hub.reset(reader, writer.state.revision, writer.state.compact_revision);
        Ok(())
    }

    pub fn home(&self) -> &Arc<dyn EngineHome> {
        &self.home
    }

    /// The keyspace as the last apply left it.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The watches of this replica.
    pub fn watches(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The engine below: for its size.
    pub fn engine(&self) -> Arc<dyn Engine> {
        self.view.load().history().engine().clone()
    }
}

impl Writer {
    fn new(engine: Arc<dyn Engine>, loaded: Loaded) -> Self {
        let Loaded { state, applied, membership } = loaded;
        let history = History::new(engine, state.compact_revision);
        Self { state, applied, membership, history, failed: false }
    }

    fn view(&self) -> Arc<View> {
        let (state, membership) = (self.state.clone(), self.membership.clone());
        Arc::new(View::new(state, self.applied, membership, self.history.clone()))
    }

    /// Applies and writes.
    fn apply(&mut self, entries: Vec<Entry>, member: u64) -> Result<Effects, EngineError> {
        let mut effects = Effects::new(&self.state);
        for entry in entries {
            let next = entry.position;
            let follows = self.applied.is_none_or(|last| next.index > last.index);
            assert!(follows, "entries are applied in order, each once");
            match entry.payload {
                Payload::Blank => {}
                Payload::Commands(batch) => {
                    self.state.apply(&batch, member, &self.history, &mut effects)?;
                }
                Payload::Membership(members) => {
                    let record = membership::ser_membership(&members);
                    effects.batch.put(META, membership::KEY, record);
                    self.membership = members;
                }
            }
            self.applied = Some(next);
        }
        let head = head::Head {
            applied: self.applied,
            revision: self.state.revision,
            hash: self.state.hash,
            time_ms: self.state.time_ms,
        };
        effects.batch.put(META, head::KEY, head::ser_head(&head));
        let batch = std::mem::take(&mut effects.batch);
        self.history.engine().write(batch, Durability::Unlogged)?;
        Ok(effects)
    }
}
