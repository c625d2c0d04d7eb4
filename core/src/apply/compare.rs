//! What differs between two objects, field by field.

use super::element::Element;
use super::fieldset::{CHANGED, Marks, Node, REMOVED, Set};
use super::types::{Fields, Form, Items, Scalar, Type};
use super::walk::{self, Keyed, TypeErrors};
use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};

/// Fields that were changed or added ([`CHANGED`]) and fields that were removed ([`REMOVED`]).
pub(crate) fn compare<'a>(
    schema: &'a Schema,
    id: MessageId,
    lhs: &'a Object,
    rhs: &'a Object,
) -> Result<Set<'a>, TypeErrors> {
    Walker { schema }.fields(Fields::of_message(id), Some(lhs), Some(rhs))
}

struct Walker<'a> {
    schema: &'a Schema,
}

/// What differs at one place: the place itself, and what lies below it.
#[derive(Default)]
struct Found<'a> {
    marks: Marks,
    children: Set<'a>,
    /// The place is a leaf, or is taken as one.
    leaf: bool,
}

type Side<'a> = Option<&'a Value>;

impl<'a> Walker<'a> {
    fn compare(
        &self,
        kind: Type<'a>,
        lhs: Side<'a>,
        rhs: Side<'a>,
    ) -> Result<Found<'a>, TypeErrors> {
        if let (Some(lhs), Some(rhs)) = (lhs, rhs)
            && std::ptr::eq(lhs, rhs)
        {
            return Ok(Found::default());
        }
        // Where the sides have different forms, both forms are walked.
        let before = if walk::differ(kind, lhs, rhs) {
            self.form(kind.form(lhs), lhs, rhs)?
        } else {
            Found::default()
        };
        let mut found = self.form(kind.form(rhs.or(lhs)), lhs, rhs)?;
        if !found.leaf {
            found.marks = presence(lhs, rhs);
        }
        found.marks |= before.marks;
        found.children = found.children.union(before.children);
        Ok(found)
    }

    fn form(&self, form: Form<'a>, lhs: Side<'a>, rhs: Side<'a>) -> Result<Found<'a>, TypeErrors> {
        match form {
            Form::Scalar(scalar) => scalars(scalar, lhs, rhs),
            Form::Object(fields) => self.objects(fields, lhs, rhs),
            Form::List(items) => self.lists(items, lhs, rhs),
        }
    }

    fn objects(
        &self,
        fields: Fields<'a>,
        lhs: Side<'a>,
        rhs: Side<'a>,
    ) -> Result<Found<'a>, TypeErrors> {
        let (left, right) = (walk::object(lhs), walk::object(rhs));
        let empty = left.is_none_or(|o| o.is_empty()) && right.is_none_or(|o| o.is_empty());
        if fields.atomic || empty {
            return Ok(leaf(lhs, rhs));
        }
        let children = self.fields(fields, left, right)?;
        Ok(Found { children, ..Found::default() })
    }

    fn fields(
        &self,
        fields: Fields<'a>,
        left: Option<&'a Object>,
        right: Option<&'a Object>,
    ) -> Result<Set<'a>, TypeErrors> {
        let mut nodes = Vec::new();
        let mut near = 0;
        walk::zip(left, right, |name, lhs, rhs| {
            let element = Element::Field(name);
            let child = fields.child_near(self.schema, name, &mut near).ok_or_else(|| {
                TypeErrors::one("schema error: no type found matching: inlined type")
                    .within(&element)
            })?;
            let found =
                self.compare(child.kind, lhs, rhs).map_err(|errors| errors.within(&element))?;
            push(&mut nodes, element, found);
            Ok(())
        })?;
        Ok(Set::from_nodes(nodes))
    }

    fn lists(
        &self,
        items: Items<'a>,
        lhs: Side<'a>,
        rhs: Side<'a>,
    ) -> Result<Found<'a>, TypeErrors> {
        let (left, right) = (walk::array(lhs), walk::array(rhs));
        let empty = left.is_none_or(<[_]>::is_empty) && right.is_none_or(<[_]>::is_empty);
        if items.is_atomic() || empty {
            return Ok(leaf(lhs, rhs));
        }
        let left = Keyed::new(self.schema, items, left.unwrap_or_default())?;
        let right = Keyed::new(self.schema, items, right.unwrap_or_default())?;
        let item = items.item(self.schema);
        let mut nodes = Vec::new();
        for group in left.groups() {
            let element = &left.elements[group[0]];
            self.items(
                item,
                element,
                (&left, group),
                (&right, right.positions(element)),
                &mut nodes,
            )?;
        }
        for group in right.groups() {
            let element = &right.elements[group[0]];
            if !left.has(element) {
                self.items(item, element, (&left, &[]), (&right, group), &mut nodes)?;
            }
        }
        Ok(Found { children: Set::from_nodes(nodes), ..Found::default() })
    }

    /// The items of one element on either side. Duplicates are compared as one value.
    fn items(
        &self,
        kind: Type<'a>,
        element: &Element<'a>,
        (left, before): (&Keyed<'a>, &[usize]),
        (right, after): (&Keyed<'a>, &[usize]),
        nodes: &mut Vec<Node<'a>>,
    ) -> Result<(), TypeErrors> {
        let (left, right) = (left.items, right.items);
        let first = |items: &'a [Value], at: &[usize]| at.first().map(|at| &items[*at]);
        let mut one = |lhs: Side<'a>, rhs: Side<'a>, also: Marks| -> Result<(), TypeErrors> {
            let mut found = if lhs.is_some() || rhs.is_some() {
                self.compare(kind, lhs, rhs).map_err(|errors| errors.within(element))?
            } else {
                Found::default()
            };
            found.marks |= also;
            push(nodes, element.clone(), found);
            Ok(())
        };
        match (before.len(), after.len()) {
            (0 | 1, 0 | 1) => one(first(left, before), first(right, after), 0),
            (0 | 1, _) => one(first(left, before), None, CHANGED),
            (_, 0 | 1) => one(None, first(right, after), REMOVED),
            (count, other) => {
                let equal = count == other
                    && before.iter().zip(after).all(|(a, b)| walk::same(&left[*a], &right[*b]));
                if equal { Ok(()) } else { one(None, None, CHANGED) }
            }
        }
    }
}

fn push<'a>(nodes: &mut Vec<Node<'a>>, element: Element<'a>, found: Found<'a>) {
    if found.marks != 0 || !found.children.is_empty() {
        nodes.push(Node { element, marks: found.marks, children: found.children });
    }
}

/// Whether the place itself came or went.
fn presence(lhs: Side<'_>, rhs: Side<'_>) -> Marks {
    match (lhs, rhs) {
        (None, _) => CHANGED,
        (_, None) => REMOVED,
        _ => 0,
    }
}

fn leaf<'a>(lhs: Side<'a>, rhs: Side<'a>) -> Found<'a> {
    let marks = match (lhs, rhs) {
        (Some(lhs), Some(rhs)) if !walk::same(lhs, rhs) => CHANGED,
        _ => presence(lhs, rhs),
    };
    Found { marks, leaf: true, ..Found::default() }
}

fn scalars<'a>(scalar: Scalar, lhs: Side<'a>, rhs: Side<'a>) -> Result<Found<'a>, TypeErrors> {
    // One good side is enough: the other is what replaces it or is replaced.
    if let (Err(mut left), Err(right)) =
        (walk::check_scalar(scalar, lhs, "lhs: "), walk::check_scalar(scalar, rhs, "rhs: "))
    {
        left.push(right);
        return Err(left);
    }
    Ok(leaf(lhs, rhs))
}
