//! [`Place`]: where a value stands, and what stood there before an update.
//!
//! The old value is looked for only when something is wrong: a valid update costs as much as a
//! create.

use super::super::path::Path;
use super::super::structural::Structural;
use super::view::View;
use crate::schema::ListType;
use crate::value::{Lookup, Object, Value};
use std::cell::OnceCell;
use std::collections::HashMap;

pub(super) struct Place<'p> {
    pub path: Path<'p>,
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
    node: &'p Structural,
    value: View<'p>,
    /// Of the root.
    old: Option<View<'p>>,
    /// Of a list: where the old items are.
    items: OnceCell<Keyed>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Item,
}

impl<'p> Place<'p> {
    pub fn root(node: &'p Structural, value: View<'p>, old: Option<View<'p>>) -> Self {
        Self {
            path: Path::ROOT,
            parent: None,
            step: Step::Root,
            node,
            value,
            old,
            items: OnceCell::new(),
        }
    }

    pub fn field(&'p self, name: &'p str, node: &'p Structural, value: View<'p>) -> Self {
        self.below(self.path.field(name), Step::Field(name), node, value)
    }

    pub fn entry(&'p self, name: &'p str, node: &'p Structural, value: View<'p>) -> Self {
        self.below(self.path.entry(name), Step::Field(name), node, value)
    }

    pub fn item(&'p self, at: usize, node: &'p Structural, value: View<'p>) -> Self {
        self.below(self.path.index(at), Step::Item, node, value)
    }

    fn below(
        &'p self,
        path: Path<'p>,
        step: Step<'p>,
        node: &'p Structural,
        value: View<'p>,
    ) -> Self {
        Self { path, parent: Some(self), step, node, value, old: None, items: OnceCell::new() }
    }

    /// As upstream's errors name the place.
    pub fn name(&self) -> String {
        self.path.name()
    }

    /// Whether an update left the value as it was, so that what is wrong with it is tolerated.
    pub fn is_unchanged(&self) -> bool {
        // Conversion may have changed what says of which version the object is.
        let of_type = self.parent.is_some_and(|parent| parent.parent.is_none())
            && matches!(self.step, Step::Field("apiVersion" | "kind"));
        !of_type && self.old().is_some_and(|old| same(self.node, self.value, old))
    }

    fn old(&self) -> Option<View<'p>> {
        let Some(parent) = self.parent else { return self.old };
        let old = parent.old()?;
        match self.step {
            Step::Root => None,
            Step::Field(name) => old.get(name),
            Step::Item => {
                let old = old.items()?;
                let keyed = parent.items.get_or_init(|| Keyed::of(parent.node, old));
                keyed.counterpart(parent.node, self.value.fields()?, old).map(View::from)
            }
        }
    }
}

/// Where the items of a list are, by their keys. Lists without keys have no counterparts.
struct Keyed(HashMap<String, usize>);

impl Keyed {
    fn of(list: &Structural, items: &[Value]) -> Self {
        let ListType::Map(names) = &list.list else { return Self(HashMap::new()) };
        let mut places = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            if let Some(item) = item.as_object() {
                places.entry(Self::key(list, names, item)).or_insert(at);
            }
        }
        Self(places)
    }

    /// The item of the old list that has the keys of a new one.
    fn counterpart<'o>(
        &self,
        list: &Structural,
        item: &Object,
        old: &'o [Value],
    ) -> Option<&'o Value> {
        let ListType::Map(names) = &list.list else { return None };
        old.get(*self.0.get(&Self::key(list, names, item))?)
    }

    fn key(list: &Structural, names: &[String], item: &Object) -> String {
        let default = |name: &str| list.items.as_ref()?.property(name)?.default.as_ref();
        let keys: Vec<Option<&Value>> =
            names.iter().map(|name| item.get(name).or_else(|| default(name))).collect();
        serde_json::to_string(&keys).expect("a tree serializes")
    }
}

/// Equal, but for the order of lists whose items have keys.
fn same(node: &Structural, new: View<'_>, old: View<'_>) -> bool {
    match (new, old) {
        (View::Fields(new), View::Fields(old)) => {
            let mut held = Lookup::new(old);
            new.len() == old.len()
                && new.iter().all(|(name, new)| {
                    let Some(old) = held.get(name) else { return false };
                    match node.child(name) {
                        Some(node) => same(node, new.into(), old.into()),
                        None => new == old,
                    }
                })
        }
        (View::List(new), View::List(old)) => {
            let (ListType::Map(_), Some(items)) = (&node.list, &node.items) else {
                return new == old;
            };
            let keyed = Keyed::of(node, old);
            new.len() == old.len()
                && new.iter().all(|item| {
                    let old = item.as_object().and_then(|item| keyed.counterpart(node, item, old));
                    old.is_some_and(|old| same(items, item.into(), old.into()))
                })
        }
        _ => new == old,
    }
}
