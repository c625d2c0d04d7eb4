//! Ranges of keys, found by a key that they contain.
//!
//! A balanced (AVL) tree in an arena, ordered by (start, end), each node naming the node of its
//! subtree whose range ends last. A search passes over every subtree that ends too early, so it
//! costs O(log n) and O(1) per hit when the ranges nest, as prefixes do. The depth is bounded
//! whatever ranges a client chooses.

use crate::bounds::Bounds;
use crate::command::KeyRange;
use std::cmp::Ordering;

const NIL: u32 = u32::MAX;

pub(super) struct IntervalTree<V> {
    nodes: Vec<Node<V>>,
    free: Vec<u32>,
    root: u32,
}

struct Node<V> {
    range: KeyRange,
    /// None while the node is free.
    value: Option<V>,
    left: u32,
    right: u32,
    /// The node of this subtree whose range ends last.
    furthest: u32,
    height: u8,
}

impl<V> IntervalTree<V> {
    pub fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NIL }
    }

    pub fn get_mut(&mut self, range: &KeyRange) -> Option<&mut V> {
        let mut at = self.root;
        while at != NIL {
            at = match compare(range, &self.node(at).range) {
                Ordering::Less => self.node(at).left,
                Ordering::Greater => self.node(at).right,
                Ordering::Equal => return self.node_mut(at).value.as_mut(),
            };
        }
        None
    }

    /// Adds a range that is not there yet.
    pub fn insert(&mut self, range: KeyRange, value: V) {
        let node =
            Node { range, value: Some(value), left: NIL, right: NIL, furthest: 0, height: 1 };
        let new = match self.free.pop() {
            Some(at) => {
                *self.node_mut(at) = node;
                at
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("fewer ranges than 2^32 fit in memory")
            }
        };
        self.node_mut(new).furthest = new;
        self.root = self.insert_below(self.root, new);
    }

    pub fn remove(&mut self, range: &KeyRange) -> Option<V> {
        let mut removed = NIL;
        self.root = self.remove_below(self.root, range, &mut removed);
        if removed == NIL {
            return None;
        }
        self.free.push(removed);
        let node = self.node_mut(removed);
        node.range = KeyRange::default();
        node.value.take()
    }

    /// Calls `f` with the value of every range that contains `key`, in order of the ranges.
    pub fn stab<'a>(&'a self, key: &[u8], f: &mut impl FnMut(&'a V)) {
        self.stab_below(self.root, key, f);
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.nodes.iter().filter_map(|node| node.value.as_ref())
    }

    fn stab_below<'a>(&'a self, at: u32, key: &[u8], f: &mut impl FnMut(&'a V)) {
        if at == NIL || !ends_after(&self.node(self.node(at).furthest).range, key) {
            return;
        }
        let node = self.node(at);
        self.stab_below(node.left, key, f);
        if node.range.key <= key {
            if ends_after(&node.range, key)
                && let Some(value) = &node.value
            {
                f(value);
            }
            self.stab_below(node.right, key, f);
        }
    }

    fn insert_below(&mut self, at: u32, new: u32) -> u32 {
        if at == NIL {
            return new;
        }
        if compare(&self.node(new).range, &self.node(at).range) == Ordering::Less {
            let left = self.insert_below(self.node(at).left, new);
            self.node_mut(at).left = left;
        } else {
            let right = self.insert_below(self.node(at).right, new);
            self.node_mut(at).right = right;
        }
        self.balance(at)
    }

    fn remove_below(&mut self, at: u32, range: &KeyRange, removed: &mut u32) -> u32 {
        if at == NIL {
            return NIL;
        }
        match compare(range, &self.node(at).range) {
            Ordering::Less => {
                let left = self.remove_below(self.node(at).left, range, removed);
                self.node_mut(at).left = left;
            }
            Ordering::Greater => {
                let right = self.remove_below(self.node(at).right, range, removed);
                self.node_mut(at).right = right;
            }
            Ordering::Equal => {
                *removed = at;
                return self.join(self.node(at).left, self.node(at).right);
            }
        }
        self.balance(at)
    }

    /// One tree of two whose heights differ by at most one, all of `left` before all of `right`.
    fn join(&mut self, left: u32, right: u32) -> u32 {
        if right == NIL {
            return left;
        }
        let mut first = NIL;
        let rest = self.take_first(right, &mut first);
        let node = self.node_mut(first);
        node.left = left;
        node.right = rest;
        self.balance(first)
    }

    fn take_first(&mut self, at: u32, first: &mut u32) -> u32 {
        if self.node(at).left == NIL {
            *first = at;
            return self.node(at).right;
        }
        let left = self.take_first(self.node(at).left, first);
        self.node_mut(at).left = left;
        self.balance(at)
    }

    /// Restores the invariants of a node whose children are in order and differ in height by at
    /// most two. Returns the root of the subtree.
    fn balance(&mut self, at: u32) -> u32 {
        let (left, right) = (self.node(at).left, self.node(at).right);
        if self.height(left) > self.height(right) + 1 {
            if self.height(self.node(left).right) > self.height(self.node(left).left) {
                let left = self.rotate_left(left);
                self.node_mut(at).left = left;
            }
            return self.rotate_right(at);
        }
        if self.height(right) > self.height(left) + 1 {
            if self.height(self.node(right).left) > self.height(self.node(right).right) {
                let right = self.rotate_right(right);
                self.node_mut(at).right = right;
            }
            return self.rotate_left(at);
        }
        self.update(at);
        at
    }

    fn rotate_left(&mut self, at: u32) -> u32 {
        let up = self.node(at).right;
        self.node_mut(at).right = self.node(up).left;
        self.update(at);
        self.node_mut(up).left = at;
        self.update(up);
        up
    }

    fn rotate_right(&mut self, at: u32) -> u32 {
        let up = self.node(at).left;
        self.node_mut(at).left = self.node(up).right;
        self.update(at);
        self.node_mut(up).right = at;
        self.update(up);
        up
    }

    fn update(&mut self, at: u32) {
        let (left, right) = (self.node(at).left, self.node(at).right);
        let mut furthest = at;
        for child in [left, right] {
            if child != NIL {
                let candidate = self.node(child).furthest;
                if compare_ends(&self.node(candidate).range, &self.node(furthest).range).is_gt() {
                    furthest = candidate;
                }
            }
        }
        let height = 1 + self.height(left).max(self.height(right));
        let node = self.node_mut(at);
        node.furthest = furthest;
        node.height = height;
    }

    fn height(&self, at: u32) -> u8 {
        if at == NIL { 0 } else { self.node(at).height }
    }

    fn node(&self, at: u32) -> &Node<V> {
        &self.nodes[at as usize]
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<V> {
        &mut self.nodes[at as usize]
    }
}

fn compare(a: &KeyRange, b: &KeyRange) -> Ordering {
    a.key.cmp(&b.key).then_with(|| compare_ends(a, b))
}

/// Orders ranges by where they end. The range of a single key, which belongs in a hash map, ends
/// before all others.
fn compare_ends(a: &KeyRange, b: &KeyRange) -> Ordering {
    match (Bounds::new(a), Bounds::new(b)) {
        (Bounds::From(_), Bounds::From(_)) => Ordering::Equal,
        (Bounds::From(_), _) => Ordering::Greater,
        (_, Bounds::From(_)) => Ordering::Less,
        _ => a.end.cmp(&b.end),
    }
}

fn ends_after(range: &KeyRange, key: &[u8]) -> bool {
    match Bounds::new(range) {
        Bounds::From(_) => true,
        Bounds::Between(_, end) => key < end,
        Bounds::Key(only) => key == only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    impl<V> IntervalTree<V> {
        /// Asserts order, balance and `furthest` of a subtree; returns its height and size.
        fn check(&self, at: u32) -> (u8, usize) {
            if at == NIL {
                return (0, 0);
            }
            let node = self.node(at);
            let (left, left_len) = self.check(node.left);
            let (right, right_len) = self.check(node.right);
            assert!(left.abs_diff(right) <= 1);
            assert_eq!(node.height, 1 + left.max(right));
            for (child, order) in [(node.left, Ordering::Less), (node.right, Ordering::Greater)] {
                if child != NIL {
                    assert_eq!(compare(&self.node(child).range, &node.range), order);
                    let (a, b) = (self.node(child).furthest, node.furthest);
                    assert!(compare_ends(&self.node(a).range, &self.node(b).range).is_le());
                }
            }
            (node.height, 1 + left_len + right_len)
        }
    }

    fn ranges() -> impl Strategy<Value = KeyRange> {
        let part = || prop::collection::vec(0_u8..4, 1..4);
        (part(), part())
            .prop_map(|(key, end)| KeyRange { key: Bytes::from(key), end: Bytes::from(end) })
    }

    proptest! {
        #[test]
        fn finds_what_a_list_finds(
            changes in prop::collection::vec((ranges(), prop::bool::weighted(0.7)), 0..200),
            key in prop::collection::vec(0_u8..4, 0..5),
        ) {
            let mut tree = IntervalTree::new();
            let mut list = BTreeMap::new();
            for (range, add) in changes {
                let name = (range.key.to_vec(), range.end.to_vec());
                if add {
                    if list.insert(name, range.clone()).is_none() {
                        prop_assert!(tree.get_mut(&range).is_none());
                        tree.insert(range.clone(), range);
                    }
                } else {
                    prop_assert_eq!(tree.remove(&range), list.remove(&name));
                }
                let (_, len) = tree.check(tree.root);
                prop_assert_eq!(len, list.len());
            }
            let mut found = Vec::new();
            tree.stab(&key, &mut |range: &KeyRange| found.push(range.clone()));
            let mut expected: Vec<_> = list.into_values().filter(|r| Bounds::new(r).contains(&key)).collect();
            expected.sort_by(compare);
            prop_assert_eq!(found, expected);
        }
    }
}
