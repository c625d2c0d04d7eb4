//! Lists that merge: by key, or as sets of scalars.

use super::order::{self, Keys};
use super::{
    ELEMENT_ORDER, Merger, Meta, Outcome, PATCH, Place, SLICE, StrategicError, after_prefix,
    entering, unknown_directive, wrong_type,
};
use crate::apply::gotext;
use crate::value::{Object, Value};
use std::collections::HashSet;

impl Merger<'_> {
    pub(super) fn lists(
        &self,
        original: Vec<Value>,
        patch: Vec<Value>,
        meta: Meta<'_>,
        deletes: bool,
    ) -> Outcome<Vec<Value>> {
        if !meta.merge && !deletes {
            return Ok(patch);
        }
        if original.is_empty() && patch.is_empty() {
            return Ok(original);
        }
        if !element_is_map(&original, &patch)? {
            if deletes {
                return Ok(without(original, &patch));
            }
            let server = Keys::of(&original, "");
            let wanted = Keys::of(&patch, "");
            let merged = distinct(original.into_iter().chain(patch).collect());
            return order::arrange(merged, &wanted, &server, "");
        }
        if meta.key.is_empty() {
            let name = if matches!(meta.inner, Place::Message(_)) { "struct" } else { "map" };
            return Err(StrategicError::NoKey(name));
        }
        let (original, patch) = special_items(original, patch, meta.key)?;
        // The order is that of the lists before they are merged.
        let (server, wanted) = (Keys::of(&original, meta.key), Keys::of(&patch, meta.key));
        let merged = self.keyed(original, patch, meta.key, meta.inner)?;
        order::arrange(merged, &wanted, &server, meta.key)
    }

    /// Merges items by key; those that are not there come last.
    fn keyed(
        &self,
        original: Vec<Value>,
        patch: Vec<Value>,
        key: &str,
        inner: Place,
    ) -> Outcome<Vec<Value>> {
        let mut merged = original;
        if let Some(at) = merged.iter().position(|item| item.as_object().is_none()) {
            return Err(StrategicError::NotMap(at));
        }
        let mut known = Keys::of(&merged, key);
        for item in patch {
            let Value::Object(item) = item else { return Err(wrong_type(super::MAP, &item)) };
            let Some(value) = item.get(key) else { return Err(no_merge_key(&item, key)) };
            match known.position(value) {
                Some(at) => {
                    let held = match std::mem::take(&mut merged[at]) {
                        Value::Object(held) => held,
                        other => return Err(wrong_type(super::MAP, &other)),
                    };
                    merged[at] = Value::Object(self.objects(held, item, inner)?);
                }
                None => {
                    known.add(value, merged.len());
                    merged.push(Value::Object(item));
                }
            }
        }
        Ok(merged)
    }

    /// `$setElementOrder/…`: the list of that name is merged, then put in order.
    pub(super) fn ordered_lists(
        &self,
        original: &mut Object,
        patch: &mut Object,
        place: Place,
    ) -> Outcome<()> {
        let directives: Vec<Box<str>> = patch
            .iter()
            .filter(|(name, _)| name.starts_with(ELEMENT_ORDER))
            .map(|(name, _)| name.into())
            .collect();
        for directive in directives {
            let order = patch.remove(&directive).unwrap_or_default();
            let Value::Array(order) = order else { return Err(wrong_type(SLICE, &order)) };
            let name = after_prefix(&directive, ELEMENT_ORDER)
                .flatten()
                .ok_or(StrategicError::Format("setElementOrder list"))?;
            self.ordered_list(original, patch, name, &order, place)?;
        }
        Ok(())
    }

    fn ordered_list(
        &self,
        original: &mut Object,
        patch: &mut Object,
        name: &str,
        wanted: &[Value],
        place: Place,
    ) -> Outcome<()> {
        let before = list_of(original.get(name))?;
        let given = list_of(patch.get(name))?;
        let meta = self.meta(place, name, true)?;
        let checked = given.unwrap_or_default();
        if !checked.is_empty() {
            order::check(checked, wanted, meta.key)?;
        }
        let is_map = match (before, given) {
            (None, None) => return Ok(()),
            _ => element_is_map(before.unwrap_or_default(), checked),
        };
        let server = Keys::of(before.unwrap_or_default(), meta.key);
        let found = before.is_some();
        let given = patch.remove(name).map(|given| match given {
            Value::Array(items) => items,
            _ => Vec::new(),
        });
        let before = match original.get_mut(name).map(std::mem::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let merged = match given {
            None => before,
            Some(given) if !found => given.into_iter().filter_map(entering).collect(),
            Some(given) => self.lists(before, given, meta, false)?,
        };
        if !is_map? && !meta.key.is_empty() && !merged.is_empty() {
            return Err(wrong_type(super::MAP, &merged[0]));
        }
        let arranged = order::arrange(merged, &Keys::of(wanted, meta.key), &server, meta.key)?;
        original.insert(name, Value::Array(arranged));
        Ok(())
    }
}

fn list_of(value: Option<&Value>) -> Outcome<Option<&[Value]>> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(wrong_type(SLICE, other)),
    }
}

/// Whether the items of the lists are objects; all must be of one type.
fn element_is_map(original: &[Value], patch: &[Value]) -> Outcome<bool> {
    let mut items = original.iter().chain(patch);
    let first = items.next().ok_or(StrategicError::EmptyLists)?;
    if first.as_array().is_some() {
        return Err(StrategicError::ListOfLists);
    }
    let kind = gotext::type_name(first);
    if items.any(|item| gotext::type_name(item) != kind) {
        let lists = [original, patch].map(|list| Value::Array(list.to_vec()));
        return Err(StrategicError::MixedList(gotext::plain(&Value::Array(lists.into()))));
    }
    Ok(first.as_object().is_some())
}

/// Carries out `$patch` of items; returns the list to merge into and what to merge.
fn special_items(
    original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Outcome<(Vec<Value>, Vec<Value>)> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut deleted = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else { return Err(wrong_type(super::MAP, &item)) };
        let Some(directive) = item.get(PATCH) else {
            plain.push(Value::Object(item));
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = item.get(key).ok_or_else(|| no_merge_key(&item, key))?;
                deleted.push(value.clone());
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(StrategicError::MergeDirective),
            _ => return Err(unknown_directive(directive, &item)),
        }
    }
    if replace {
        return Ok((plain, Vec::new()));
    }
    let mut original = original;
    if !deleted.is_empty() {
        if let Some(at) = original.iter().position(|item| item.as_object().is_none()) {
            return Err(StrategicError::NotMap(at));
        }
        let deleted = Keys::of_values(&deleted);
        original.retain(|item| item.get(key).is_none_or(|value| deleted.position(value).is_none()));
    }
    Ok((original, plain))
}

pub(super) fn no_merge_key(map: &Object, key: &str) -> StrategicError {
    let map = gotext::plain(&Value::Object(map.clone()));
    StrategicError::NoMergeKey { map, key: key.to_owned() }
}

/// The items that the second list does not name.
fn without(list: Vec<Value>, gone: &[Value]) -> Vec<Value> {
    let gone = Keys::of_values(gone);
    list.into_iter().filter(|item| gone.position(item).is_none()).collect()
}

/// Every scalar once. Upstream fills the gap of a duplicate with the last item; only the order
/// that is then set counts.
fn distinct(list: Vec<Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    list.into_iter().filter(|item| seen.insert(order::key_of(item))).collect()
}
