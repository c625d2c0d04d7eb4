//! JSON of a known kind into a tree: one pass over the bytes that checks types, finds unknown and
//! duplicate fields, brings quantities and times into canonical form and leaves the object in
//! normal form (see [`super::normal`]).

mod custom;
mod path;
mod seed;
mod tree;

use crate::schema::{MessageId, Schema};
use crate::value::{Object, Value};
use path::Path;
use seed::{Context, MessageSeed};
use serde::de::{DeserializeSeed, Deserializer};

/// A decoded object, and what `fieldValidation` speaks of.
#[derive(Debug)]
pub struct Decoded {
    pub object: Object,
    /// `unknown field "spec.foo"`, `duplicate field "spec.foo"`, in the order found; at most
    /// [`STRICT_ERRORS_MAX`].
    pub strict_errors: Vec<String>,
    /// `metadata.managedFields` was given as an empty list, which normal form does not show: the
    /// client asks to forget the owners of fields.
    pub resets_managed_fields: bool,
}

/// How many strict errors upstream keeps; the rest of a bad object adds nothing.
pub const STRICT_ERRORS_MAX: usize = 100;

/// JSON that is malformed, or holds a value of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    pub message: String,
}

/// Decodes one object. Nesting is bounded by the parser (128 levels).
pub fn decode(schema: &Schema, id: MessageId, bytes: &[u8]) -> Result<Decoded, JsonError> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let decoded = decode_from(schema, id, &mut parser)?;
    parser.end().map_err(error)?;
    Ok(decoded)
}

/// Decodes a tree that is not in normal form, such as the outcome of a patch.
pub fn decode_tree(schema: &Schema, id: MessageId, tree: &Value) -> Result<Decoded, JsonError> {
    decode_from(schema, id, tree::Tree(tree))
}

fn decode_from<'de, D>(schema: &Schema, id: MessageId, from: D) -> Result<Decoded, JsonError>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let mut context = Context { schema, strict_errors: Vec::new(), resets_managed_fields: false };
    if let Some(structural) = &schema.message(id).custom {
        return custom::decode(context, id, structural, from);
    }
    let seed = MessageSeed { id, path: &Path::ROOT, context: &mut context };
    let object = seed.deserialize(from).map_err(error)?;
    let Context { strict_errors, resets_managed_fields, .. } = context;
    Ok(Decoded { object, strict_errors, resets_managed_fields })
}

fn error(error: impl std::fmt::Display) -> JsonError {
    JsonError { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BUILT_IN;
    use crate::value::Value;

    fn check(kind: &str, json: &str) -> Result<(String, Vec<String>), String> {
        let id = BUILT_IN.find(kind).expect("a kind of the table");
        let decoded = decode(&BUILT_IN, id, json.as_bytes()).map_err(|error| error.message)?;
        let text = serde_json::to_string(&Value::Object(decoded.object)).expect("serializable");
        Ok((text, decoded.strict_errors))
    }

    #[test]
    fn finds_unknown_and_duplicate_fields_with_their_paths() {
        let (_, errors) = check(
            "k8s.io.api.core.v1.Pod",
            r#"{"spec":{"containers":[{"name":"a","name":"b","x":1}],"y":{"z":[]}},
                "metadata":{"labels":{"a":"1","a":"2"}}}"#,
        )
        .expect("valid JSON");
        assert_eq!(
            errors,
            [
                r#"duplicate field "spec.containers[0].name""#,
                r#"unknown field "spec.containers[0].x""#,
                r#"unknown field "spec.y""#,
                r#"duplicate field "metadata.labels.a""#,
            ]
        );
    }

    #[test]
    fn brings_an_object_into_normal_form() {
        let (text, errors) = check(
            "k8s.io.api.core.v1.Container",
            r#"{"resources":{"limits":{"cpu":0.5,"memory":"1024Ki"}},"image":"","name":"c"}"#,
        )
        .expect("valid JSON");
        assert_eq!(text, r#"{"name":"c","resources":{"limits":{"cpu":"500m","memory":"1Mi"}}}"#);
        assert!(errors.is_empty());
    }

    #[test]
    fn null_is_nothing() {
        let (text, _) = check(
            "k8s.io.api.core.v1.ConfigMap",
            r#"{"kind":"ConfigMap","data":null,"metadata":null,"immutable":null}"#,
        )
        .expect("valid JSON");
        assert_eq!(text, r#"{"kind":"ConfigMap","metadata":{}}"#);
    }

    #[test]
    fn wrong_types_name_their_place() {
        for (json, place) in [
            (r#"{"spec":{"replicas":"2"}}"#, "spec.replicas"),
            (r#"{"spec":{"replicas":2.5}}"#, "spec.replicas"),
            (r#"{"spec":{"replicas":4294967296}}"#, "spec.replicas"),
            (r#"{"spec":[]}"#, "spec"),
            (r#"{"metadata":{"labels":{"a":1}}}"#, "metadata.labels.a"),
            (r#"{"metadata":{"creationTimestamp":"soon"}}"#, "metadata.creationTimestamp"),
        ] {
            let message = check("k8s.io.api.apps.v1.Deployment", json).expect_err(json);
            assert!(message.contains(place), "{message}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        let json = format!(r#"{{"spec":{{"y":{deep}"#);
        assert!(check("k8s.io.api.core.v1.Pod", &json).is_err());
    }
}
