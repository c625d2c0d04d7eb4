//! Nodes into a value: aliases followed, mappings merged, keys made texts, as if it were JSON.

use super::NESTING_MAX;
use super::parse::{Kind, Node, NodeId, Scalar};
use super::resolve::{Resolved, resolve};
use super::scalar::float_text;
use crate::field_error::quoted;
use crate::value::{Object, ObjectBuilder, Value};
use base64::Engine as _;

/// A document's value, and the keys that were given twice.
pub(super) struct Built {
    pub value: Value,
    /// `line 3: key "a" already set in map`.
    pub duplicates: Vec<String>,
}

/// Upstream's bound on what aliases may make of a document: nodes before it counts, the share of
/// nodes that may come from aliases, and how the share falls for large documents.
const ALIASED_FREE: usize = 100;
const NODES_FREE: usize = 1_000;
const RATIO_LOW: f64 = 0.99;
const RATIO_HIGH: f64 = 0.10;
const NODES_LOW: usize = 400_000;
const NODES_HIGH: usize = 4_000_000;

/// How many keys given twice are told; the rest of a bad document adds nothing.
const DUPLICATES_MAX: usize = 100;

pub(super) fn build(nodes: &[Node<'_>]) -> Result<Built, String> {
    let mut builder = Builder { nodes, ..Builder::default() };
    let value = if nodes.is_empty() { Value::Null } else { builder.value(0, 0)? };
    Ok(Built { value, duplicates: builder.duplicates })
}

#[derive(Default)]
struct Builder<'n> {
    nodes: &'n [Node<'n>],
    duplicates: Vec<String>,
    /// Nodes taken, and how many of them through aliases.
    taken: usize,
    aliased: usize,
    alias_depth: usize,
}

impl Builder<'_> {
    fn count(&mut self) -> Result<(), String> {
        self.taken += 1;
        self.aliased += usize::from(self.alias_depth > 0);
        let is_small = self.aliased <= ALIASED_FREE || self.taken <= NODES_FREE;
        let ratio = self.aliased as f64 / self.taken as f64;
        if !is_small && ratio > allowed_ratio(self.taken) {
            return Err("document contains excessive aliasing".into());
        }
        Ok(())
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, String> {
        self.count()?;
        // A value that contains itself through an alias ends here too.
        if depth > NESTING_MAX {
            return Err(format!("exceeded max depth of {NESTING_MAX}"));
        }
        let nodes = self.nodes;
        match &nodes[id].kind {
            Kind::Scalar(scalar) => json_scalar(scalar),
            Kind::Sequence(items) => {
                let items = items.iter().map(|item| self.value(*item, depth + 1));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Kind::Mapping(_) => {
                let mut object = ObjectBuilder::default();
                self.fill(id, &mut object, depth)?;
                let mut fields: Vec<_> = object.finish().into_iter().collect();
                fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(Value::Object(fields.into_iter().collect::<Object>()))
            }
            Kind::Alias(target) => {
                self.alias_depth += 1;
                let value = self.value(*target, depth + 1);
                self.alias_depth -= 1;
                value
            }
        }
    }

    /// Sets the entries of a mapping, the last of a key given twice.
    fn fill(&mut self, id: NodeId, object: &mut ObjectBuilder, depth: usize) -> Result<(), String> {
        let nodes = self.nodes;
        let Kind::Mapping(entries) = &nodes[id].kind else { return Err(WANT_MAP.into()) };
        for (key, value) in entries {
            if is_merge(&nodes[*key]) {
                self.merge(*value, object, depth + 1)?;
                continue;
            }
            let (name, shown) = self.key(*key)?;
            let made = self.value(*value, depth + 1)?;
            if object.set(name.into(), made) && self.duplicates.len() < DUPLICATES_MAX {
                let line = nodes[*value].line;
                self.duplicates.push(format!("line {line}: key {shown} already set in map"));
            }
        }
        Ok(())
    }

    /// `<<`: the entries of a mapping, or of several of which the first counts most.
    fn merge(
        &mut self,
        id: NodeId,
        object: &mut ObjectBuilder,
        depth: usize,
    ) -> Result<(), String> {
        self.count()?;
        if depth > NESTING_MAX {
            return Err(format!("exceeded max depth of {NESTING_MAX}"));
        }
        let nodes = self.nodes;
        match &nodes[id].kind {
            Kind::Mapping(_) => self.fill(id, object, depth),
            Kind::Alias(target) if matches!(nodes[*target].kind, Kind::Mapping(_)) => {
                self.alias_depth += 1;
                let merged = self.merge(*target, object, depth + 1);
                self.alias_depth -= 1;
                merged
            }
            Kind::Sequence(items) => {
                let is_map = |id: &NodeId| match &nodes[*id].kind {
                    Kind::Mapping(_) => true,
                    Kind::Alias(target) => matches!(nodes[*target].kind, Kind::Mapping(_)),
                    _ => false,
                };
                if !items.iter().all(is_map) {
                    return Err(WANT_MAP.into());
                }
                items.iter().rev().try_for_each(|item| self.merge(*item, object, depth + 1))
            }
            _ => Err(WANT_MAP.into()),
        }
    }

    /// A key as a text, and as Go shows it.
    fn key(&mut self, id: NodeId) -> Result<(String, String), String> {
        self.count()?;
        let nodes = self.nodes;
        let target = if let Kind::Alias(target) = &nodes[id].kind { *target } else { id };
        let Kind::Scalar(scalar) = &nodes[target].kind else {
            return Err("invalid map key".into());
        };
        let (resolved, text) = resolved(scalar)?;
        let shown = match resolved {
            Resolved::Null => return Err("unsupported map key of type: null".into()),
            Resolved::Bool(flag) => flag.to_string(),
            Resolved::Int(number) => number.to_string(),
            Resolved::Unsigned(number) => number.to_string(),
            Resolved::Float(number) => float_text(f64::from(number as f32)),
            Resolved::Time | Resolved::Text => return Ok((text.clone(), quoted(&text))),
        };
        Ok((shown.clone(), shown))
    }
}

const WANT_MAP: &str = "map merge requires map or sequence of maps as the value";

fn allowed_ratio(taken: usize) -> f64 {
    if taken <= NODES_LOW {
        return RATIO_LOW;
    }
    if taken >= NODES_HIGH {
        return RATIO_HIGH;
    }
    let above = (taken - NODES_LOW) as f64 / (NODES_HIGH - NODES_LOW) as f64;
    RATIO_LOW - (RATIO_LOW - RATIO_HIGH) * above
}

fn is_merge(key: &Node<'_>) -> bool {
    let Kind::Scalar(scalar) = &key.kind else { return false };
    let is_plain = scalar.plain && scalar.tag.is_none();
    scalar.text == "<<" && (is_plain || scalar.tag.as_deref() == Some("!!merge"))
}

/// What a scalar is by its tag or its look, and its text.
fn resolved(scalar: &Scalar<'_>) -> Result<(Resolved, String), String> {
    let text = scalar.text.to_string();
    let Some(tag) = scalar.tag.as_deref() else {
        let resolved = if scalar.plain { resolve(&text) } else { Resolved::Text };
        return Ok((resolved, text));
    };
    let found = match tag {
        "!!str" => return Ok((Resolved::Text, text)),
        "!!binary" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(&text);
            let bytes = decoded.map_err(|_| "!!binary value contains invalid base64 data")?;
            return Ok((Resolved::Text, String::from_utf8_lossy(&bytes).into_owned()));
        }
        "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp" => resolve(&text),
        // A tag of somebody's own says nothing to us.
        _ => return Ok((Resolved::Text, text)),
    };
    match (tag, found) {
        ("!!float", Resolved::Int(number)) => Ok((Resolved::Float(number as f64), text)),
        (_, found) if found.tag() == tag => Ok((found, text)),
        (_, found) => Err(format!("cannot decode {} `{text}` as a {tag}", found.tag())),
    }
}

fn json_scalar(scalar: &Scalar<'_>) -> Result<Value, String> {
    let (resolved, text) = resolved(scalar)?;
    Ok(match resolved {
        Resolved::Null => Value::Null,
        Resolved::Bool(flag) => Value::Bool(flag),
        Resolved::Int(number) => Value::Int(number),
        Resolved::Unsigned(number) => Value::Float(number as f64),
        Resolved::Float(number) if !number.is_finite() => {
            return Err(format!("unsupported value: {text}"));
        }
        Resolved::Float(number) => json_number(number),
        Resolved::Time | Resolved::Text => Value::from(text),
    })
}

/// A number as JSON would hand it on: a whole one loses its point.
fn json_number(number: f64) -> Value {
    let is_whole = number.fract() == 0.0 && number.abs() < i64::MAX as f64;
    if is_whole { Value::Int(number as i64) } else { Value::Float(number) }
}
