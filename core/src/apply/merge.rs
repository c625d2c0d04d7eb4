//! Merges an applied configuration into a live object.
//!
//! The result says where it is just one of the two, so that a configuration that changes nothing
//! costs no copy, and one that changes a field copies no more than upstream would store.

use super::element::Element;
use super::types::{Fields, Form, Items, Type};
use super::walk::{self, Keyed, TypeErrors};
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// The outcome for one place.
#[derive(Debug)]
pub(crate) enum Merged<'a> {
    /// The live value, unchanged.
    Live(&'a Value),
    /// The applied value.
    Applied(&'a Value),
    Built(Value),
}

impl Merged<'_> {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Live(value) | Self::Applied(value) => value.clone(),
            Self::Built(value) => value,
        }
    }
}

/// The merged object; `None` where it is the live one.
pub(crate) fn merge(
    schema: &Schema,
    id: MessageId,
    live: &Object,
    applied: &Object,
) -> Result<Option<Object>, TypeErrors> {
    let merged = Walker { schema }.fields(Fields::of_message(id), Some(live), Some(applied))?;
    Ok((!is_live(&merged, Some(live))).then(|| build(merged)))
}

fn is_live(merged: &[(&str, Merged<'_>)], live: Option<&Object>) -> bool {
    merged.len() == live.map_or(0, Object::len)
        && merged.iter().all(|(_, outcome)| matches!(outcome, Merged::Live(_)))
}

fn build(merged: Vec<(&str, Merged<'_>)>) -> Object {
    merged.into_iter().map(|(name, outcome)| (name.into(), outcome.into_value())).collect()
}

struct Walker<'a> {
    schema: &'a Schema,
}

type Side<'a> = Option<&'a Value>;
type Outcome<'a> = Result<Option<Merged<'a>>, TypeErrors>;

impl<'a> Walker<'a> {
    fn merge(&self, kind: Type<'a>, live: Side<'a>, applied: Side<'a>) -> Outcome<'a> {
        match kind.form(applied.or(live)) {
            Form::Scalar(scalar) => {
                let left = walk::check_scalar(scalar, live, "lhs: ");
                let right = walk::check_scalar(scalar, applied, "rhs: ");
                if let (Err(mut left), Err(right)) = (left, right) {
                    left.push(right);
                    return Err(left);
                }
                Ok(leaf(live, applied))
            }
            Form::Object(fields) => self.objects(fields, live, applied),
            Form::List(items) => self.lists(items, live, applied),
        }
    }

    fn objects(&self, fields: Fields<'a>, live: Side<'a>, applied: Side<'a>) -> Outcome<'a> {
        let (left, right) = (walk::object(live), walk::object(applied));
        let empty = |object: Option<&Object>| object.is_none_or(Object::is_empty);
        if fields.atomic || (empty(left) && empty(right)) {
            return Ok(leaf(live, applied));
        }
        if empty(right) && left.is_some() {
            return Ok(live.map(Merged::Live));
        }
        let merged = self.fields(fields, left, right)?;
        if is_live(&merged, left) {
            return Ok(live.filter(|_| left.is_some()).map(Merged::Live));
        }
        let built = build(merged);
        Ok((!built.is_empty()).then_some(Merged::Built(Value::Object(built))))
    }

    fn fields(
        &self,
        fields: Fields<'a>,
        live: Option<&'a Object>,
        applied: Option<&'a Object>,
    ) -> Result<Vec<(&'a str, Merged<'a>)>, TypeErrors> {
        let mut merged = Vec::with_capacity(live.map_or(0, Object::len));
        let mut near = 0;
        walk::zip(live, applied, |name, live, applied| {
            // What is not applied stays as it is, of whatever type.
            let outcome = match (live, applied) {
                (Some(live), None) => Some(Merged::Live(live)),
                _ => {
                    let element = Element::Field(name);
                    let child =
                        fields.child_near(self.schema, name, &mut near).ok_or_else(|| {
                            TypeErrors::one("schema error: no type found matching: inlined type")
                                .within(&element)
                        })?;
                    self.merge(child.kind, live, applied).map_err(|e| e.within(&element))?
                }
            };
            merged.extend(outcome.map(|outcome| (name, outcome)));
            Ok(())
        })?;
        Ok(merged)
    }

    fn lists(&self, items: Items<'a>, live: Side<'a>, applied: Side<'a>) -> Outcome<'a> {
        let (left, right) = (walk::array(live), walk::array(applied));
        let empty = |list: Option<&[Value]>| list.is_none_or(<[_]>::is_empty);
        if items.is_atomic() || (empty(left) && empty(right)) {
            return Ok(leaf(live, applied));
        }
        if empty(right) {
            return Ok(live.map(Merged::Live));
        }
        let left = Keyed::new(self.schema, items, left.unwrap_or_default())?;
        let right = Keyed::new(self.schema, items, right.unwrap_or_default())?;
        if let Some(group) = right.groups().find(|group| group.len() > 1) {
            let element = &right.elements[group[0]];
            return Err(TypeErrors::one(format!("duplicate entries for key {element}")));
        }
        let merged = self.interleave(items.item(self.schema), &left, &right)?;
        let same = merged.len() == left.items.len()
            && merged.iter().zip(left.items).all(
                |(outcome, item)| matches!(outcome, Merged::Live(live) if std::ptr::eq(*live, item)),
            );
        if same {
            return Ok(live.map(Merged::Live));
        }
        let built: Vec<Value> = merged.into_iter().map(Merged::into_value).collect();
        Ok((!built.is_empty()).then_some(Merged::Built(Value::Array(built))))
    }

    /// Items that are applied come in the order applied; items that are not keep their places
    /// among them.
    fn interleave(
        &self,
        kind: Type<'a>,
        left: &Keyed<'a>,
        right: &Keyed<'a>,
    ) -> Result<Vec<Merged<'a>>, TypeErrors> {
        let mut out = Vec::with_capacity(left.items.len().max(right.items.len()));
        let mut taken = vec![false; right.items.len()];
        let mut shared = right.elements.iter().filter(|element| left.has(element)).peekable();
        let (mut l, mut r) = (0, 0);
        while l < left.items.len() || r < right.items.len() {
            if l < left.items.len() && r < right.items.len() {
                let element = &left.elements[l];
                if *element == right.elements[r] {
                    out.extend(self.item(kind, left, right, r)?);
                    taken[r] = true;
                    (l, r) = (l + 1, r + 1);
                    shared.next();
                    continue;
                }
                if right.has(element) && shared.peek().is_some_and(|next| *next != element) {
                    // It will come, but not in this round.
                    l += 1;
                    continue;
                }
            }
            if l < left.items.len() {
                match right.positions(&left.elements[l]) {
                    [] => {
                        out.push(Merged::Live(&left.items[l]));
                        l += 1;
                        continue;
                    }
                    [at, ..] if taken[*at] => l += 1,
                    _ => {}
                }
            }
            if r < right.items.len() {
                out.extend(self.item(kind, left, right, r)?);
                taken[r] = true;
                if shared.peek().is_some_and(|next| **next == right.elements[r]) {
                    shared.next();
                }
                r += 1;
            }
        }
        Ok(out)
    }

    /// An applied item merged into the live one of the same key. Of duplicates none is taken.
    fn item(&self, kind: Type<'a>, left: &Keyed<'a>, right: &Keyed<'a>, at: usize) -> Outcome<'a> {
        let element = &right.elements[at];
        let live = match left.positions(element) {
            [only] => Some(&left.items[*only]),
            _ => None,
        };
        self.merge(kind, live, Some(&right.items[at])).map_err(|errors| errors.within(element))
    }
}

/// The applied value where there is one; the live value where they are the same.
fn leaf<'a>(live: Side<'a>, applied: Side<'a>) -> Option<Merged<'a>> {
    match (live, applied) {
        (Some(live), Some(applied)) if walk::same(live, applied) => Some(Merged::Live(live)),
        (_, Some(applied)) => Some(Merged::Applied(applied)),
        (live, None) => live.map(Merged::Live),
    }
}
