//! [`Facts`]: what selectors look at in an object, read from its bytes without making a tree.

use super::scan::{Scalar, Scan, Text};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use xebec_core::registry::SelectableField;
use xebec_core::value::Value;

/// Which fields are read. Reading looks at the members on the way to them, and at no others.
#[derive(Debug)]
pub struct Plan {
    /// Differs from that of every other plan.
    pub id: u64,
    nodes: Vec<Node>,
    /// The leaves of each field's paths, the first that is not empty counts, and what the field
    /// is without one.
    fields: Vec<(Vec<usize>, &'static str)>,
    leaves: usize,
    /// Members wanted, leaves and labels: when all were found, the rest is not looked at.
    wanted: usize,
}

#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    children: Vec<usize>,
    leaf: Option<usize>,
    /// This is `metadata.labels`.
    labels: bool,
}

const ROOT: usize = 0;

static PLANS: AtomicU64 = AtomicU64::new(0);

impl Plan {
    /// Reads the given fields, and the labels if wanted.
    pub fn new<'f>(fields: impl IntoIterator<Item = &'f SelectableField>, labels: bool) -> Self {
        let id = PLANS.fetch_add(1, Ordering::Relaxed);
        let nodes = vec![Node::default()];
        let mut plan = Self { id, nodes, fields: Vec::new(), leaves: 0, wanted: 0 };
        if labels {
            let metadata = plan.child(ROOT, "metadata");
            let node = plan.child(metadata, "labels");
            plan.nodes[node].labels = true;
            plan.wanted += 1;
        }
        for field in fields {
            let leaves = field.paths.iter().map(|path| plan.leaf(path)).collect();
            plan.fields.push((leaves, field.absent));
        }
        plan
    }

    fn leaf(&mut self, path: &[Box<str>]) -> usize {
        let node = path.iter().fold(ROOT, |node, step| self.child(node, step));
        if self.nodes[node].leaf.is_none() {
            self.nodes[node].leaf = Some(self.leaves);
            self.leaves += 1;
            self.wanted += 1;
        }
        self.nodes[node].leaf.expect("just set")
    }

    fn child(&mut self, of: usize, name: &str) -> usize {
        let mut children = self.nodes[of].children.iter();
        if let Some(found) = children.find(|child| *self.nodes[**child].name == *name) {
            return *found;
        }
        let new = self.nodes.len();
        self.nodes.push(Node { name: name.into(), ..Node::default() });
        self.nodes[of].children.push(new);
        new
    }

    fn find(&self, of: usize, name: Text<'_>) -> Option<usize> {
        self.nodes[of].children.iter().copied().find(|child| name.is(&self.nodes[*child].name))
    }
}

/// What was read of one object. Can be filled again and again without new memory.
#[derive(Debug, Default)]
pub struct Facts {
    /// All texts, one after the other.
    text: String,
    labels: Vec<(Range<u32>, Range<u32>)>,
    leaves: Vec<Option<Range<u32>>>,
}

impl Facts {
    /// Reads an object; `None` if that is malformed. Objects at rest have every member once.
    pub fn read(&mut self, plan: &Plan, json: &[u8]) -> Option<()> {
        self.text.clear();
        self.labels.clear();
        self.leaves.clear();
        self.leaves.resize(plan.leaves, None);
        let mut walk = Walk { plan, facts: self, left: plan.wanted, failed: false };
        let ended = walk.object(&mut Scan::new(json), ROOT);
        (ended.is_some() || walk.left == 0 && !walk.failed).then_some(())
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(name, _)| self.slice(name) == key);
        found.map(|(_, value)| self.slice(value))
    }

    /// A field as selectors compare it, by its place in the plan.
    pub fn field(&self, plan: &Plan, field: usize) -> &str {
        let (leaves, absent) = &plan.fields[field];
        let mut found = leaves.iter().filter_map(|leaf| self.leaves[*leaf].as_ref());
        found.find(|range| !range.is_empty()).map_or(absent, |range| self.slice(range))
    }

    /// Gives back the room that is left over, for facts that are kept.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.leaves.shrink_to_fit();
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }

    fn push(&mut self, text: &str) -> Option<Range<u32>> {
        let start = u32::try_from(self.text.len()).ok()?;
        self.text.push_str(text);
        Some(start..u32::try_from(self.text.len()).ok()?)
    }
}

struct Walk<'w> {
    plan: &'w Plan,
    facts: &'w mut Facts,
    left: usize,
    failed: bool,
}

impl Walk<'_> {
    /// Walks through an object; `None` if it is malformed, or as soon as there is nothing left.
    fn object(&mut self, scan: &mut Scan<'_>, node: usize) -> Option<()> {
        scan.object(|scan, name| {
            let wanted = self.plan.find(node, name);
            let done = match wanted {
                Some(child) => self.member(scan, child),
                None => scan.skip(),
            };
            self.failed |= done.is_none() && self.left > 0;
            if let Some(child) = wanted {
                let Node { leaf, labels, .. } = self.plan.nodes[child];
                let found = usize::from(labels) + usize::from(leaf.is_some());
                self.left = self.left.saturating_sub(found);
            }
            done.filter(|()| self.left > 0)
        })
    }

    fn member(&mut self, scan: &mut Scan<'_>, node: usize) -> Option<()> {
        let Node { leaf, labels, .. } = self.plan.nodes[node];
        match (scan.peek()?, leaf) {
            (b'{', _) if labels => self.labels(scan),
            (b'{', _) => self.object(scan, node),
            (b'[', _) | (_, None) => scan.skip(),
            (_, Some(leaf)) => self.leaf(scan, leaf),
        }
    }

    fn labels(&mut self, scan: &mut Scan<'_>) -> Option<()> {
        let facts = &mut *self.facts;
        scan.object(|scan, name| {
            if scan.peek()? != b'"' {
                return scan.skip();
            }
            let name = facts.push(&name.decode()?)?;
            let value = facts.push(&scan.text()?.decode()?)?;
            facts.labels.push((name, value));
            Some(())
        })
    }

    fn leaf(&mut self, scan: &mut Scan<'_>, leaf: usize) -> Option<()> {
        let range = match scan.scalar()? {
            Scalar::Text(text) => self.facts.push(&text.decode()?)?,
            Scalar::Word(b"null") => return Some(()),
            Scalar::Word(word @ (b"true" | b"false")) => {
                self.facts.push(std::str::from_utf8(word).ok()?)?
            }
            Scalar::Word(word) => match serde_json::from_slice(word).ok()? {
                Value::Int(number) => self.facts.push(&number.to_string())?,
                Value::Float(number) => self.facts.push(&number.to_string())?,
                _ => return None,
            },
        };
        self.facts.leaves[leaf] = Some(range);
        Some(())
    }
}

#[cfg(test)]
mod tests;
