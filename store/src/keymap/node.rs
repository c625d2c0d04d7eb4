//! The nodes of the tree and what descends through them.

use crate::kv::KeyValue;
use bytes::Bytes;
use std::sync::Arc;

/// Most entries of a leaf and children of a branch. A write copies one node per level while a
/// reader holds the map, and touches the reference count of everything in it: hence not larger.
pub(super) const FANOUT: usize = 32;
/// A node that shrinks below this is merged with a neighbour or filled from it.
const FILL_MIN: usize = 8;
/// Entries per node in a bulk build: room for a few inserts before the first split.
const FILL_BUILD: usize = 28;

const _: () = assert!(FILL_MIN * 2 <= FANOUT && FILL_BUILD <= FANOUT);

#[derive(Debug, Clone)]
pub(super) enum Node {
    Leaf(Vec<Arc<KeyValue>>),
    Branch(Branch),
}

#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) children: Vec<Child>,
    /// One fewer than the children. Shared between copies, since it changes only when nodes
    /// split or merge.
    separators: Arc<Vec<Bytes>>,
}

#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) node: Arc<Node>,
    /// Entries below.
    pub(super) len: usize,
}

/// The right half of a node that grew too large.
pub(super) struct Split {
    pub(super) separator: Bytes,
    pub(super) right: Arc<Node>,
}

impl Node {
    /// A new root above two nodes.
    pub(super) fn join(left: Arc<Node>, separator: Bytes, right: Arc<Node>) -> Self {
        let children = vec![Child::new(left), Child::new(right)];
        Node::Branch(Branch { children, separators: Arc::new(vec![separator]) })
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Branch(branch) => branch.children.iter().map(|child| child.len).sum(),
        }
    }

    /// Entries of a leaf, children of a branch.
    fn width(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Branch(branch) => branch.children.len(),
        }
    }

    /// The one child of a branch that has no other, which can take its place as the root.
    pub(super) fn only_child(&self) -> Option<Arc<Node>> {
        match self {
            Node::Branch(branch) if branch.children.len() == 1 => {
                Some(branch.children[0].node.clone())
            }
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        let mut node = self;
        loop {
            match node {
                Node::Leaf(entries) => return search(entries, key).ok().map(|at| &entries[at]),
                Node::Branch(branch) => node = &branch.children[branch.child_of(key)].node,
            }
        }
    }

    pub(super) fn rank(&self, key: &[u8]) -> usize {
        let mut node = self;
        let mut before = 0;
        loop {
            match node {
                Node::Leaf(entries) => {
                    return before + search(entries, key).unwrap_or_else(|at| at);
                }
                Node::Branch(branch) => {
                    let at = branch.child_of(key);
                    before += branch.children[..at].iter().map(|child| child.len).sum::<usize>();
                    node = &branch.children[at].node;
                }
            }
        }
    }
}

impl Child {
    fn new(node: Arc<Node>) -> Self {
        let len = node.len();
        Self { node, len }
    }
}

impl Branch {
    fn child_of(&self, key: &[u8]) -> usize {
        self.separators.partition_point(|separator| separator.as_ref() <= key)
    }

    /// Takes in what split off child `at`; splits in turn when full.
    fn adopt(&mut self, at: usize, split: Split) -> Option<Split> {
        let child = Child::new(split.right);
        self.children[at].len -= child.len;
        self.children.insert(at + 1, child);
        let separators = Arc::make_mut(&mut self.separators);
        separators.insert(at, split.separator);
        if self.children.len() <= FANOUT {
            return None;
        }
        let middle = split_at(self.children.len(), at + 1);
        let children = self.children.split_off(middle);
        let right = separators.split_off(middle);
        let separator = separators.pop()?;
        let branch = Branch { children, separators: Arc::new(right) };
        Some(Split { separator, right: Arc::new(Node::Branch(branch)) })
    }

    /// Restores the width of child `at` after a removal.
    fn mend(&mut self, at: usize) {
        let width = self.children[at].node.width();
        if width >= FILL_MIN || self.children.len() == 1 {
            return;
        }
        // The pair to even out: the child and its left neighbour, or its right one if leftmost.
        let left = at.saturating_sub(1);
        let total = self.children[left].node.width() + self.children[left + 1].node.width();
        if total <= FANOUT {
            self.merge(left);
        } else {
            self.even_out(left, total / 2);
        }
    }

    fn merge(&mut self, left: usize) {
        let right = self.children.remove(left + 1);
        let separator = Arc::make_mut(&mut self.separators).remove(left);
        let child = &mut self.children[left];
        child.len += right.len;
        let right = Arc::unwrap_or_clone(right.node);
        match (Arc::make_mut(&mut child.node), right) {
            (Node::Leaf(into), Node::Leaf(from)) => into.extend(from),
            (Node::Branch(into), Node::Branch(from)) => {
                let separators = Arc::make_mut(&mut into.separators);
                separators.push(separator);
                separators.extend(Arc::unwrap_or_clone(from.separators));
                into.children.extend(from.children);
            }
            _ => unreachable!("neighbours have the same depth"),
        }
    }

    /// Merges the pair and splits it again so that `width` remains on the left.
    fn even_out(&mut self, left: usize, width: usize) {
        self.merge(left);
        let child = &mut self.children[left];
        let (separator, right) = match Arc::make_mut(&mut child.node) {
            Node::Leaf(entries) => {
                let right = entries.split_off(width);
                (right[0].key.clone(), Node::Leaf(right))
            }
            Node::Branch(branch) => {
                let children = branch.children.split_off(width);
                let separators = Arc::make_mut(&mut branch.separators);
                let right = separators.split_off(width);
                let separator = separators.pop().expect("one separator stands between the halves");
                (separator, Node::Branch(Branch { children, separators: Arc::new(right) }))
            }
        };
        let right = Child::new(Arc::new(right));
        child.len -= right.len;
        self.children.insert(left + 1, right);
        Arc::make_mut(&mut self.separators).insert(left, separator);
    }
}

fn search(entries: &[Arc<KeyValue>], key: &[u8]) -> Result<usize, usize> {
    entries.binary_search_by(|entry| entry.key.as_ref().cmp(key))
}

/// Where to cut a node of `width` that grew at `at`: in the middle, but late when it grew at its
/// end, since keys often come in ascending order and never return to the left half.
fn split_at(width: usize, at: usize) -> usize {
    if at + 1 == width { width - FILL_MIN } else { width / 2 }
}

pub(super) fn insert(
    node: &mut Arc<Node>,
    entry: Arc<KeyValue>,
) -> (Option<Arc<KeyValue>>, Option<Split>) {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => insert_leaf(entries, entry),
        Node::Branch(branch) => {
            let at = branch.child_of(&entry.key);
            let (before, split) = insert(&mut branch.children[at].node, entry);
            branch.children[at].len += usize::from(before.is_none());
            (before, split.and_then(|split| branch.adopt(at, split)))
        }
    }
}

fn insert_leaf(
    entries: &mut Vec<Arc<KeyValue>>,
    entry: Arc<KeyValue>,
) -> (Option<Arc<KeyValue>>, Option<Split>) {
    let at = match search(entries, &entry.key) {
        Ok(at) => return (Some(std::mem::replace(&mut entries[at], entry)), None),
        Err(at) => at,
    };
    if entries.len() == entries.capacity() {
        // Doubling would waste half a leaf for every leaf of a large keyspace.
        entries.reserve_exact(FILL_MIN / 2);
    }
    entries.insert(at, entry);
    if entries.len() <= FANOUT {
        return (None, None);
    }
    let right = entries.split_off(split_at(entries.len(), at));
    let separator = right[0].key.clone();
    (None, Some(Split { separator, right: Arc::new(Node::Leaf(right)) }))
}

/// Removes a key that is there.
pub(super) fn remove(node: &mut Arc<Node>, key: &[u8]) -> Option<Arc<KeyValue>> {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => search(entries, key).ok().map(|at| entries.remove(at)),
        Node::Branch(branch) => {
            let at = branch.child_of(key);
            let before = remove(&mut branch.children[at].node, key)?;
            branch.children[at].len -= 1;
            branch.mend(at);
            Some(before)
        }
    }
}

/// Builds a tree bottom-up from entries in key order.
pub(super) fn build(entries: Vec<Arc<KeyValue>>) -> Arc<Node> {
    if entries.is_empty() {
        return Arc::new(Node::Leaf(entries));
    }
    let mut level: Vec<(Bytes, Arc<Node>)> = Vec::with_capacity(entries.len() / FILL_BUILD + 1);
    let mut entries = entries.into_iter();
    loop {
        let leaf: Vec<_> = entries.by_ref().take(FILL_BUILD).collect();
        let Some(first) = leaf.first() else { break };
        level.push((first.key.clone(), Arc::new(Node::Leaf(leaf))));
    }
    while level.len() > 1 {
        level = build_level(level);
    }
    level.pop().expect("entries make at least one node").1
}

/// Groups nodes, each with its lowest key, under branches.
fn build_level(nodes: Vec<(Bytes, Arc<Node>)>) -> Vec<(Bytes, Arc<Node>)> {
    let mut level = Vec::with_capacity(nodes.len() / FILL_BUILD + 1);
    let mut nodes = nodes.into_iter();
    while let Some((lowest, first)) = nodes.next() {
        let mut children = vec![Child::new(first)];
        let mut separators = Vec::new();
        for (separator, node) in nodes.by_ref().take(FILL_BUILD - 1) {
            separators.push(separator);
            children.push(Child::new(node));
        }
        let branch = Branch { children, separators: Arc::new(separators) };
        level.push((lowest, Arc::new(Node::Branch(branch))));
    }
    level
}

/// Checks every invariant of the tree; returns its depth.
#[cfg(test)]
pub(super) fn check(node: &Node, low: Option<&[u8]>, high: Option<&[u8]>, root: bool) -> usize {
    assert!(root || node.width() > 0);
    assert!(node.width() <= FANOUT);
    match node {
        Node::Leaf(entries) => {
            assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
            assert!(entries.iter().all(|e| low.is_none_or(|low| e.key.as_ref() >= low)));
            assert!(entries.iter().all(|e| high.is_none_or(|high| e.key.as_ref() < high)));
            0
        }
        Node::Branch(branch) => {
            assert_eq!(branch.separators.len() + 1, branch.children.len());
            let mut depths = std::collections::BTreeSet::new();
            for (at, child) in branch.children.iter().enumerate() {
                assert_eq!(child.len, child.node.len());
                let low = if at == 0 { low } else { Some(branch.separators[at - 1].as_ref()) };
                let high = branch.separators.get(at).map(Bytes::as_ref).or(high);
                depths.insert(check(&child.node, low, high, false));
            }
            assert_eq!(depths.len(), 1);
            1 + depths.first().expect("a branch has children")
        }
    }
}
