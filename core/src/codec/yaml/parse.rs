//! Text into nodes: the first document of a stream, aliases not yet followed.

use super::NESTING_MAX;
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Index of a node.
pub(super) type NodeId = usize;

#[derive(Debug)]
pub(super) struct Node<'t> {
    /// From one.
    pub line: usize,
    pub kind: Kind<'t>,
}

#[derive(Debug)]
pub(super) enum Kind<'t> {
    Scalar(Scalar<'t>),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

#[derive(Debug)]
pub(super) struct Scalar<'t> {
    pub text: Cow<'t, str>,
    /// Without quotes and not a block.
    pub plain: bool,
    /// What an explicit tag says, `!!` standing for YAML's own.
    pub tag: Option<String>,
}

/// The nodes of a document; the root is the first.
pub(super) fn parse(text: &str) -> Result<Vec<Node<'_>>, String> {
    let options = granit_parser::options! {
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
    };
    let mut composer = Composer::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) =
            event.map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
        if !composer.take(event, span.start.line())? {
            break;
        }
    }
    Ok(composer.nodes)
}

#[derive(Default)]
struct Composer<'t> {
    nodes: Vec<Node<'t>>,
    /// Collections that are not closed, and for mappings the key that waits for its value.
    open: Vec<(NodeId, Option<NodeId>)>,
    anchors: HashMap<usize, NodeId>,
}

impl<'t> Composer<'t> {
    /// Whether the document goes on.
    fn take(&mut self, event: Event<'t>, line: usize) -> Result<bool, String> {
        let (kind, anchor) = match event {
            Event::DocumentEnd => return Ok(false),
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
                return Ok(true);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let tag = tag.and_then(|tag| name(&tag));
                (Kind::Scalar(Scalar { text, plain, tag }), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Kind::Sequence(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => (Kind::Mapping(Vec::new()), anchor),
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                (Kind::Alias(target.ok_or("unknown anchor referenced")?), 0)
            }
            _ => return Ok(true),
        };
        let is_open = matches!(kind, Kind::Sequence(_) | Kind::Mapping(_));
        let id = self.nodes.len();
        self.nodes.push(Node { line, kind });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id);
        if is_open {
            if self.open.len() >= NESTING_MAX {
                return Err(format!("exceeded max depth of {NESTING_MAX}"));
            }
            self.open.push((id, None));
        }
        Ok(true)
    }

    fn attach(&mut self, id: NodeId) {
        let Some((holder, key)) = self.open.last_mut() else { return };
        match &mut self.nodes[*holder].kind {
            Kind::Sequence(items) => items.push(id),
            Kind::Mapping(entries) => match key.take() {
                Some(key) => entries.push((key, id)),
                None => *key = Some(id),
            },
            Kind::Scalar(_) | Kind::Alias(_) => {}
        }
    }
}

/// A tag in its short form; nothing for the tag that says nothing.
fn name(tag: &Tag) -> Option<String> {
    if let Some(own) = tag.suffix_in_namespace("tag:yaml.org,2002:") {
        return Some(format!("!!{own}"));
    }
    let name = format!("{}{}", tag.handle(), tag.suffix());
    (name != "!").then_some(name)
}
