//! Reads the text form of the schema.

use super::{
    Arity, Field, Kind, ListType, Message, MessageId, Omit, PatchStrategy, Rule, Schema, Shape,
    Union,
};
use std::collections::HashMap;

include!("texts.in");

/// A text that is not a schema. Compiled-in texts cannot cause it: a test parses them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema: {message}: {line:?}")]
pub struct ParseError {
    message: &'static str,
    line: String,
}

fn error(message: &'static str, line: &str) -> ParseError {
    ParseError { message, line: line.to_owned() }
}

/// A message whose fields still name their types.
struct Draft<'t> {
    package: &'t str,
    name: &'t str,
    typed: bool,
    atomic: bool,
    open: bool,
    union: Option<Union>,
    lines: Vec<&'t str>,
}

impl Schema {
    /// Parses one or more texts that may refer to each other.
    pub fn parse(texts: &[&str]) -> Result<Self, ParseError> {
        let mut drafts = Vec::new();
        for text in texts {
            read_drafts(text, &mut drafts)?;
        }
        let mut schema = Self::default();
        for (at, draft) in drafts.iter().enumerate() {
            let name = format!("{}.{}", draft.package, draft.name);
            schema.by_name.insert(name, MessageId(at as u32));
        }
        for draft in &drafts {
            let message = schema.complete(draft)?;
            schema.messages.push(message);
        }
        for at in 0..schema.messages.len() {
            let by_json = schema.json_names(MessageId(at as u32));
            schema.messages[at].by_json = by_json;
        }
        Ok(schema)
    }

    fn complete(&self, draft: &Draft<'_>) -> Result<Message, ParseError> {
        let fields = draft.lines.iter().map(|line| self.read_field(draft.package, line));
        let fields: Vec<Field> = fields.collect::<Result<_, _>>()?;
        let mut by_tag: Vec<u16> = (0..fields.len() as u16).collect();
        by_tag.sort_by_key(|at| fields[*at as usize].tag);
        Ok(Message {
            name: format!("{}.{}", draft.package, draft.name),
            typed: draft.typed,
            atomic: draft.atomic,
            open: draft.open,
            union: draft.union.clone(),
            shape: shape(draft.name, &fields),
            fields,
            by_tag,
            by_json: HashMap::new(),
            custom: None,
        })
    }

    fn read_field(&self, package: &str, line: &str) -> Result<Field, ParseError> {
        let mut words = line.split_ascii_whitespace();
        let tag = words.next().and_then(|word| word.parse().ok());
        let (Some(tag), Some(name), Some(mut kind)) = (tag, words.next(), words.next()) else {
            return Err(error("a field needs a tag, a name and a type", line));
        };
        let pointer = kind.strip_prefix('*').inspect(|rest| kind = rest).is_some();
        let arity = if let Some(rest) = kind.strip_prefix("[]") {
            kind = rest;
            Arity::List
        } else if let Some(rest) = kind.strip_prefix("map[").and_then(|r| r.strip_suffix(']')) {
            kind = rest;
            Arity::Map
        } else {
            Arity::One
        };
        let mut field = Field {
            tag,
            name: name.to_owned(),
            json: name.to_owned(),
            kind: self.kind(package, kind).ok_or_else(|| error("unknown type", line))?,
            arity,
            pointer,
            omit: Omit::Never,
            inline: false,
            required: false,
            default: None,
            list: ListType::Atomic,
            list_stated: false,
            atomic: false,
            granular: false,
            merge_key: None,
            patch: PatchStrategy::default(),
            gate: None,
            rules: Vec::new(),
        };
        for word in words {
            attribute(&mut field, word).ok_or_else(|| error("unknown attribute", line))?;
        }
        Ok(field)
    }

    fn kind(&self, package: &str, name: &str) -> Option<Kind> {
        Some(match name {
            "string" => Kind::String,
            "bool" => Kind::Bool,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "double" => Kind::Double,
            "bytes" => Kind::Bytes,
            "Quantity" => Kind::Quantity,
            "IntOrString" => Kind::IntOrString,
            "Time" => Kind::Time,
            "MicroTime" => Kind::MicroTime,
            "Duration" => Kind::Duration,
            "RawExtension" => Kind::RawExtension,
            "FieldsV1" => Kind::FieldsV1,
            _ if name.contains('.') => Kind::Message(self.find(name)?),
            _ => Kind::Message(self.find(&format!("{package}.{name}"))?),
        })
    }

    fn json_names(&self, id: MessageId) -> HashMap<String, Box<[u16]>> {
        let mut names = HashMap::new();
        for (at, field) in self.message(id).fields.iter().enumerate() {
            let at = at as u16;
            match field.kind {
                Kind::Message(inner) if field.inline => {
                    for (name, path) in self.json_names(inner) {
                        names.insert(name, [&[at], path.as_ref()].concat().into_boxed_slice());
                    }
                }
                _ if field.json.is_empty() => {}
                _ => {
                    names.insert(field.json.clone(), Box::from([at]));
                }
            }
        }
        names
    }
}

fn read_drafts<'t>(text: &'t str, drafts: &mut Vec<Draft<'t>>) -> Result<(), ParseError> {
    let mut package = "";
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("package ") {
            package = name;
        } else if let Some(rest) = line.strip_prefix("message ") {
            drafts.push(head(package, rest).ok_or_else(|| error("unknown attribute", line))?);
        } else {
            let draft = drafts.last_mut().ok_or_else(|| error("a field before a message", line))?;
            draft.lines.push(line);
        }
    }
    Ok(())
}

/// `Deployment typed`: the name of a message, and what is said of the whole.
fn head<'t>(package: &'t str, text: &'t str) -> Option<Draft<'t>> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next()?;
    let (mut typed, mut atomic, mut open, mut one_of) = (false, false, false, None);
    for word in words {
        match word {
            "typed" => typed = true,
            "atomic" => atomic = true,
            "open" => open = true,
            _ => one_of = Some(union(word.strip_prefix("union=")?)?),
        }
    }
    Some(Draft { package, name, typed, atomic, open, union: one_of, lines: Vec::new() })
}

/// `type:a,b`, or `:a,b` without a discriminator.
fn union(text: &str) -> Option<Union> {
    let (discriminator, fields) = text.split_once(':')?;
    Some(Union {
        discriminator: (!discriminator.is_empty()).then(|| discriminator.to_owned()),
        fields: fields.split(',').map(str::to_owned).collect(),
    })
}

/// Takes one attribute in; `None` if there is none of that name or value.
fn attribute(field: &mut Field, word: &str) -> Option<()> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    match name {
        "omitempty" if field.omit == Omit::Never => field.omit = Omit::Empty,
        "omitempty" => {}
        "omitzero" => field.omit = Omit::Zero,
        "inline" => field.inline = true,
        "required" => field.required = true,
        "json" => field.json = if value == "-" { String::new() } else { value.to_owned() },
        "default" => field.default = Some(value.to_owned()),
        "list" => {
            field.list = list_type(value)?;
            field.list_stated = true;
        }
        "map" | "struct" => {
            field.atomic = value == "atomic";
            field.granular = value == "granular";
        }
        "mergeKey" => field.merge_key = Some(value.to_owned()),
        "patch" => {
            field.patch.merge = value.split(',').any(|one| one == "merge");
            field.patch.replace = value.split(',').any(|one| one == "replace");
            field.patch.retain_keys = value.split(',').any(|one| one == "retainKeys");
        }
        "gate" => field.gate = Some(value.to_owned()),
        "immutable" => field.rules.push(Rule::Immutable),
        "minimum" => field.rules.push(Rule::Minimum(value.parse().ok()?)),
        "maximum" => field.rules.push(Rule::Maximum(value.parse().ok()?)),
        "maxItems" => field.rules.push(Rule::ItemsMax(value.parse().ok()?)),
        "maxBytes" => field.rules.push(Rule::SizeMaxBytes(value.parse().ok()?)),
        "format" => field.rules.push(Rule::Format(value.to_owned())),
        _ => return None,
    }
    Some(())
}

fn list_type(value: &str) -> Option<ListType> {
    Some(match value {
        "atomic" => ListType::Atomic,
        "set" => ListType::Set,
        _ => {
            let keys = value.strip_prefix("map(")?.strip_suffix(')')?;
            ListType::Map(keys.split(',').map(str::to_owned).collect())
        }
    })
}

fn shape(name: &str, fields: &[Field]) -> Shape {
    match name {
        "JSON" => Shape::Json,
        "JSONSchemaPropsOrBool" => Shape::SchemaOrBool,
        "JSONSchemaPropsOrArray" => Shape::SchemaOrList,
        "JSONSchemaPropsOrStringArray" => Shape::SchemaOrStrings,
        _ => match fields {
            [only] if only.name == "items" && only.arity == Arity::List => match name {
                "Verbs" | "ExtraValue" => Shape::List,
                _ => Shape::Object,
            },
            _ => Shape::Object,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_schema_parses() {
        let schema = Schema::parse(BUILT_IN_TEXTS).expect("the schema is well formed");
        assert!(schema.messages().count() > 1_200);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let parse = |text| Schema::parse(&[text]).expect_err("malformed").to_string();
        assert_eq!(parse("1 a string"), "schema: a field before a message: \"1 a string\"");
        let unknown = "package p\nmessage M\n1 a Nothing";
        assert_eq!(parse(unknown), "schema: unknown type: \"1 a Nothing\"");
        let attribute = "package p\nmessage M\n1 a string odd";
        assert_eq!(parse(attribute), "schema: unknown attribute: \"1 a string odd\"");
    }
}
