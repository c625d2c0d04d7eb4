//! The order of a merged list: what the patch names comes in the patch's order, the rest in the
//! order in which it was; the two are interleaved by the old order.

use super::list::no_merge_key;
use super::{MAP, Outcome, PATCH, StrategicError, wrong_type};
use crate::apply::gotext;
use crate::value::Value;
use std::cmp::Ordering;
use std::collections::HashMap;

/// A scalar by which items are known. Numbers of different forms differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(Box<str>),
    /// Objects and lists: by their JSON.
    Other(String),
}

pub(super) fn key_of(value: &Value) -> Key {
    match value {
        Value::Null => Key::Null,
        Value::Bool(flag) => Key::Bool(*flag),
        Value::Int(number) => Key::Int(*number),
        Value::Float(number) => Key::Float(number.to_bits()),
        Value::String(text) => Key::Text(text.clone()),
        other => Key::Other(gotext::json(other)),
    }
}

/// Where each key stands first in a list.
pub(super) struct Keys {
    positions: HashMap<Key, usize>,
    /// An item of the list lacks the merge key: its text.
    lacking: Option<StrategicError>,
}

impl Keys {
    /// Of a list of objects by a merge key, or of a list of scalars where that is empty.
    pub(super) fn of(list: &[Value], key: &str) -> Self {
        if key.is_empty() {
            return Self::of_values(list);
        }
        let mut keys = Self { positions: HashMap::with_capacity(list.len()), lacking: None };
        for (at, item) in list.iter().enumerate() {
            match (item.get(key), item) {
                (Some(value), _) => keys.add(value, at),
                (None, Value::Object(object)) if keys.lacking.is_none() => {
                    keys.lacking = Some(no_merge_key(object, key));
                }
                (None, other) if keys.lacking.is_none() => {
                    keys.lacking = Some(wrong_type(MAP, other));
                }
                _ => {}
            }
        }
        keys
    }

    pub(super) fn of_values(list: &[Value]) -> Self {
        let mut keys = Self { positions: HashMap::with_capacity(list.len()), lacking: None };
        for (at, item) in list.iter().enumerate() {
            keys.add(item, at);
        }
        keys
    }

    pub(super) fn add(&mut self, value: &Value, at: usize) {
        self.positions.entry(key_of(value)).or_insert(at);
    }

    pub(super) fn position(&self, value: &Value) -> Option<usize> {
        self.positions.get(&key_of(value)).copied()
    }

    fn check(&self) -> Outcome<()> {
        self.lacking.clone().map_or(Ok(()), Err)
    }
}

/// Puts a merged list in order. `wanted` is the order of the patch, `server` that of the list as
/// it was.
pub(super) fn arrange(
    merged: Vec<Value>,
    wanted: &Keys,
    server: &Keys,
    key: &str,
) -> Outcome<Vec<Value>> {
    let identity = |item: &Value| match (key.is_empty(), item) {
        (true, item) => Ok(key_of(item)),
        (false, Value::Object(object)) => {
            object.get(key).map(key_of).ok_or_else(|| no_merge_key(object, key))
        }
        (false, other) => Err(wrong_type(MAP, other)),
    };
    let (mut patched, mut rest) = (Vec::new(), Vec::new());
    for item in merged {
        let identity = identity(&item)?;
        let place = server.positions.get(&identity).copied();
        match wanted.positions.get(&identity) {
            Some(at) => patched.push((*at, place, item)),
            None => rest.push((place.unwrap_or(usize::MAX), place, item)),
        }
    }
    if !key.is_empty() {
        wanted.check()?;
        server.check()?;
    }
    for list in [&mut patched, &mut rest] {
        list.sort_by_key(|(at, ..)| *at);
        deletions_last(list);
    }
    Ok(interleave(rest, patched))
}

type Placed = (usize, Option<usize>, Value);

fn deletions_last(list: &mut [Placed]) {
    let is_deletion = |item: &Value| {
        item.get(PATCH).and_then(Value::as_str).is_some_and(|directive| directive == "delete")
    };
    list.sort_by_key(|(.., item)| is_deletion(item));
}

/// Puts the items of `left` among those of `right`: each before the first that stood behind it.
fn interleave(left: Vec<Placed>, right: Vec<Placed>) -> Vec<Value> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let from_left = match (left.peek(), right.peek()) {
            (Some((_, Some(l), _)), Some((_, Some(r), _))) => l.cmp(r) == Ordering::Less,
            (Some(_), None) => true,
            (None, None) => return out,
            _ => false,
        };
        let next = if from_left { left.next() } else { right.next() };
        out.extend(next.map(|(.., item)| item));
    }
}

/// The items of a patch's list stand in the given order, and all of them are in it.
pub(super) fn check(patch: &[Value], wanted: &[Value], key: &str) -> Outcome<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut order = wanted.iter();
    let mut kept = Vec::with_capacity(patch.len());
    for item in patch {
        match item {
            Value::Object(object) if object.get(PATCH).is_some() => {}
            item if !key.is_empty() && item.as_object().is_none() => {
                return Err(wrong_type(MAP, item));
            }
            item => kept.push(item),
        }
    }
    for item in kept {
        loop {
            let Some(next) = order.next() else {
                let shown = |list: &[Value]| gotext::plain(&Value::Array(list.to_vec()));
                return Err(StrategicError::Order { patch: shown(patch), order: shown(wanted) });
            };
            if same(item, next, key)? {
                break;
            }
        }
    }
    Ok(())
}

fn same(item: &Value, next: &Value, key: &str) -> Outcome<bool> {
    if key.is_empty() {
        return Ok(key_of(item) == key_of(next));
    }
    let identity = |value: &Value| match value {
        Value::Object(object) => {
            object.get(key).map(key_of).ok_or_else(|| no_merge_key(object, key))
        }
        other => Err(wrong_type(MAP, other)),
    };
    Ok(identity(item)? == identity(next)?)
}
