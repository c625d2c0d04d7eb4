//! Iteration in key order.

use super::node::{Child, Node};
use crate::kv::KeyValue;
use std::iter::FusedIterator;
use std::sync::Arc;

/// A run of versions in key order, of known length.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    /// What is still to be visited of each branch on the path, root first.
    path: Vec<std::slice::Iter<'a, Child>>,
    leaf: std::slice::Iter<'a, Arc<KeyValue>>,
    left: usize,
}

impl<'a> Iter<'a> {
    /// `count` entries from the `start`th on; there must be so many.
    pub(super) fn new(root: &'a Node, start: usize, count: usize) -> Self {
        let mut iter = Self { path: Vec::new(), leaf: [].iter(), left: count };
        if count > 0 {
            iter.descend(root, start);
        }
        iter
    }

    fn descend(&mut self, mut node: &'a Node, mut skip: usize) {
        loop {
            match node {
                Node::Leaf(entries) => {
                    self.leaf = entries[skip..].iter();
                    return;
                }
                Node::Branch(branch) => {
                    let mut children = branch.children.iter();
                    let child = children
                        .find(|child| {
                            let inside = skip < child.len;
                            if !inside {
                                skip -= child.len;
                            }
                            inside
                        })
                        .expect("the start lies within the tree");
                    self.path.push(children);
                    node = &child.node;
                }
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<KeyValue>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(entry) = self.leaf.next() {
                self.left -= 1;
                return Some(entry);
            }
            match self.path.last_mut()?.next() {
                Some(child) => self.descend(&child.node, 0),
                None => {
                    self.path.pop();
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
