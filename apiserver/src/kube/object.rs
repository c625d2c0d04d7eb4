//! Objects at rest: JSON in normal form of the stored version, without a resource version.
//!
//! The resource version is the modification revision of the key. It is put in where objects are
//! read, so that a write does not need to know its own revision.

use bytes::Bytes;
use std::io::Write as _;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};
use xebec_store::kv::{KeyValue, Revision};

/// Before this stands the resource version: `metadata` is the first member after kind and version,
/// and the names before the uid hold no quotes.
const UID: &[u8] = b"\"uid\":\"";

/// An object as the keyspace holds it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub kv: Arc<KeyValue>,
}

impl Stored {
    pub fn revision(&self) -> Revision {
        self.kv.mod_revision
    }

    /// The object with its resource version.
    pub fn object(&self) -> Result<Object, Status> {
        parse(&self.kv.value, self.kv.mod_revision)
    }

    /// The bytes of [`Self::object`], without looking at more than the first few members.
    pub fn json(&self) -> Option<Bytes> {
        let at = splice_at(&self.kv.value)?;
        let mut out = Vec::with_capacity(self.kv.value.len() + 40);
        out.extend_from_slice(&self.kv.value[..at]);
        push_version(&mut out, self.kv.mod_revision);
        out.extend_from_slice(&self.kv.value[at..]);
        Some(out.into())
    }
}

/// Reads an object at rest.
pub fn parse(bytes: &[u8], revision: Revision) -> Result<Object, Status> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Status::internal(format!("a stored object is not JSON: {error}")))?;
    let Value::Object(mut object) = value else {
        return Err(Status::internal("a stored object is not an object"));
    };
    set_resource_version(&mut object, revision);
    Ok(object)
}

/// The bytes to store: without a resource version.
pub fn to_bytes(object: &Object) -> Bytes {
    struct AtRest<'o>(&'o Object);
    struct Metadata<'o>(&'o Value);
    impl serde::Serialize for AtRest<'_> {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self.0.iter().map(|(name, value)| match name {
                "metadata" => (name, Member::Metadata(Metadata(value))),
                _ => (name, Member::Other(value)),
            }))
        }
    }
    enum Member<'o> {
        Metadata(Metadata<'o>),
        Other(&'o Value),
    }
    impl serde::Serialize for Member<'_> {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Other(value) => value.serialize(to),
                Self::Metadata(Metadata(Value::Object(metadata))) => {
                    to.collect_map(metadata.iter().filter(|(name, _)| *name != "resourceVersion"))
                }
                Self::Metadata(Metadata(value)) => value.serialize(to),
            }
        }
    }
    serde_json::to_vec(&AtRest(object)).expect("a tree is always serializable").into()
}

/// Puts the resource version where normal form has it: after the uid.
pub fn set_resource_version(object: &mut Object, revision: Revision) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    let text: Value = revision.to_string().into();
    if let Some(held) = metadata.get_mut("resourceVersion") {
        *held = text;
        return;
    }
    let before = metadata
        .iter()
        .take_while(|(name, _)| {
            matches!(*name, "name" | "generateName" | "namespace" | "selfLink" | "uid")
        })
        .count();
    let rest = std::mem::take(metadata);
    for (at, (name, value)) in rest.into_iter().enumerate() {
        if at == before {
            metadata.push("resourceVersion", text.clone());
        }
        metadata.push(name, value);
    }
    if metadata.get("resourceVersion").is_none() {
        metadata.push("resourceVersion", text);
    }
}

/// Where the resource version goes in the bytes of an object at rest: behind the uid.
pub fn splice_at(bytes: &[u8]) -> Option<usize> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let uid = memchr::memmem::find(head, UID)? + UID.len();
    let end = memchr::memchr(b'"', &head[uid..])?;
    Some(uid + end + 1)
}

/// Kind, version, name, namespace and uid lie in the first bytes of every object.
const HEAD_BYTES: usize = 2_048;

/// Writes `,"resourceVersion":"…"`.
pub fn push_version(out: &mut Vec<u8>, revision: Revision) {
    write!(out, ",\"resourceVersion\":\"{revision}\"").expect("memory takes every write");
}

/// A text of an object's metadata, or nothing.
pub fn meta<'o>(object: &'o Object, name: &str) -> &'o str {
    let metadata = object.get("metadata").and_then(Value::as_object);
    metadata.and_then(|metadata| metadata.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// An object's metadata, made if it has none.
pub fn metadata_mut(object: &mut Object) -> &mut Object {
    if !matches!(object.get("metadata"), Some(Value::Object(_))) {
        object.insert("metadata", Value::Object(Object::new()));
    }
    match object.get_mut("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => unreachable!("it has just been made"),
    }
}

/// An object from JSON, for tests.
#[cfg(test)]
pub fn object(text: &str) -> Object {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        other => panic!("no object: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_REST: &str = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"b","uid":"c-d","creationTimestamp":"x","labels":{"uid":"z"}},"data":{"uid":"y"}}"#;

    #[test]
    fn the_version_is_put_in_and_left_out() {
        let object = parse(AT_REST.as_bytes(), 7).expect("an object");
        assert_eq!(meta(&object, "resourceVersion"), "7");
        let shown = serde_json::to_string(&Value::Object(object.clone())).expect("serializable");
        let kv = KeyValue { value: AT_REST.into(), mod_revision: 7, ..KeyValue::default() };
        let stored = Stored { kv: Arc::new(kv) };
        assert_eq!(stored.json().expect("a uid"), shown.as_bytes());
        assert_eq!(to_bytes(&object), AT_REST.as_bytes());
    }

    #[test]
    fn a_version_given_is_replaced() {
        let mut object = parse(AT_REST.as_bytes(), 7).expect("an object");
        set_resource_version(&mut object, 8);
        assert_eq!(meta(&object, "resourceVersion"), "8");
        assert_eq!(to_bytes(&object), AT_REST.as_bytes());
    }
}
