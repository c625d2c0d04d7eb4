//! [`Set`]: a set of fields, as a tree of sorted vectors, and its FieldsV1 form.
//!
//! Invariant: nodes are sorted by element and unique, and every node is a member or has children.

use super::element::{Element, ElementError};
use crate::value::{Object, Value};
use std::cmp::Ordering;

/// Which sets a node is a member of. A plain set uses [`MEMBER`] alone; a comparison tells what
/// has been changed or added from what has been removed.
pub(crate) type Marks = u8;
pub(crate) const MEMBER: Marks = 1;
pub(crate) const CHANGED: Marks = MEMBER;
pub(crate) const REMOVED: Marks = 2;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node<'a> {
    pub(crate) element: Element<'a>,
    pub(crate) marks: Marks,
    pub(crate) children: Set<'a>,
}

/// FieldsV1 that is not a set of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    #[error("expect {{ or n, but found {0}")]
    NotObject(&'static str),
    #[error("parsing key as path element: {0}")]
    Element(#[from] ElementError),
}

/// A set read from FieldsV1.
#[derive(Debug)]
pub struct Decoded<'a> {
    pub set: Set<'a>,
    /// Writing the set gives what was read.
    pub canonical: bool,
}

impl<'a> Set<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Nodes in any order; those of the same element become one.
    pub(crate) fn from_nodes(mut nodes: Vec<Node<'a>>) -> Self {
        nodes.retain(|node| node.marks != 0 || !node.children.is_empty());
        if !nodes.is_sorted_by(|a, b| a.element < b.element) {
            nodes.sort_by(|a, b| a.element.cmp(&b.element));
            nodes.dedup_by(|later, kept| {
                let same = later.element == kept.element;
                if same {
                    kept.marks |= later.marks;
                    let children = std::mem::take(&mut later.children);
                    kept.children = std::mem::take(&mut kept.children).union(children);
                }
                same
            });
        }
        Self { nodes }
    }

    /// A set of paths of plain fields.
    pub fn of_paths(paths: &[&[&'a str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set = set.union(Self::of_path(path));
        }
        set
    }

    fn of_path(path: &[&'a str]) -> Self {
        let Some((first, rest)) = path.split_first() else { return Self::default() };
        let marks = if rest.is_empty() { MEMBER } else { 0 };
        let node = Node { element: Element::Field(first), marks, children: Self::of_path(rest) };
        Self { nodes: vec![node] }
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(crate) fn find(&self, element: &Element<'_>) -> Option<&Node<'a>> {
        let at = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        Some(&self.nodes[at])
    }

    /// Whether a path is a member.
    pub fn has(&self, path: &[Element<'_>]) -> bool {
        match path {
            [] => false,
            [last] => self.find(last).is_some_and(|node| node.marks != 0),
            [first, rest @ ..] => self.find(first).is_some_and(|node| node.children.has(rest)),
        }
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        let (mut left, mut right) =
            (self.nodes.into_iter().peekable(), other.nodes.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.element.cmp(&b.element),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let next = match order {
                Ordering::Less => left.next(),
                Ordering::Greater => right.next(),
                Ordering::Equal => left.next().zip(right.next()).map(|(a, b)| Node {
                    element: a.element,
                    marks: a.marks | b.marks,
                    children: a.children.union(b.children),
                }),
            };
            nodes.extend(next);
        }
        Self { nodes }
    }

    /// Keeps of every node what `keep` makes of it and of its counterpart in the other set.
    fn filtered(
        self,
        other: &Set<'_>,
        keep: impl Fn(Node<'a>, Option<&Node<'_>>) -> Node<'a> + Copy,
    ) -> Self {
        let mut others = other.nodes.iter().peekable();
        let kept = self.nodes.into_iter().filter_map(|node| {
            while others.next_if(|other| other.element < node.element).is_some() {}
            let counterpart = others.next_if(|other| other.element == node.element);
            let node = keep(node, counterpart);
            (node.marks != 0 || !node.children.is_empty()).then_some(node)
        });
        Self { nodes: kept.collect() }
    }

    /// Members that the other set does not have; removing a parent leaves its children.
    #[must_use]
    pub fn difference(self, other: &Set<'_>) -> Self {
        if other.is_empty() {
            return self;
        }
        self.filtered(other, |mut node, counterpart| {
            if let Some(other) = counterpart {
                if other.marks != 0 {
                    node.marks = 0;
                }
                node.children = node.children.difference(&other.children);
            }
            node
        })
    }

    /// The same, but removing a parent removes its children.
    #[must_use]
    pub fn recursive_difference(self, other: &Set<'_>) -> Self {
        if other.is_empty() {
            return self;
        }
        self.filtered(other, |mut node, counterpart| {
            if let Some(other) = counterpart {
                if other.marks != 0 {
                    (node.marks, node.children) = (0, Self::default());
                } else {
                    node.children = node.children.recursive_difference(&other.children);
                }
            }
            node
        })
    }

    /// Members of both, where the other set has one of these marks.
    #[must_use]
    pub(crate) fn intersection(&self, other: &Set<'_>, marks: Marks) -> Self {
        let mut others = other.nodes.iter().peekable();
        let kept = self.nodes.iter().filter_map(|node| {
            while others.next_if(|other| other.element < node.element).is_some() {}
            let other = others.next_if(|other| other.element == node.element)?;
            let member = if other.marks & marks != 0 { node.marks } else { 0 };
            let children = node.children.intersection(&other.children, marks);
            (member != 0 || !children.is_empty()).then(|| Node {
                element: node.element.clone(),
                marks: member,
                children,
            })
        });
        Self { nodes: kept.collect() }
    }

    /// Whether the other set has every member.
    pub fn is_subset(&self, other: &Set<'_>) -> bool {
        self.nodes.iter().all(|node| {
            let counterpart = other.find(&node.element);
            let member = node.marks == 0 || counterpart.is_some_and(|other| other.marks != 0);
            let children = match counterpart {
                Some(other) => node.children.is_subset(&other.children),
                None => node.children.is_empty(),
            };
            member && children
        })
    }

    /// Whether the two have a member in common.
    pub(crate) fn intersects(&self, other: &Set<'_>) -> bool {
        let mut others = other.nodes.iter().peekable();
        self.nodes.iter().any(|node| {
            while others.next_if(|other| other.element < node.element).is_some() {}
            others.next_if(|other| other.element == node.element).is_some_and(|other| {
                (node.marks != 0 && other.marks != 0) || node.children.intersects(&other.children)
            })
        })
    }

    /// The members with one of these marks, as a plain set.
    #[must_use]
    pub(crate) fn select(&self, marks: Marks) -> Self {
        let kept = self.nodes.iter().filter_map(|node| {
            let children = node.children.select(marks);
            let member = if node.marks & marks != 0 { MEMBER } else { 0 };
            (member != 0 || !children.is_empty()).then(|| Node {
                element: node.element.clone(),
                marks: member,
                children,
            })
        });
        Self { nodes: kept.collect() }
    }

    /// Rewrites nodes from the leaves up; those that end as nothing vanish.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Node<'a>)) {
        self.nodes.retain_mut(|node| {
            keep(node);
            node.marks != 0 || !node.children.is_empty()
        });
    }

    /// Calls `visit` with the path of every member: the members of a level before those below it.
    pub(crate) fn visit<'s>(
        &'s self,
        path: &mut Vec<&'s Element<'a>>,
        visit: &mut impl FnMut(&[&'s Element<'a>]),
    ) {
        for node in self.nodes.iter().filter(|node| node.marks != 0) {
            path.push(&node.element);
            visit(path);
            path.pop();
        }
        for node in self.nodes.iter().filter(|node| !node.children.is_empty()) {
            path.push(&node.element);
            node.children.visit(path, visit);
            path.pop();
        }
    }

    /// Reads FieldsV1. Elements of unknown types are dropped.
    pub fn decode(fields: &'a Value) -> Result<Decoded<'a>, FieldsError> {
        let mut canonical = true;
        let (set, _) = decode(fields, &mut canonical)?;
        Ok(Decoded { set, canonical })
    }

    /// FieldsV1.
    pub fn encode(&self) -> Value {
        Value::Object(self.encode_level(false))
    }

    fn encode_level(&self, and_self: bool) -> Object {
        let own = and_self.then(|| (Box::from("."), Value::Object(Object::new())));
        let nodes = self.nodes.iter().map(|node| {
            let mut name = String::with_capacity(match &node.element {
                Element::Field(name) => name.len() + 2,
                _ => 32,
            });
            node.element.write(&mut name);
            let level = node.children.encode_level(node.marks != 0 && !node.children.is_empty());
            (name.into_boxed_str(), Value::Object(level))
        });
        own.into_iter().chain(nodes).collect()
    }
}

/// The set of one level, and whether the level itself is a member.
fn decode<'a>(fields: &'a Value, canonical: &mut bool) -> Result<(Set<'a>, bool), FieldsError> {
    let object = match fields {
        Value::Object(object) => object,
        Value::Null => {
            *canonical = false;
            return Ok((Set::default(), true));
        }
        other => return Err(FieldsError::NotObject(other.kind_name())),
    };
    let mut nodes: Vec<Node<'a>> = Vec::with_capacity(object.len());
    let mut own = false;
    for (at, (name, value)) in object.iter().enumerate() {
        if name == "." {
            own = true;
            *canonical &= at == 0 && value.as_object().is_some_and(Object::is_empty);
            continue;
        }
        let Some(element) = Element::parse(name)? else {
            *canonical = false;
            continue;
        };
        if *canonical && !matches!(element, Element::Field(_)) {
            let mut written = String::with_capacity(name.len());
            element.write(&mut written);
            *canonical = written == name;
        }
        let (children, member) = decode(value, canonical)?;
        let marks = if member { MEMBER } else { 0 };
        nodes.push(Node { element, marks, children });
    }
    *canonical &= nodes.is_sorted_by(|a, b| a.element < b.element);
    *canonical &= !own || !nodes.is_empty();
    let set = Set::from_nodes(nodes);
    let member = own || set.is_empty();
    Ok((set, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("valid JSON")
    }

    fn text(set: &Set<'_>) -> String {
        serde_json::to_string(&set.encode()).expect("serializable")
    }

    fn check(read: &str, written: &str, canonical: bool) {
        let fields = value(read);
        let decoded = Set::decode(&fields).expect(read);
        assert_eq!(text(&decoded.set), written, "{read}");
        assert_eq!(decoded.canonical, canonical, "{read}");
    }

    #[test]
    fn fields_v1_both_ways() {
        let one =
            r#"{"f:a":{".":{},"f:b":{},"k:{\"n\":1}":{".":{},"f:n":{}},"v:\"x\"":{}},"f:c":{}}"#;
        check(one, one, true);
        check("{}", "{}", true);
        check(r#"{"f:b":{},"f:a":{}}"#, r#"{"f:a":{},"f:b":{}}"#, false);
        check(r#"{"f:a":{".":{}}}"#, r#"{"f:a":{}}"#, false);
        check(r#"{"f:a":{"z:new":{}},"y:b":{}}"#, r#"{"f:a":{}}"#, false);
        check(r#"{"f:a":null}"#, r#"{"f:a":{}}"#, false);
    }

    #[test]
    fn refuses_what_is_no_set() {
        assert!(Set::decode(&value("[]")).is_err());
        assert!(Set::decode(&value(r#"{"f:a":1}"#)).is_err());
        assert!(Set::decode(&value(r#"{"f":{}}"#)).is_err());
    }

    fn with(a: &str, b: &str, act: impl Fn(Set<'_>, Set<'_>) -> String) -> String {
        let (a, b) = (value(a), value(b));
        act(Set::decode(&a).expect("set").set, Set::decode(&b).expect("set").set)
    }

    #[test]
    fn differences_differ_on_parents() {
        let (a, b) = (r#"{"f:a":{".":{},"f:b":{}}}"#, r#"{"f:a":{}}"#);
        assert_eq!(with(a, b, |a, b| text(&a.difference(&b))), r#"{"f:a":{"f:b":{}}}"#);
        assert_eq!(with(a, b, |a, b| text(&a.recursive_difference(&b))), "{}");
        assert_eq!(with(b, a, |a, b| text(&a.difference(&b))), "{}");
    }

    #[test]
    fn unions_and_intersections() {
        let (a, b) = (r#"{"f:a":{"f:b":{}},"f:c":{}}"#, r#"{"f:a":{".":{},"f:b":{},"f:d":{}}}"#);
        assert_eq!(
            with(a, b, |a, b| text(&a.union(b))),
            r#"{"f:a":{".":{},"f:b":{},"f:d":{}},"f:c":{}}"#
        );
        assert_eq!(with(a, b, |a, b| text(&a.intersection(&b, MEMBER))), r#"{"f:a":{"f:b":{}}}"#);
        assert_eq!(with(a, b, |a, b| a.intersects(&b).to_string()), "true");
        assert_eq!(with(a, b, |a, b| a.is_subset(&b).to_string()), "false");
    }
}
