//! [`Schema`]: the table of facts about every message of the built-in API.
//!
//! The text under `core/schema` (its README describes the form) is compiled in and parsed once, at
//! first use. Messages refer to each other by [`MessageId`], an index, so a walker follows a field
//! without a look-up by name.

mod custom;
mod parse;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use parse::ParseError;

use crate::custom::Structural;

/// The built-in API, v1.36.
pub static BUILT_IN: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse(parse::BUILT_IN_TEXTS).expect("a test parses the compiled-in schema")
});

/// Index of a message in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(u32);

impl MessageId {
    /// Its place among the messages of its schema.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of messages.
#[derive(Debug, Default)]
pub struct Schema {
    messages: Vec<Message>,
    by_name: HashMap<String, MessageId>,
}

/// One message (a Go struct): its fields, by what is asked for.
#[derive(Debug)]
pub struct Message {
    /// Full name, such as `k8s.io.api.core.v1.Pod`.
    pub name: String,
    /// Has `apiVersion` and `kind`.
    pub typed: bool,
    /// Server-side apply takes it as one value, wherever a field does not say otherwise.
    pub atomic: bool,
    /// Keeps fields that it does not declare (`x-kubernetes-preserve-unknown-fields`).
    pub open: bool,
    /// At most one of some fields may be set (`x-kubernetes-unions`).
    pub union: Option<Union>,
    /// Fields in the order in which JSON is written.
    pub fields: Vec<Field>,
    /// Indices of `fields` in the order of their tags, which is how protobuf is written.
    pub by_tag: Vec<u16>,
    /// JSON name → path of field indices: more than one step where messages are inlined.
    by_json: HashMap<String, Box<[u16]>>,
    /// How the message looks in JSON, where that is not an object.
    pub shape: Shape,
    /// What is said of the fields beside `metadata` in a version of a custom resource.
    pub custom: Option<Box<Structural>>,
}

/// Fields of which one is set; the discriminator, if there is one, names it in capitalized form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Union {
    pub discriminator: Option<String>,
    pub fields: Vec<String>,
}

/// Messages that JSON does not show as objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Object,
    /// A message with one repeated field, shown as the list (`Verbs`, `ExtraValue`).
    List,
    /// Raw JSON kept as bytes (apiextensions' `JSON`).
    Json,
    /// A schema, or a boolean (`JSONSchemaPropsOrBool`).
    SchemaOrBool,
    /// A schema, or a list of schemas (`JSONSchemaPropsOrArray`).
    SchemaOrList,
    /// A schema, or a list of strings (`JSONSchemaPropsOrStringArray`).
    SchemaOrStrings,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub tag: u32,
    /// Name in protobuf.
    pub name: String,
    /// Name in JSON; empty for a field that JSON does not show.
    pub json: String,
    pub kind: Kind,
    /// One value, a list or a map.
    pub arity: Arity,
    /// Unset differs from zero (a pointer in Go).
    pub pointer: bool,
    pub omit: Omit,
    pub inline: bool,
    pub required: bool,
    /// JSON text of the static default.
    pub default: Option<String>,
    pub list: ListType,
    /// The list type is stated; without it lists are atomic.
    pub list_stated: bool,
    /// Server-side apply takes the map or message as one value.
    pub atomic: bool,
    /// Server-side apply looks into the message even where the message itself is atomic.
    pub granular: bool,
    pub merge_key: Option<String>,
    pub patch: PatchStrategy,
    /// The feature gate without which the field is dropped.
    pub gate: Option<String>,
    /// Declarative validation.
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    One,
    List,
    /// Keys are strings.
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    String,
    Bool,
    Int32,
    Int64,
    Double,
    Bytes,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    Duration,
    RawExtension,
    FieldsV1,
    Message(MessageId),
}

/// When JSON leaves a field out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omit {
    Never,
    /// Empty strings, zero numbers, false, empty lists and maps, unset pointers; never a message.
    Empty,
    /// The same, and messages that hold nothing.
    Zero,
}

/// Server-side apply's list types (KEP-555).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListType {
    #[default]
    Atomic,
    Set,
    Map(Vec<String>),
}

/// Strategic merge patch's strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatchStrategy {
    pub merge: bool,
    pub replace: bool,
    pub retain_keys: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Immutable,
    Minimum(i64),
    Maximum(i64),
    ItemsMax(u64),
    SizeMaxBytes(u64),
    Format(String),
}

impl Schema {
    /// The message of a full name.
    pub fn find(&self, name: &str) -> Option<MessageId> {
        self.by_name.get(name).copied()
    }

    pub fn message(&self, id: MessageId) -> &Message {
        &self.messages[id.0 as usize]
    }

    /// The field that JSON shows under a name in an object of a message, through inlined messages.
    pub fn field(&self, id: MessageId, json: &str) -> Option<&Field> {
        let mut message = self.message(id);
        let (last, through) = message.json_path(json)?.split_last()?;
        for at in through {
            let Kind::Message(inner) = message.fields[*at as usize].kind else { return None };
            message = self.message(inner);
        }
        Some(&message.fields[*last as usize])
    }

    pub fn messages(&self) -> impl Iterator<Item = (MessageId, &Message)> {
        self.messages.iter().enumerate().map(|(at, message)| (MessageId(at as u32), message))
    }
}

impl Message {
    /// Indices of the fields that lead to a JSON name: the last is the field itself, those before
    /// it the inlined messages around it.
    pub fn json_path(&self, json: &str) -> Option<&[u16]> {
        self.by_json.get(json).map(AsRef::as_ref)
    }

    pub fn field_by_tag(&self, tag: u32) -> Option<&Field> {
        let at = self.by_tag.binary_search_by_key(&tag, |at| self.fields[*at as usize].tag).ok()?;
        Some(&self.fields[self.by_tag[at] as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_inlined_fields_by_their_json_names() {
        let volume = BUILT_IN.message(BUILT_IN.find("k8s.io.api.core.v1.Volume").expect("Volume"));
        assert_eq!(volume.json_path("name").map(<[u16]>::len), Some(1));
        let path = volume.json_path("configMap").expect("inlined through volumeSource");
        assert_eq!(path.len(), 2);
        assert_eq!(volume.fields[path[0] as usize].name, "volumeSource");
        assert!(volume.json_path("volumeSource").is_none());
    }

    #[test]
    fn knows_how_lists_merge() {
        let id = BUILT_IN.find("k8s.io.api.core.v1.Container").expect("Container");
        let ports = BUILT_IN.message(id).field_by_tag(6).expect("ports");
        assert_eq!(ports.list, ListType::Map(vec!["containerPort".into(), "protocol".into()]));
        assert_eq!(ports.merge_key.as_deref(), Some("containerPort"));
        assert!(ports.patch.merge);
    }

    #[test]
    fn json_order_is_not_tag_order() {
        let id = BUILT_IN.find("k8s.io.api.core.v1.Container").expect("Container");
        let container = BUILT_IN.message(id);
        let at = |name: &str| container.fields.iter().position(|f| f.name == name).expect("field");
        assert!(at("envFrom") < at("env"));
        assert!(container.by_tag.windows(2).all(|pair| {
            container.fields[pair[0] as usize].tag < container.fields[pair[1] as usize].tag
        }));
    }
}
