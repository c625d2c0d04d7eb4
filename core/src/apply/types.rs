//! [`Type`]: what may stand at a place of an object, as server-side apply sees it (the schema of
//! structured-merge-diff, read off the schema table while walking).

use crate::codec::normal;
use crate::custom::{Additional, Structural};
use crate::schema::{Arity, Field, Kind, ListType, MessageId, Omit, Schema, Shape};
use crate::value::Value;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Type<'s> {
    Scalar(Scalar),
    Struct {
        id: MessageId,
        atomic: bool,
    },
    Map {
        field: &'s Field,
        atomic: bool,
    },
    List {
        field: &'s Field,
    },
    /// What the schema of a custom resource says; `open`: fields that it does not declare may be
    /// there, as around it.
    Structural {
        node: &'s Structural,
        open: bool,
    },
    /// Any value, owned as one.
    Untyped,
    /// Any value: objects are owned by their fields, everything else as one.
    Deduced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    String,
    Number,
    Bool,
    Any,
}

/// Which of its forms a type has for a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'s> {
    Scalar(Scalar),
    Object(Fields<'s>),
    List(Items<'s>),
}

/// An object's form: its fields, and whether it is one value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'s> {
    pub(crate) atomic: bool,
    of: FieldsOf<'s>,
}

#[derive(Debug, Clone, Copy)]
enum FieldsOf<'s> {
    Message(MessageId),
    Structural { node: &'s Structural, open: bool },
    Items(&'s Field),
    Untyped,
    Deduced,
}

/// A list's form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'s> {
    of: ItemsOf<'s>,
}

/// How items are told apart, and of what type they are.
#[derive(Debug, Clone, Copy)]
enum ItemsOf<'s> {
    Field(&'s Field),
    Structural { node: &'s Structural, open: bool },
    Untyped,
}

impl<'s> Type<'s> {
    pub(crate) fn root(id: MessageId) -> Self {
        Self::Struct { id, atomic: false }
    }

    pub(crate) fn of_field(schema: &'s Schema, field: &'s Field) -> Self {
        match field.arity {
            Arity::One => match Self::of_item(schema, field) {
                Self::Struct { id, atomic } => {
                    Self::Struct { id, atomic: (atomic || field.atomic) && !field.granular }
                }
                other => other,
            },
            Arity::List => Self::List { field },
            Arity::Map => Self::Map { field, atomic: field.atomic },
        }
    }

    /// The type of the items of a list or map.
    fn of_item(schema: &'s Schema, field: &'s Field) -> Self {
        match field.kind {
            Kind::String | Kind::Bytes | Kind::Duration => Self::Scalar(Scalar::String),
            Kind::Bool => Self::Scalar(Scalar::Bool),
            Kind::Int32 | Kind::Int64 | Kind::Double => Self::Scalar(Scalar::Number),
            Kind::Quantity | Kind::IntOrString | Kind::Time | Kind::MicroTime => {
                Self::Scalar(Scalar::Any)
            }
            Kind::RawExtension => Self::Untyped,
            Kind::FieldsV1 => Self::Deduced,
            Kind::Message(id) => {
                let message = schema.message(id);
                match message.shape {
                    Shape::Object if message.fields.is_empty() && !message.typed => Self::Deduced,
                    Shape::Object => Self::Struct { id, atomic: message.atomic },
                    Shape::List => Self::List { field: &message.fields[0] },
                    _ => Self::Deduced,
                }
            }
        }
    }

    /// The one form that fits the value; where none fits, the form in which it is to be checked.
    /// Null fits every form, and takes the first of them.
    pub(crate) fn form(self, value: Option<&Value>) -> Form<'s> {
        match self {
            Self::Scalar(scalar) => Form::Scalar(scalar),
            Self::Struct { id, atomic } => {
                Form::Object(Fields { atomic, of: FieldsOf::Message(id) })
            }
            Self::Map { field, atomic } => {
                Form::Object(Fields { atomic, of: FieldsOf::Items(field) })
            }
            Self::List { field } => Form::List(Items { of: ItemsOf::Field(field) }),
            Self::Structural { node, open } => structural(node, open, value),
            Self::Untyped => any(value, Fields { atomic: true, of: FieldsOf::Untyped }),
            Self::Deduced => any(value, Fields { atomic: false, of: FieldsOf::Deduced }),
        }
    }

    /// Whether values of these two kinds have different forms here.
    pub(crate) fn differ(self, lhs: &Value, rhs: &Value) -> bool {
        let many = match self {
            Self::Untyped | Self::Deduced => true,
            Self::Structural { node, .. } => node.is_untyped(),
            _ => false,
        };
        many && class(lhs) != class(rhs)
    }
}

fn any<'s>(value: Option<&Value>, fields: Fields<'s>) -> Form<'s> {
    match value {
        None | Some(Value::Null | Value::Object(_)) => Form::Object(fields),
        Some(Value::Array(_)) => Form::List(Items { of: ItemsOf::Untyped }),
        Some(_) => Form::Scalar(Scalar::Any),
    }
}

/// The form of a custom resource's value: by its type, and where there is none by the value.
fn structural<'s>(node: &'s Structural, open: bool, value: Option<&Value>) -> Form<'s> {
    let open = open || node.preserve;
    let fields = Fields { atomic: node.atomic, of: FieldsOf::Structural { node, open } };
    let items = Items { of: ItemsOf::Structural { node, open } };
    if node.is_untyped() {
        return match value {
            None | Some(Value::Null | Value::Object(_)) => Form::Object(fields),
            Some(Value::Array(_)) => Form::List(items),
            Some(_) => Form::Scalar(Scalar::Any),
        };
    }
    match () {
        () if node.is_object() => Form::Object(fields),
        () if node.is_array() => Form::List(items),
        () if node.formatted => Form::Scalar(Scalar::Any),
        () if node.is_string() => Form::Scalar(Scalar::String),
        () if node.is_boolean() => Form::Scalar(Scalar::Bool),
        () => Form::Scalar(Scalar::Number),
    }
}

fn class(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Object(_) => 1,
        Value::Array(_) => 2,
        _ => 3,
    }
}

/// What an object's form says of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child<'s> {
    pub(crate) kind: Type<'s>,
    /// A field of a struct, not an entry of a map.
    pub(crate) declared: bool,
}

/// A field that an open message does not declare.
const UNKNOWN: Child<'static> = Child { kind: Type::Deduced, declared: false };

impl<'s> Fields<'s> {
    /// The whole object of a kind.
    pub(crate) fn of_message(id: MessageId) -> Self {
        Self { atomic: false, of: FieldsOf::Message(id) }
    }

    /// `None`: there is no such field.
    pub(crate) fn child(self, schema: &'s Schema, name: &str) -> Option<Child<'s>> {
        self.child_near(schema, name, &mut 0)
    }

    /// The same, for names that come in the order of the declaration: `near` is where to look.
    pub(crate) fn child_near(
        self,
        schema: &'s Schema,
        name: &str,
        near: &mut usize,
    ) -> Option<Child<'s>> {
        let entry = |kind| Some(Child { kind, declared: false });
        match self.of {
            FieldsOf::Structural { node, open } => member(schema, node, open, name),
            FieldsOf::Message(id) if schema.message(id).custom.is_some() => {
                let node = schema.message(id).custom.as_deref()?;
                let own = declared(schema, id, name, near);
                own.map(|kind| Child { kind, declared: true })
                    .or_else(|| member(schema, node, node.preserve, name))
            }
            FieldsOf::Message(id) => declared(schema, id, name, near)
                .map(|kind| Child { kind, declared: true })
                .or(schema.message(id).open.then_some(UNKNOWN)),
            FieldsOf::Items(field) => entry(Type::of_item(schema, field)),
            FieldsOf::Untyped => entry(Type::Untyped),
            FieldsOf::Deduced => entry(Type::Deduced),
        }
    }

    /// An object of which nothing is declared: managed fields cannot go out of step with it.
    pub(crate) fn is_deduced(self) -> bool {
        match self.of {
            FieldsOf::Deduced => true,
            FieldsOf::Structural { node, .. } => is_free(node),
            _ => false,
        }
    }
}

/// Nothing at all is said of the fields of a custom resource's object.
fn is_free(node: &Structural) -> bool {
    let unsaid = matches!(node.additional, Additional::Unsaid | Additional::Allowed(true));
    unsaid && node.properties().len() == 0 && !node.embedded && !node.atomic
}

/// A field of an object of a custom resource.
fn member<'s>(
    schema: &'s Schema,
    node: &'s Structural,
    open: bool,
    name: &str,
) -> Option<Child<'s>> {
    if node.embedded && matches!(name, "apiVersion" | "kind") {
        return Some(Child { kind: Type::Scalar(Scalar::String), declared: true });
    }
    if node.embedded
        && name == "metadata"
        && let Some(id) = schema.find("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    {
        return Some(Child { kind: Type::Struct { id, atomic: false }, declared: true });
    }
    if let Some(node) = node.property(name) {
        return Some(Child { kind: Type::Structural { node, open }, declared: true });
    }
    match &node.additional {
        Additional::Schema(node) => {
            Some(Child { kind: Type::Structural { node, open }, declared: false })
        }
        Additional::Allowed(true) => Some(UNKNOWN),
        Additional::Allowed(false) => None,
        Additional::Unsaid => (open || node.properties().len() == 0).then_some(UNKNOWN),
    }
}

fn declared<'s>(
    schema: &'s Schema,
    id: MessageId,
    name: &str,
    near: &mut usize,
) -> Option<Type<'s>> {
    let message = schema.message(id);
    for (at, field) in message.fields.iter().enumerate().skip(*near) {
        if field.inline {
            break;
        }
        if field.json == name {
            *near = at + 1;
            return Some(Type::of_field(schema, field));
        }
    }
    if message.typed && matches!(name, "apiVersion" | "kind") {
        return Some(Type::Scalar(Scalar::String));
    }
    schema.field(id, name).map(|field| Type::of_field(schema, field))
}

impl<'s> Items<'s> {
    fn list_type(self) -> Option<&'s ListType> {
        match self.of {
            ItemsOf::Field(field) => Some(&field.list),
            ItemsOf::Structural { node, .. } => Some(&node.list),
            ItemsOf::Untyped => None,
        }
    }

    pub(crate) fn is_atomic(self) -> bool {
        self.list_type().is_none_or(|list| *list == ListType::Atomic)
    }

    /// The key fields of a list that is a map; empty for a set.
    pub(crate) fn keys(self) -> &'s [String] {
        match self.list_type() {
            Some(ListType::Map(keys)) => keys,
            _ => &[],
        }
    }

    pub(crate) fn item(self, schema: &'s Schema) -> Type<'s> {
        match self.of {
            ItemsOf::Field(field) => Type::of_item(schema, field),
            ItemsOf::Structural { node, open } => match node.items.as_deref() {
                Some(node) => Type::Structural { node, open },
                None => Type::Untyped,
            },
            ItemsOf::Untyped => Type::Untyped,
        }
    }

    /// The value that a key field has where an item leaves it out.
    pub(crate) fn key_default(self, schema: &'s Schema, key: &str) -> Option<Value> {
        let id = match self.item(schema) {
            Type::Struct { id, .. } => id,
            Type::Structural { node, .. } => return node.property(key)?.default.clone(),
            _ => return None,
        };
        let field = schema.field(id, key)?;
        if let Some(text) = &field.default {
            return serde_json::from_str(text).ok();
        }
        let scalar = matches!(
            field.kind,
            Kind::String | Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Double
        );
        let zero = field.omit == Omit::Never && !field.pointer && field.arity == Arity::One;
        (scalar && zero).then(|| normal::zero(schema, field.kind))
    }
}
