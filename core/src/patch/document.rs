//! Patch documents: JSON of no kind, with the fields that are given twice.

use crate::value::{ObjectBuilder, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write as _};

/// How many duplicates are told.
const DUPLICATES_MAX: usize = 100;

/// A document, and the paths of fields that are given twice; of those the last counts.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// `spec.replicas`, `[0].op`.
    pub(super) duplicates: Vec<String>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Document, serde_json::Error> {
    let mut reader = Reader { path: Vec::new(), duplicates: Vec::new() };
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&mut reader).deserialize(&mut parser)?;
    parser.end()?;
    Ok(Document { value, duplicates: reader.duplicates })
}

struct Reader {
    path: Vec<Step>,
    duplicates: Vec<String>,
}

enum Step {
    Field(Box<str>),
    Item(usize),
}

impl Reader {
    fn duplicate(&mut self) {
        if self.duplicates.len() >= DUPLICATES_MAX {
            return;
        }
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    let _ = write!(text, "{dot}{name}");
                }
                Step::Item(at) => {
                    let _ = write!(text, "[{at}]");
                }
            }
        }
        self.duplicates.push(text);
    }
}

struct Seed<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.0.path.push(Step::Item(items.len()));
            let item = seq.next_element_seed(Seed(&mut *self.0))?;
            self.0.path.pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = ObjectBuilder::default();
        while let Some(name) = map.next_key::<String>()? {
            let name: Box<str> = name.into();
            self.0.path.push(Step::Field(name.clone()));
            let value = map.next_value_seed(Seed(&mut *self.0))?;
            if object.set(name, value) {
                self.0.duplicate();
            }
            self.0.path.pop();
        }
        Ok(Value::Object(object.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_given_twice() {
        let text = br#"{"a":{"b":1,"c":[{"d":1,"d":2}],"b":3},"a":1}"#;
        let document = parse(text).expect("valid JSON");
        assert_eq!(document.duplicates, ["a.c[0].d", "a.b", "a"]);
        assert_eq!(document.value.get("a"), Some(&Value::Int(1)));
    }

    #[test]
    fn depth_is_bounded_and_what_follows_refused() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse(b"{} {}").is_err());
    }
}
