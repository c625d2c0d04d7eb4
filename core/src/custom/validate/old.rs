//! [`Place`]: where a value stands, and what stood there before an update.
//!
//! The old value is looked for only when something is wrong: a valid update costs as much as a
//! create.

use super::super::path::Path;
use super::super::structural::Structural;
use super::view::View;
use crate::schema::ListType;
use crate::value::{Object, Value};

#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub path: Path<'p>,
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
    node: &'p Structural,
    value: View<'p>,
    /// Of the root.
    old: Option<View<'p>>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Item,
}

impl<'p> Place<'p> {
    pub fn root(node: &'p Structural, value: View<'p>, old: Option<View<'p>>) -> Self {
        Self { path: Path::ROOT, parent: None, step: Step::Root, node, value, old }
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
        Self { path, parent: Some(self), step, node, value, old: None }
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
                counterpart(parent.node, self.value.fields()?, old.items()?).map(View::from)
            }
        }
    }
}

/// The item of an old list that has the keys of a new one. Other lists have no counterparts.
fn counterpart<'o>(list: &Structural, item: &Object, old: &'o [Value]) -> Option<&'o Value> {
    let ListType::Map(keys) = &list.list else { return None };
    let key = |object: &Object, key: &str| -> Option<Value> {
        let default = || list.items.as_ref()?.property(key)?.default.clone();
        object.get(key).cloned().or_else(default)
    };
    old.iter().find(|old| {
        old.as_object().is_some_and(|old| keys.iter().all(|name| key(item, name) == key(old, name)))
    })
}

/// Equal, but for the order of lists whose items have keys.
fn same(node: &Structural, new: View<'_>, old: View<'_>) -> bool {
    match (new, old) {
        (View::Fields(new), View::Fields(old)) => {
            new.len() == old.len()
                && new.iter().all(|(name, new)| {
                    let Some(old) = old.get(name) else { return false };
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
            new.len() == old.len()
                && new.iter().all(|item| {
                    let old = item.as_object().and_then(|item| counterpart(node, item, old));
                    old.is_some_and(|old| same(items, item.into(), old.into()))
                })
        }
        _ => new == old,
    }
}
