//! The keyspace in memory: an ordered map from key to its newest version.
//!
//! A copy-on-write B+tree. Cloning is O(1); a writer copies only the nodes that a clone still
//! shares. Every branch knows how many entries lie below each child, so the number of keys in a
//! range costs two descents, whatever the range. Entries are the versions themselves: a key is
//! stored once, in its [`KeyValue`].
//!
//! Invariants: all leaves have the same depth; no node but the root is empty; every key below
//! child `i` lies in `[separator[i - 1], separator[i])`; `Child::len` is the entries below it.

mod iter;
mod node;

use crate::bounds::Bounds;
use crate::command::KeyRange;
use crate::kv::KeyValue;
pub use iter::Iter;
use node::{Node, Split};
use std::sync::Arc;

/// An ordered, counted, copy-on-write map of the newest version of every key.
#[derive(Debug, Clone)]
pub struct KeyMap {
    root: Arc<Node>,
    len: usize,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())), len: 0 }
    }
}

impl KeyMap {
    /// Builds a map from versions in strictly ascending key order.
    pub fn from_sorted(entries: Vec<Arc<KeyValue>>) -> Self {
        debug_assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
        let len = entries.len();
        Self { root: node::build(entries), len }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.root.get(key)
    }

    /// Puts a version in the place of the one before, which it returns.
    pub fn insert(&mut self, entry: Arc<KeyValue>) -> Option<Arc<KeyValue>> {
        let (before, split) = node::insert(&mut self.root, entry);
        if let Some(Split { separator, right }) = split {
            let left = std::mem::replace(&mut self.root, Arc::new(Node::Leaf(Vec::new())));
            self.root = Arc::new(Node::join(left, separator, right));
        }
        self.len += usize::from(before.is_none());
        before
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<Arc<KeyValue>> {
        // Asking first spares an absent key the copying of a path.
        self.get(key)?;
        let before = node::remove(&mut self.root, key);
        debug_assert!(before.is_some());
        self.len -= 1;
        while let Some(only) = self.root.only_child() {
            self.root = only;
        }
        before
    }

    /// The number of keys before `key`.
    pub fn rank(&self, key: &[u8]) -> usize {
        self.root.rank(key)
    }

    /// Versions of the keys in `[from, to)`, in key order; no `to` means to the end. The
    /// iterator knows its length.
    pub fn range(&self, from: &[u8], to: Option<&[u8]>) -> Iter<'_> {
        let start = self.rank(from);
        let end = to.map_or(self.len, |to| self.rank(to));
        self.slice(start, end.saturating_sub(start))
    }

    /// Versions of the keys of a range as etcd names it, in key order.
    pub fn within(&self, range: &KeyRange) -> Iter<'_> {
        match Bounds::new(range) {
            Bounds::Key(key) => self.slice(self.rank(key), usize::from(self.get(key).is_some())),
            Bounds::From(from) => self.range(from, None),
            Bounds::Between(from, to) => self.range(from, Some(to)),
        }
    }

    /// `count` versions from the `start`th key on.
    pub fn slice(&self, start: usize, count: usize) -> Iter<'_> {
        let count = count.min(self.len.saturating_sub(start));
        Iter::new(&self.root, start, count)
    }

    pub fn iter(&self) -> Iter<'_> {
        self.slice(0, self.len)
    }
}

#[cfg(test)]
mod tests;
