//! [`Structural`]: a schema of OpenAPI v3 that says of every value what it is (KEP-1002).
//!
//! It is read once from the tree of a definition; what only people read (descriptions, examples)
//! stays behind. The same type stands for the alternatives below `allOf`, `anyOf`, `oneOf` and
//! `not`, which only check.

use super::checks::Checks;
use super::prune;
use crate::schema::ListType;
use crate::value::{Object, Value};

/// The schema of one value.
#[derive(Debug, Default)]
pub struct Structural {
    /// Sorted by name.
    properties: Box<[(Box<str>, Structural)]>,
    pub items: Option<Box<Structural>>,
    pub additional: Additional,
    pub(super) types: Types,
    pub default: Option<Value>,
    pub nullable: bool,
    /// Keeps fields that it does not declare.
    pub preserve: bool,
    /// An object of some kind stands here, with `apiVersion`, `kind` and `metadata`.
    pub embedded: bool,
    pub int_or_string: bool,
    pub list: ListType,
    /// Server-side apply takes the object as one value.
    pub atomic: bool,
    /// A string whose format makes it more than text (anything but `byte`).
    pub formatted: bool,
    pub(super) checks: Option<Box<Checks>>,
    /// `x-kubernetes-validations`, as the definition has them.
    pub rules: Option<Box<Value>>,
    /// What there is here or below, so that a walker can pass by.
    pub(super) below: Below,
    /// Indices of the properties that have a default.
    defaulted: Box<[u16]>,
}

/// What is said of fields that are not declared.
#[derive(Debug, Default)]
pub enum Additional {
    /// Nothing: they are unknown.
    #[default]
    Unsaid,
    /// They may be there, or not.
    Allowed(bool),
    Schema(Box<Structural>),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Below {
    pub defaults: bool,
    /// Lists that are sets or maps.
    pub lists: bool,
    pub embedded: bool,
}

/// A schema that cannot be served. Validation of definitions refuses them all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("a schema must be an object")]
    NotAnObject,
    #[error("OpenAPIV3Schema '{0}' is not supported")]
    Unsupported(&'static str),
    #[error("OpenAPIV3Schema 'items' must be a schema, but is an array")]
    ItemsList,
}

/// The types that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Types(u8);

impl Types {
    pub const STRING: Self = Self(1);
    pub const INTEGER: Self = Self(2);
    pub const NUMBER: Self = Self(4);
    pub const BOOLEAN: Self = Self(8);
    pub const ARRAY: Self = Self(16);
    pub const OBJECT: Self = Self(32);
    pub const INTEGER_OR_STRING: Self = Self(2 | 1);

    fn parse(name: &str) -> Self {
        match name {
            "string" => Self::STRING,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "boolean" => Self::BOOLEAN,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self(0),
        }
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// As errors name them.
    pub fn name(self) -> &'static str {
        match self {
            Self::STRING => "string",
            Self::INTEGER => "integer",
            Self::NUMBER => "number",
            Self::BOOLEAN => "boolean",
            Self::ARRAY => "array",
            Self::OBJECT => "object",
            Self::INTEGER_OR_STRING => "integer,string",
            _ => "",
        }
    }
}

const UNSUPPORTED: [&str; 7] = [
    "id",
    "$schema",
    "$ref",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
];

impl Structural {
    /// Reads `openAPIV3Schema`.
    pub fn load(schema: &Value) -> Result<Self, LoadError> {
        let mut loaded = Self::read(schema)?;
        prune::defaults(&mut loaded);
        Ok(loaded)
    }

    pub(super) fn read(schema: &Value) -> Result<Self, LoadError> {
        let schema = schema.as_object().ok_or(LoadError::NotAnObject)?;
        if let Some(name) = UNSUPPORTED.into_iter().find(|name| is_set(schema, name)) {
            return Err(LoadError::Unsupported(name));
        }
        let int_or_string = flag(schema, "x-kubernetes-int-or-string");
        let types = Types::parse(text(schema, "type"));
        let mut node = Self {
            types: if int_or_string { Types::INTEGER_OR_STRING } else { types },
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            nullable: flag(schema, "nullable"),
            preserve: flag(schema, "x-kubernetes-preserve-unknown-fields"),
            embedded: flag(schema, "x-kubernetes-embedded-resource"),
            int_or_string,
            list: list_type(schema),
            atomic: text(schema, "x-kubernetes-map-type") == "atomic",
            formatted: !matches!(text(schema, "format"), "" | "byte") && types == Types::STRING,
            checks: Checks::read(schema, types, int_or_string)?.map(Box::new),
            rules: schema.get("x-kubernetes-validations").cloned().map(Box::new),
            ..Self::default()
        };
        if let Some(default) = &mut node.default {
            super::settle(default);
        }
        node.read_children(schema)?;
        node.look_below();
        Ok(node)
    }

    fn read_children(&mut self, schema: &Object) -> Result<(), LoadError> {
        self.items = match schema.get("items") {
            None | Some(Value::Null) => None,
            Some(Value::Array(_)) => return Err(LoadError::ItemsList),
            Some(items) => Some(Box::new(Self::read(items)?)),
        };
        self.additional = match schema.get("additionalProperties") {
            None | Some(Value::Null) => Additional::Unsaid,
            Some(Value::Bool(allowed)) => Additional::Allowed(*allowed),
            Some(schema) => Additional::Schema(Box::new(Self::read(schema)?)),
        };
        let declared = schema.get("properties").and_then(Value::as_object);
        let mut properties = Vec::with_capacity(declared.map_or(0, Object::len));
        for (name, schema) in declared.into_iter().flat_map(Object::iter) {
            properties.push((name.into(), Self::read(schema)?));
        }
        properties.sort_by(|(a, _): &(Box<str>, Self), (b, _)| a.cmp(b));
        self.properties = properties.into();
        Ok(())
    }

    /// Notes what walkers look for. Called again when defaults have been pruned.
    pub(super) fn look_below(&mut self) {
        let lists = !matches!(self.list, ListType::Atomic);
        let mut below = Below { defaults: self.default.is_some(), lists, embedded: self.embedded };
        for child in self.children() {
            below.defaults |= child.below.defaults;
            below.lists |= child.below.lists;
            below.embedded |= child.below.embedded;
        }
        self.below = below;
        let properties = self.properties.iter().enumerate();
        let defaulted = properties.filter(|(_, (_, property))| property.default.is_some());
        self.defaulted = defaulted.map(|(at, _)| at as u16).collect();
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let additional = match &self.additional {
            Additional::Schema(schema) => Some(&**schema),
            _ => None,
        };
        let properties = self.properties.iter().map(|(_, property)| property);
        properties.chain(self.items.as_deref()).chain(additional)
    }

    pub(super) fn children_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        let additional = match &mut self.additional {
            Additional::Schema(schema) => Some(&mut **schema),
            _ => None,
        };
        let properties = self.properties.iter_mut().map(|(_, property)| property);
        properties.chain(self.items.as_deref_mut()).chain(additional)
    }

    /// A declared field.
    pub fn property(&self, name: &str) -> Option<&Self> {
        let at = self.properties.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&self.properties[at].1)
    }

    pub fn properties(&self) -> impl ExactSizeIterator<Item = (&str, &Self)> {
        self.properties.iter().map(|(name, property)| (&**name, property))
    }

    /// The properties that have defaults.
    pub(super) fn defaulted(&self) -> impl Iterator<Item = (&str, &Self, &Value)> {
        self.defaulted.iter().filter_map(|at| {
            let (name, property) = &self.properties[*at as usize];
            Some((&**name, property, property.default.as_ref()?))
        })
    }

    /// The schema of fields that are not declared.
    pub fn additional_schema(&self) -> Option<&Self> {
        match &self.additional {
            Additional::Schema(schema) => Some(schema),
            _ => None,
        }
    }

    /// What is said of a field: as declared, or as of any other.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.property(name).or_else(|| self.additional_schema())
    }

    pub fn is_object(&self) -> bool {
        self.types == Types::OBJECT
    }

    pub fn is_array(&self) -> bool {
        self.types == Types::ARRAY
    }

    /// No type is stated, or two are.
    pub fn is_untyped(&self) -> bool {
        self.types.is_empty() || self.int_or_string
    }

    pub fn is_string(&self) -> bool {
        self.types == Types::STRING
    }

    pub fn is_boolean(&self) -> bool {
        self.types == Types::BOOLEAN
    }
}

fn is_set(schema: &Object, name: &str) -> bool {
    match schema.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(object)) => !object.is_empty(),
        Some(_) => true,
    }
}

pub(super) fn flag(schema: &Object, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn text<'s>(schema: &'s Object, name: &str) -> &'s str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list_type(schema: &Object) -> ListType {
    match text(schema, "x-kubernetes-list-type") {
        "set" => ListType::Set,
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys = keys.unwrap_or_default().iter().filter_map(Value::as_str);
            ListType::Map(keys.map(str::to_owned).collect())
        }
        _ => ListType::Atomic,
    }
}
