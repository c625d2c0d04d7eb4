//! OpenAPI documents in protobuf, as gnostic's messages (`openapi.v2.Document`,
//! `openapi.v3.Document`) lay them out: the form in which older clients ask for version 2, and
//! `kubectl` for version 3.
//!
//! A document in JSON is walked along a table of messages; what the table does not name and does not
//! begin with `x-` is left out.

use crate::document::Document;
use crate::value::Value;

/// A message: its fields by their JSON names, and the tag of its extensions (zero for none).
struct Message {
    fields: &'static [(&'static str, u32, Type)],
    extensions: u32,
}

/// How a JSON value becomes a field.
enum Type {
    Text,
    Flag,
    Int,
    Double,
    /// Any JSON, as text: YAML reads it.
    Any,
    Message(&'static Message),
    /// Each element of a list.
    List(&'static Type),
    /// A message with one field, which holds the value.
    Wrap(u32, &'static Type),
    /// A message of entries with a name (1) and a value (2).
    Map(u32, &'static Type),
    /// A message with one of several fields; the value decides.
    Choice(fn(&Value) -> Option<(u32, &'static Type)>),
}

pub(super) fn v2(document: &Value) -> Vec<u8> {
    encode(&V2_DOCUMENT, document)
}

pub(super) fn v3(document: &Value) -> Vec<u8> {
    encode(&V3_DOCUMENT, document)
}

/// The tree of a document that was made from one.
pub(super) fn reread(json: &Document) -> Value {
    serde_json::from_slice(&json.bytes).expect("a document is JSON")
}

fn encode(message: &Message, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(object) = value.as_object() else { return out };
    for (name, tag, kind) in message.fields {
        if let Some(value) = object.get(name) {
            field(*tag, kind, value, &mut out);
        }
    }
    for (name, value) in object.iter().filter(|(name, _)| name.starts_with("x-")) {
        if message.extensions != 0 {
            bytes(message.extensions, &named(name, &Type::Any, value), &mut out);
        }
    }
    out
}

fn field(tag: u32, kind: &Type, value: &Value, out: &mut Vec<u8>) {
    match (kind, value) {
        (Type::Text, Value::String(text)) => bytes(tag, text.as_bytes(), out),
        (Type::Flag, Value::Bool(flag)) => {
            key(tag, 0, out);
            out.push(u8::from(*flag));
        }
        (Type::Int, Value::Int(number)) => {
            key(tag, 0, out);
            varint(*number as u64, out);
        }
        (Type::Double, Value::Int(number)) => double(tag, *number as f64, out),
        (Type::Double, Value::Float(number)) => double(tag, *number, out),
        (Type::Any, value) => {
            let mut text = serde_json::to_vec(value).expect("a tree serializes");
            text.push(b'\n');
            let mut any = Vec::with_capacity(text.len() + 4);
            bytes(2, &text, &mut any);
            bytes(tag, &any, out);
        }
        (Type::Message(message), value) => bytes(tag, &encode(message, value), out),
        (Type::List(kind), Value::Array(items)) => {
            for item in items {
                field(tag, kind, item, out);
            }
        }
        (Type::Wrap(inner, kind), value) => {
            let mut body = Vec::new();
            field(*inner, kind, value, &mut body);
            bytes(tag, &body, out);
        }
        (Type::Map(entry, kind), Value::Object(object)) => {
            let mut body = Vec::new();
            for (name, value) in object.iter() {
                bytes(*entry, &named(name, kind, value), &mut body);
            }
            bytes(tag, &body, out);
        }
        (Type::Choice(choose), value) => {
            if let Some((inner, kind)) = choose(value) {
                let mut body = Vec::new();
                field(inner, kind, value, &mut body);
                bytes(tag, &body, out);
            }
        }
        _ => {}
    }
}

fn named(name: &str, kind: &Type, value: &Value) -> Vec<u8> {
    let mut entry = Vec::new();
    bytes(1, name.as_bytes(), &mut entry);
    field(2, kind, value, &mut entry);
    entry
}

fn bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    key(tag, 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn double(tag: u32, number: f64, out: &mut Vec<u8>) {
    key(tag, 1, out);
    out.extend_from_slice(&number.to_le_bytes());
}

fn key(tag: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(tag << 3 | wire), out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn is_reference(value: &Value) -> bool {
    value.get("$ref").is_some()
}

const TEXTS: Type = Type::List(&Type::Text);

static V2_DOCUMENT: Message = Message {
    fields: &[
        ("swagger", 1, Type::Text),
        ("info", 2, Type::Message(&V2_INFO)),
        ("paths", 8, Type::Map(2, &Type::Message(&V2_PATH))),
        ("definitions", 9, Type::Map(1, &Type::Message(&V2_SCHEMA))),
        ("parameters", 10, Type::Map(1, &V2_PARAMETER)),
        ("security", 12, Type::List(&Type::Map(1, &Type::Wrap(1, &TEXTS)))),
        ("securityDefinitions", 13, Type::Map(1, &Type::Wrap(2, &Type::Message(&V2_API_KEY)))),
    ],
    extensions: 16,
};

static V2_INFO: Message =
    Message { fields: &[("title", 1, Type::Text), ("version", 2, Type::Text)], extensions: 7 };

static V2_API_KEY: Message = Message {
    fields: &[
        ("type", 1, Type::Text),
        ("name", 2, Type::Text),
        ("in", 3, Type::Text),
        ("description", 4, Type::Text),
    ],
    extensions: 5,
};

static V2_PATH: Message = Message {
    fields: &[
        ("get", 2, Type::Message(&V2_OPERATION)),
        ("put", 3, Type::Message(&V2_OPERATION)),
        ("post", 4, Type::Message(&V2_OPERATION)),
        ("delete", 5, Type::Message(&V2_OPERATION)),
        ("options", 6, Type::Message(&V2_OPERATION)),
        ("head", 7, Type::Message(&V2_OPERATION)),
        ("patch", 8, Type::Message(&V2_OPERATION)),
        ("parameters", 9, Type::List(&V2_PARAMETER_OR_REFERENCE)),
    ],
    extensions: 10,
};

static V2_OPERATION: Message = Message {
    fields: &[
        ("tags", 1, TEXTS),
        ("description", 3, Type::Text),
        ("operationId", 5, Type::Text),
        ("produces", 6, TEXTS),
        ("consumes", 7, TEXTS),
        ("parameters", 8, Type::List(&V2_PARAMETER_OR_REFERENCE)),
        ("responses", 9, Type::Map(1, &Type::Wrap(1, &Type::Message(&V2_RESPONSE)))),
        ("schemes", 10, TEXTS),
    ],
    extensions: 13,
};

static V2_PARAMETER_OR_REFERENCE: Type = Type::Choice(|value| {
    Some(if is_reference(value) { (2, &REFERENCE) } else { (1, &V2_PARAMETER) })
});

static REFERENCE: Type =
    Type::Message(&Message { fields: &[("$ref", 1, Type::Text)], extensions: 0 });

static V2_PARAMETER: Type = Type::Choice(|value| {
    let body = value.get("in").and_then(Value::as_str) == Some("body");
    Some(if body { (1, &V2_BODY) } else { (2, &V2_NON_BODY) })
});

static V2_BODY: Type = Type::Message(&Message {
    fields: &[
        ("description", 1, Type::Text),
        ("name", 2, Type::Text),
        ("in", 3, Type::Text),
        ("required", 4, Type::Flag),
        ("schema", 5, Type::Message(&V2_SCHEMA)),
    ],
    extensions: 6,
});

static V2_NON_BODY: Type = Type::Choice(|value| {
    let path = value.get("in").and_then(Value::as_str) == Some("path");
    Some(if path { (4, &V2_IN_PATH) } else { (3, &V2_IN_QUERY) })
});

static V2_IN_PATH: Type = Type::Message(&Message {
    fields: &[
        ("required", 1, Type::Flag),
        ("in", 2, Type::Text),
        ("description", 3, Type::Text),
        ("name", 4, Type::Text),
        ("type", 5, Type::Text),
        ("uniqueItems", 19, Type::Flag),
    ],
    extensions: 22,
});

static V2_IN_QUERY: Type = Type::Message(&Message {
    fields: &[
        ("required", 1, Type::Flag),
        ("in", 2, Type::Text),
        ("description", 3, Type::Text),
        ("name", 4, Type::Text),
        ("type", 6, Type::Text),
        ("uniqueItems", 20, Type::Flag),
    ],
    extensions: 23,
});

static V2_RESPONSE: Message = Message {
    fields: &[
        ("description", 1, Type::Text),
        ("schema", 2, Type::Wrap(1, &Type::Message(&V2_SCHEMA))),
    ],
    extensions: 5,
};

static V2_SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Type::Text),
        ("format", 2, Type::Text),
        ("title", 3, Type::Text),
        ("description", 4, Type::Text),
        ("default", 5, Type::Any),
        ("multipleOf", 6, Type::Double),
        ("maximum", 7, Type::Double),
        ("exclusiveMaximum", 8, Type::Flag),
        ("minimum", 9, Type::Double),
        ("exclusiveMinimum", 10, Type::Flag),
        ("maxLength", 11, Type::Int),
        ("minLength", 12, Type::Int),
        ("pattern", 13, Type::Text),
        ("maxItems", 14, Type::Int),
        ("minItems", 15, Type::Int),
        ("uniqueItems", 16, Type::Flag),
        ("maxProperties", 17, Type::Int),
        ("minProperties", 18, Type::Int),
        ("required", 19, TEXTS),
        ("enum", 20, Type::List(&Type::Any)),
        ("additionalProperties", 21, V2_ADDITIONAL),
        ("type", 22, Type::Wrap(1, &Type::Text)),
        ("items", 23, Type::Wrap(1, &Type::Message(&V2_SCHEMA))),
        ("allOf", 24, Type::List(&Type::Message(&V2_SCHEMA))),
        ("properties", 25, Type::Map(1, &Type::Message(&V2_SCHEMA))),
    ],
    extensions: 31,
};

const V2_ADDITIONAL: Type = Type::Choice(|value| match value {
    Value::Bool(_) => Some((2, &Type::Flag)),
    _ => Some((1, &V2_ANY_SCHEMA)),
});

static V2_ANY_SCHEMA: Type = Type::Message(&V2_SCHEMA);

static V3_DOCUMENT: Message = Message {
    fields: &[
        ("openapi", 1, Type::Text),
        ("info", 2, Type::Message(&V3_INFO)),
        ("paths", 4, Type::Map(1, &Type::Message(&V3_PATH))),
        ("components", 5, Type::Message(&V3_COMPONENTS)),
    ],
    extensions: 9,
};

static V3_INFO: Message =
    Message { fields: &[("title", 1, Type::Text), ("version", 6, Type::Text)], extensions: 7 };

static V3_COMPONENTS: Message = Message {
    fields: &[
        ("schemas", 1, Type::Map(1, &V3_SCHEMA_OR_REFERENCE)),
        ("securitySchemes", 7, Type::Map(1, &Type::Wrap(1, &Type::Message(&V3_SECURITY)))),
    ],
    extensions: 10,
};

static V3_SECURITY: Message = Message {
    fields: &[
        ("type", 1, Type::Text),
        ("description", 2, Type::Text),
        ("name", 3, Type::Text),
        ("in", 4, Type::Text),
    ],
    extensions: 9,
};

static V3_PATH: Message = Message {
    fields: &[
        ("get", 4, Type::Message(&V3_OPERATION)),
        ("put", 5, Type::Message(&V3_OPERATION)),
        ("post", 6, Type::Message(&V3_OPERATION)),
        ("delete", 7, Type::Message(&V3_OPERATION)),
        ("options", 8, Type::Message(&V3_OPERATION)),
        ("head", 9, Type::Message(&V3_OPERATION)),
        ("patch", 10, Type::Message(&V3_OPERATION)),
        ("parameters", 13, Type::List(&Type::Wrap(1, &Type::Message(&V3_PARAMETER)))),
    ],
    extensions: 14,
};

static V3_OPERATION: Message = Message {
    fields: &[
        ("tags", 1, TEXTS),
        ("description", 3, Type::Text),
        ("operationId", 5, Type::Text),
        ("parameters", 6, Type::List(&Type::Wrap(1, &Type::Message(&V3_PARAMETER)))),
        ("requestBody", 7, Type::Wrap(1, &Type::Message(&V3_BODY))),
        ("responses", 8, Type::Map(2, &Type::Wrap(1, &Type::Message(&V3_RESPONSE)))),
    ],
    extensions: 13,
};

static V3_PARAMETER: Message = Message {
    fields: &[
        ("name", 1, Type::Text),
        ("in", 2, Type::Text),
        ("description", 3, Type::Text),
        ("required", 4, Type::Flag),
        ("schema", 10, V3_SCHEMA_OR_REFERENCE),
    ],
    extensions: 14,
};

static V3_BODY: Message =
    Message { fields: &[("content", 2, V3_CONTENT), ("required", 3, Type::Flag)], extensions: 4 };

static V3_RESPONSE: Message = Message {
    fields: &[("description", 1, Type::Text), ("content", 3, V3_CONTENT)],
    extensions: 5,
};

const V3_CONTENT: Type = Type::Map(1, &Type::Message(&V3_MEDIA));

static V3_MEDIA: Message =
    Message { fields: &[("schema", 1, V3_SCHEMA_OR_REFERENCE)], extensions: 5 };

const V3_SCHEMA_OR_REFERENCE: Type = Type::Choice(|value| {
    Some(if is_reference(value) { (2, &REFERENCE) } else { (1, &V3_ANY_SCHEMA) })
});

static V3_ANY_SCHEMA: Type = Type::Message(&V3_SCHEMA);

static V3_SCHEMA: Message = Message {
    fields: &[
        ("nullable", 1, Type::Flag),
        ("title", 9, Type::Text),
        ("multipleOf", 10, Type::Double),
        ("maximum", 11, Type::Double),
        ("exclusiveMaximum", 12, Type::Flag),
        ("minimum", 13, Type::Double),
        ("exclusiveMinimum", 14, Type::Flag),
        ("maxLength", 15, Type::Int),
        ("minLength", 16, Type::Int),
        ("pattern", 17, Type::Text),
        ("maxItems", 18, Type::Int),
        ("minItems", 19, Type::Int),
        ("uniqueItems", 20, Type::Flag),
        ("maxProperties", 21, Type::Int),
        ("minProperties", 22, Type::Int),
        ("required", 23, TEXTS),
        ("enum", 24, Type::List(&Type::Any)),
        ("type", 25, Type::Text),
        ("allOf", 26, Type::List(&V3_SCHEMA_OR_REFERENCE)),
        ("oneOf", 27, Type::List(&V3_SCHEMA_OR_REFERENCE)),
        ("anyOf", 28, Type::List(&V3_SCHEMA_OR_REFERENCE)),
        ("not", 29, Type::Message(&V3_SCHEMA)),
        ("items", 30, Type::Wrap(1, &V3_SCHEMA_OR_REFERENCE)),
        ("properties", 31, Type::Map(1, &V3_SCHEMA_OR_REFERENCE)),
        ("additionalProperties", 32, V3_ADDITIONAL),
        ("default", 33, V3_DEFAULT),
        ("description", 34, Type::Text),
        ("format", 35, Type::Text),
    ],
    extensions: 36,
};

const V3_ADDITIONAL: Type = Type::Choice(|value| match value {
    Value::Bool(_) => Some((2, &Type::Flag)),
    _ => Some((1, &V3_SCHEMA_OR_REFERENCE)),
});

/// Lists and objects cannot be said.
const V3_DEFAULT: Type = Type::Choice(|value| match value {
    Value::Int(_) | Value::Float(_) => Some((1, &Type::Double)),
    Value::Bool(_) => Some((2, &Type::Flag)),
    Value::String(_) => Some((3, &Type::Text)),
    _ => None,
});

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("valid JSON")
    }

    /// A field of a message: its tag and the bytes of a length-delimited value.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let (byte, rest) = bytes.split_first().expect("a varint ends");
                *bytes = rest;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            value
        }
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let length = match key & 7 {
                0 => {
                    found.push((key >> 3, &bytes[..1]));
                    varint(&mut bytes);
                    continue;
                }
                1 => 8,
                _ => varint(&mut bytes) as usize,
            };
            found.push((key >> 3, &bytes[..length]));
            bytes = &bytes[length..];
        }
        found
    }

    /// Follows tags down to a value.
    fn at<'b>(bytes: &'b [u8], tags: &[u64]) -> Option<&'b [u8]> {
        tags.iter().try_fold(bytes, |bytes, tag| {
            fields(bytes).into_iter().find(|(of, _)| of == tag).map(|(_, value)| value)
        })
    }

    #[test]
    fn version_2_lies_where_gnostic_reads_it() {
        let document = value(
            r##"{"swagger":"2.0","info":{"title":"T"},"paths":{"/a":{"get":{"operationId":"id",
            "parameters":[{"$ref":"#/parameters/p"}],"responses":{"200":{"description":"OK",
            "schema":{"$ref":"#/definitions/D"}}}},
            "parameters":[{"in":"path","name":"n","type":"string","uniqueItems":true}]}},
            "definitions":{"D":{"type":"object","required":["r"],"properties":{"r":{"type":"array",
            "items":{"type":"string"}}},"x-kubernetes-group-version-kind":[{"kind":"K"}]}}}"##,
        );
        let bytes = v2(&document);
        assert_eq!(at(&bytes, &[1]), Some(&b"2.0"[..]));
        assert_eq!(at(&bytes, &[2, 1]), Some(&b"T"[..]));
        assert_eq!(at(&bytes, &[8, 2, 1]), Some(&b"/a"[..]));
        assert_eq!(at(&bytes, &[8, 2, 2, 2, 5]), Some(&b"id"[..]));
        assert_eq!(at(&bytes, &[8, 2, 2, 2, 8, 2, 1]), Some(&b"#/parameters/p"[..]));
        assert_eq!(at(&bytes, &[8, 2, 2, 2, 9, 1, 1]), Some(&b"200"[..]));
        let schema = [8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 1];
        assert_eq!(at(&bytes, &schema), Some(&b"#/definitions/D"[..]));
        assert_eq!(at(&bytes, &[8, 2, 2, 9, 1, 2, 4, 4]), Some(&b"n"[..]));
        assert_eq!(at(&bytes, &[9, 1, 2, 22, 1]), Some(&b"object"[..]));
        assert_eq!(at(&bytes, &[9, 1, 2, 25, 1, 2, 23, 1, 22, 1]), Some(&b"string"[..]));
        assert_eq!(at(&bytes, &[9, 1, 2, 31, 2, 2]), Some(&b"[{\"kind\":\"K\"}]\n"[..]));
    }

    #[test]
    fn version_3_lies_where_gnostic_reads_it() {
        let document = value(
            r##"{"openapi":"3.0.0","paths":{"/a":{"patch":{"parameters":[{"name":"dryRun","in":"query",
            "schema":{"type":"string"}}],"requestBody":{"content":{"j":{"schema":{"$ref":"#/r"}}},
            "required":true},"x-kubernetes-group-version-kind":{"kind":"K"}}}},
            "components":{"schemas":{"D":{"type":"object","properties":{"p":{"default":"x",
            "allOf":[{"$ref":"#/q"}]}}}}}}"##,
        );
        let bytes = v3(&document);
        assert_eq!(at(&bytes, &[4, 1, 2, 10, 6, 1, 1]), Some(&b"dryRun"[..]));
        assert_eq!(at(&bytes, &[4, 1, 2, 10, 6, 1, 10, 1, 25]), Some(&b"string"[..]));
        assert_eq!(at(&bytes, &[4, 1, 2, 10, 7, 1, 2, 1, 2, 1, 2, 1]), Some(&b"#/r"[..]));
        assert_eq!(at(&bytes, &[4, 1, 2, 10, 13, 2, 2]), Some(&b"{\"kind\":\"K\"}\n"[..]));
        let property = [5, 1, 1, 2, 1, 31, 1, 2, 1];
        let of = |tags: &[u64]| at(&bytes, &[&property[..], tags].concat());
        assert_eq!(of(&[33, 3]), Some(&b"x"[..]));
        assert_eq!(of(&[26, 2, 1]), Some(&b"#/q"[..]));
    }
}
