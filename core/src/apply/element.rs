//! [`Element`]: one step of a path to a field, as FieldsV1 writes it (`f:name`, `k:{…}`, `v:…`, `i:0`).
//!
//! Elements borrow their names from the objects and managed fields they are found in. Their order
//! is the one in which FieldsV1 is written: fields, keys, values, indices.

use super::gotext;
use crate::value::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

#[derive(Debug, Clone)]
pub enum Element<'a> {
    /// A field of a struct or a key of a map.
    Field(&'a str),
    /// The item of a list that has these values in its key fields; names are sorted.
    Key(Vec<(Cow<'a, str>, Atom<'a>)>),
    /// The item of a set.
    Value(Atom<'a>),
    /// The item of a list without identity.
    Index(i64),
}

/// A scalar that identifies an item.
#[derive(Debug, Clone)]
pub enum Atom<'a> {
    Float(f64),
    Int(i64),
    Text(Cow<'a, str>),
    Bool(bool),
    /// Lists and objects: never made here, but FieldsV1 may hold them.
    Other(Cow<'a, Value>),
    Null,
}

impl<'a> From<&'a Value> for Atom<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            other => Self::Other(Cow::Borrowed(other)),
        }
    }
}

impl From<Value> for Atom<'static> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Int(number) => Self::Int(number),
            Value::Float(number) => Self::Float(number),
            Value::String(text) => Self::Text(Cow::Owned(text.into_string())),
            other => Self::Other(Cow::Owned(other)),
        }
    }
}

/// Where a kind of atom stands among the others; numbers are compared with each other.
fn rank(atom: &Atom<'_>) -> u8 {
    match atom {
        Atom::Float(_) | Atom::Int(_) => 0,
        Atom::Text(_) => 1,
        Atom::Bool(_) => 2,
        Atom::Other(_) => 3,
        Atom::Null => 4,
    }
}

impl Ord for Atom<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Int(a), Self::Float(b)) => (*a as f64).total_cmp(b),
            (Self::Float(a), Self::Int(b)) => a.total_cmp(&(*b as f64)),
            (Self::Text(a), Self::Text(b)) => a.as_ref().cmp(b.as_ref()),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Other(a), Self::Other(b)) => gotext::json(a).cmp(&gotext::json(b)),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for Atom<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Atom<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Atom<'_> {}

impl Ord for Element<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => a.cmp(b),
            (Self::Value(a), Self::Value(b)) => a.cmp(b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element<'_> {}

/// Text that is not a path element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    #[error("key must be 2 characters long:")]
    Short,
    #[error("missing colon: {0}")]
    NoColon(String),
    #[error("{0}")]
    Malformed(String),
}

impl<'a> Element<'a> {
    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }

    /// Reads the text of FieldsV1; `None` for a type of element that a later version may know.
    pub fn parse(text: &'a str) -> Result<Option<Self>, ElementError> {
        let (Some(kind), Some(colon)) = (text.as_bytes().first(), text.as_bytes().get(1)) else {
            return Err(ElementError::Short);
        };
        if *colon != b':' {
            return Err(ElementError::NoColon(text.to_owned()));
        }
        let malformed = |error: &dyn fmt::Display| ElementError::Malformed(error.to_string());
        let rest = text.get(2..).unwrap_or_default();
        Ok(Some(match kind {
            b'f' => Self::Field(rest),
            b'v' => Self::Value(parse_atom(rest).map_err(|error| malformed(&error))?),
            b'k' => Self::Key(parse_key(rest).map_err(|error| malformed(&error))?),
            b'i' => Self::Index(rest.parse().map_err(|error| malformed(&error))?),
            _ => return Ok(None),
        }))
    }

    /// Writes the text of FieldsV1 at the end of `out`.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Field(name) => {
                out.push_str("f:");
                out.push_str(name);
            }
            Self::Key(fields) => {
                out.push_str("k:{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    gotext::push_json_text(out, name, false);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
            Self::Value(value) => {
                out.push_str("v:");
                value.write(out);
            }
            Self::Index(at) => {
                out.push_str("i:");
                out.push_str(&at.to_string());
            }
        }
    }
}

fn parse_atom(text: &str) -> Result<Atom<'_>, serde_json::Error> {
    // The common case needs no parser: a string without escapes.
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !inner.contains(['"', '\\'])
        && !inner.bytes().any(|byte| byte < 0x20)
    {
        return Ok(Atom::Text(Cow::Borrowed(inner)));
    }
    // What follows the value is not read, as upstream does not.
    let mut parser = serde_json::Deserializer::from_str(text);
    <Value as serde::Deserialize>::deserialize(&mut parser).map(Atom::from)
}

fn parse_key(text: &str) -> Result<Vec<(Cow<'_, str>, Atom<'_>)>, serde_json::Error> {
    if let Some(pair) = parse_single(text) {
        return Ok(vec![pair]);
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = <Value as serde::Deserialize>::deserialize(&mut parser)?;
    let Value::Object(object) = value else {
        return Err(serde::de::Error::custom("expected an object"));
    };
    let mut fields: Vec<(Cow<'_, str>, Atom<'_>)> = object
        .into_iter()
        .map(|(name, value)| (Cow::Owned(name.into_string()), Atom::from(value)))
        .collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(fields)
}

/// `{"name":"c"}` without escapes: what most keys are.
fn parse_single(text: &str) -> Option<(Cow<'_, str>, Atom<'_>)> {
    let inner = text.strip_prefix("{\"")?.strip_suffix("\"}")?;
    let (name, value) = inner.split_once("\":\"")?;
    let plain = |part: &str| !part.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'));
    (plain(name) && plain(value)).then_some((Cow::Borrowed(name), Atom::Text(Cow::Borrowed(value))))
}

impl Atom<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Float(number) => gotext::push_json_float(out, *number),
            Self::Int(number) => out.push_str(&number.to_string()),
            Self::Text(text) => gotext::push_json_text(out, text, true),
            Self::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Other(value) => out.push_str(&gotext::json(value)),
            Self::Null => out.push_str("null"),
        }
    }
}

/// What a person is shown in a conflict.
impl fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(at) => write!(f, "[{at}]"),
        }
    }
}

impl fmt::Display for Atom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(number) => f.write_str(&gotext::float(*number)),
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => f.write_str(&crate::field_error::quoted(text)),
            Self::Bool(flag) => flag.fmt(f),
            Self::Other(value) => f.write_str(&gotext::json(value)),
            Self::Null => f.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let mut out = String::new();
        Element::parse(text).expect("well formed").expect("of a known type").write(&mut out);
        out
    }

    #[test]
    fn texts_survive() {
        for text in [
            "f:spec",
            "f:a/b.c:d",
            "f:",
            r#"k:{"name":"c"}"#,
            r#"k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"k:{"a":1.5,"b":true,"c":null}"#,
            r#"v:"x""#,
            r#"v:"quote\"d""#,
            "v:7",
            "v:false",
            "i:3",
        ] {
            assert_eq!(round(text), text);
        }
    }

    #[test]
    fn texts_become_canonical() {
        assert_eq!(round(r#"k:{ "b": 1, "a": "x" }"#), r#"k:{"a":"x","b":1}"#);
        assert_eq!(round(r#"v:"a&b""#), r#"v:"a\u0026b""#);
    }

    #[test]
    fn unknown_types_are_skipped_and_malformed_texts_refused() {
        assert_eq!(Element::parse("z:what"), Ok(None));
        assert_eq!(Element::parse("f"), Err(ElementError::Short));
        assert!(Element::parse("fx").is_err());
        assert!(Element::parse("i:x").is_err());
        assert!(Element::parse("k:[]").is_err());
        assert!(Element::parse("v:{").is_err());
    }

    #[test]
    fn order_is_that_of_the_written_form() {
        let texts =
            ["f:a", "f:b", r#"k:{"a":1}"#, r#"k:{"a":"x"}"#, "v:2", r#"v:"a""#, "i:0", "i:1"];
        let elements: Vec<_> =
            texts.iter().map(|text| Element::parse(text).expect("ok").expect("known")).collect();
        assert!(elements.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn people_see_paths() {
        let shown = |text| Element::parse(text).expect("ok").expect("known").to_string();
        assert_eq!(shown("f:spec"), ".spec");
        assert_eq!(shown(r#"k:{"name":"c","port":1}"#), r#"[name="c",port=1]"#);
        assert_eq!(shown(r#"v:"a""#), r#"[="a"]"#);
        assert_eq!(shown("i:2"), "[2]");
    }
}
