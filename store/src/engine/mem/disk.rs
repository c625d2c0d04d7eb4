//! The disk: what is durable, what is written on top of it, and what fails next.

use super::super::{Batch, BatchOp, EngineError, Space};
use bytes::Bytes;
use imbl::OrdMap;
use std::collections::VecDeque;

/// Chooses a number from 0 to the given one, inclusive. The simulation draws it from its seed.
pub type Chooser<'a> = &'a mut dyn FnMut(u64) -> u64;

/// The error that an operation shall end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Io,
    NoSpace,
}

impl Fault {
    pub(super) fn error(self) -> EngineError {
        let message = "injected".to_owned();
        match self {
            Self::Io => EngineError::Io { message },
            Self::NoSpace => EngineError::NoSpace { message },
        }
    }
}

/// What goes wrong on a [`super::MemHome`], and when. Each fires once.
#[derive(Debug, Default, Clone, Copy)]
pub struct Faults {
    /// The next write fails. Whether it reached the disk is open until the crash.
    pub write: Option<Fault>,
    /// The next sync or flush fails; what it covered may or may not be durable.
    pub sync: Option<Fault>,
    /// The next read fails.
    pub read: Option<Fault>,
}

/// One value, or the place where one was.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Good(Bytes),
    /// The disk notices that it cannot give the value back.
    Unreadable(Bytes),
}

impl Value {
    pub fn read(&self, space: Space, key: &[u8]) -> Result<&Bytes, EngineError> {
        match self {
            Self::Good(bytes) => Ok(bytes),
            Self::Unreadable(_) => Err(EngineError::Corrupt {
                message: format!("{space}: value of {key:02x?} does not match its checksum"),
            }),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Good(bytes) | Self::Unreadable(bytes) => bytes.len(),
        }
    }
}

pub(super) type SpaceMap = OrdMap<Bytes, Value>;

/// All spaces, copied in O(number of spaces).
#[derive(Debug, Clone)]
pub(super) struct Spaces {
    maps: Vec<(Space, SpaceMap)>,
    size_bytes: u64,
}

impl Spaces {
    pub fn new(names: &[Space]) -> Self {
        let maps = names.iter().map(|name| (*name, SpaceMap::new())).collect();
        Self { maps, size_bytes: 0 }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Space, SpaceMap)> {
        self.maps.iter()
    }

    pub fn space(&self, name: Space) -> &SpaceMap {
        let found = self.maps.iter().find(|(space, _)| *space == name);
        &found.expect("the space is declared by the home").1
    }

    fn space_mut(&mut self, name: Space) -> &mut SpaceMap {
        let found = self.maps.iter_mut().find(|(space, _)| *space == name);
        &mut found.expect("the space is declared by the home").1
    }

    pub fn put(&mut self, space: Space, key: Bytes, value: Value) {
        let key_bytes = key.len();
        self.size_bytes += (key_bytes + value.len()) as u64;
        if let Some(old) = self.space_mut(space).insert(key, value) {
            self.size_bytes -= (key_bytes + old.len()) as u64;
        }
    }

    fn delete(&mut self, space: Space, key: &[u8]) {
        if let Some(old) = self.space_mut(space).remove(key) {
            self.size_bytes -= (key.len() + old.len()) as u64;
        }
    }

    fn delete_range(&mut self, space: Space, from: &Bytes, to: &Bytes) {
        if from >= to {
            return;
        }
        let keys: Vec<Bytes> =
            self.space(space).range(from.clone()..to.clone()).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.delete(space, &key);
        }
    }

    pub fn apply(&mut self, batch: Batch) {
        for op in batch.ops {
            match op {
                BatchOp::Put { space, key, value } => self.put(space, key, Value::Good(value)),
                BatchOp::Delete { space, key } => self.delete(space, &key),
                BatchOp::DeleteRange { space, from, to } => self.delete_range(space, &from, &to),
            }
        }
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

pub(super) struct Disk {
    generation: u64,
    /// Engines of generations before this one are dead, not only retired: the machine crashed.
    alive_from: u64,
    spaces: Spaces,
    durable: Spaces,
    /// What makes `spaces` of `durable`.
    pending: VecDeque<Batch>,
    faults: Faults,
    /// After a failed write nothing is known, so everything after it fails.
    failed: bool,
}

impl Disk {
    pub fn new(spaces: Spaces) -> Self {
        Self {
            generation: 0,
            alive_from: 0,
            durable: spaces.clone(),
            spaces,
            pending: VecDeque::new(),
            faults: Faults::default(),
            failed: false,
        }
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    pub fn write(&mut self, generation: u64, batch: Batch) -> Result<(), EngineError> {
        self.check_writable(generation)?;
        if let Some(fault) = self.faults.write.take() {
            self.failed = true;
            self.pending.push_back(batch);
            return Err(fault.error());
        }
        self.spaces.apply(batch.clone());
        self.pending.push_back(batch);
        Ok(())
    }

    pub fn sync(&mut self, generation: u64) -> Result<(), EngineError> {
        self.check_writable(generation)?;
        if let Some(fault) = self.faults.sync.take() {
            self.failed = true;
            return Err(fault.error());
        }
        self.durable = self.spaces.clone();
        self.pending.clear();
        Ok(())
    }

    pub fn fail_read(&mut self, generation: u64) -> Result<(), EngineError> {
        if generation < self.alive_from {
            return Err(dead());
        }
        self.faults.read.take().map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn check_writable(&self, generation: u64) -> Result<(), EngineError> {
        if generation != self.generation {
            return Err(dead());
        }
        if self.failed {
            return Err(EngineError::Io { message: "an earlier write has failed".into() });
        }
        Ok(())
    }

    /// Keeps `choose(n)` of the `n` batches that are not durable.
    pub fn crash(&mut self, choose: Chooser<'_>) {
        let kept = choose(self.pending.len() as u64);
        for batch in self.pending.drain(..).take(usize::try_from(kept).unwrap_or(usize::MAX)) {
            self.durable.apply(batch);
        }
        self.pending.clear();
        self.spaces = self.durable.clone();
        self.generation += 1;
        self.alive_from = self.generation;
        self.faults = Faults::default();
        self.failed = false;
    }

    /// Another content takes the place of this one, durably.
    pub fn replace(&mut self, spaces: Spaces) {
        self.durable = spaces.clone();
        self.spaces = spaces;
        self.pending.clear();
        self.generation += 1;
    }

    /// Changes a value in place, durable or not, without anyone having written it.
    pub fn damage(&mut self, space: Space, key: &[u8], change: &dyn Fn(&Bytes) -> Value) -> bool {
        let mut found = false;
        for spaces in [&mut self.spaces, &mut self.durable] {
            if let Some(value) = spaces.space_mut(space).get_mut(key) {
                let (Value::Good(bytes) | Value::Unreadable(bytes)) = &*value;
                *value = change(bytes);
                found = true;
            }
        }
        found
    }
}

fn dead() -> EngineError {
    EngineError::Io { message: "the engine was opened before a crash or an install".into() }
}
