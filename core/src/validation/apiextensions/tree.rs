//! Walks over the schemas inside of a schema.

use crate::validation::fields::Fields;
use crate::value::{Object, Value};

/// The schema of the items of a list, unless it is a list of schemas.
pub fn items(schema: &Object) -> Option<&Object> {
    schema.object("items")
}

/// The schema of fields that are not declared, unless it is a plain yes or no.
pub fn additional(schema: &Object) -> Option<&Object> {
    schema.object("additionalProperties")
}

/// What stands in a map of schemas.
pub fn named<'s>(
    schema: &'s Object,
    map: &str,
) -> impl Iterator<Item = (&'s str, &'s Object)> + use<'s> {
    schema.part(map).iter().filter_map(|(name, one)| Some((name, one.as_object()?)))
}

/// Whether a schema or one inside of it, at any depth, has a property.
pub fn any(schema: &Object, holds: &mut dyn FnMut(&Object) -> bool) -> bool {
    holds(schema) || children(schema).any(|inner| any(inner, holds))
}

fn children(schema: &Object) -> impl Iterator<Item = &Object> {
    let lists = ["items", "allOf", "anyOf", "oneOf"];
    let lists = lists.into_iter().flat_map(|name| schema.objects(name).map(|(_, one)| one));
    let single = ["items", "not", "additionalProperties", "additionalItems"];
    let single = single.into_iter().filter_map(|name| schema.object(name));
    let maps = ["properties", "patternProperties", "definitions", "dependencies"];
    let maps = maps.into_iter().flat_map(|name| schema.part(name).iter());
    let maps = maps.filter_map(|(_, one): (_, &Value)| one.as_object());
    lists.chain(single).chain(maps)
}
