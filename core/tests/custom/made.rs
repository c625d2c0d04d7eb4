//! Definitions as large as those of well-known operators, made of the built-in schema: custom
//! kinds that hold pods hold every field of a pod, described.

use serde_json::{Map, Value as Json, json};
use xebec_core::schema::{Arity, BUILT_IN, Field, Kind, ListType, MessageId, Shape};

const AMOUNT: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// The schema of a built-in message.
pub fn of(message: &str) -> Json {
    let id = BUILT_IN.find(&format!("k8s.io.api.core.v1.{message}"));
    of_message(id.expect("a message of the table"))
}

fn of_message(id: MessageId) -> Json {
    let message = BUILT_IN.message(id);
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in &message.fields {
        match field.kind {
            Kind::Message(inner) if field.inline => {
                let inner = of_message(inner);
                properties.extend(inner["properties"].as_object().expect("an object").clone());
            }
            _ if field.json.is_empty() => {}
            _ => {
                if field.required {
                    required.push(Json::from(field.json.as_str()));
                }
                properties.insert(field.json.clone(), of_field(field));
            }
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if message.atomic {
        schema["x-kubernetes-map-type"] = "atomic".into();
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn of_field(field: &Field) -> Json {
    let mut schema = match field.arity {
        Arity::One => of_kind(field.kind),
        Arity::List => json!({"type": "array", "items": of_kind(field.kind)}),
        Arity::Map => json!({"type": "object", "additionalProperties": of_kind(field.kind)}),
    };
    match &field.list {
        ListType::Set => schema["x-kubernetes-list-type"] = "set".into(),
        ListType::Map(keys) => {
            schema["x-kubernetes-list-type"] = "map".into();
            schema["x-kubernetes-list-map-keys"] = keys.clone().into();
        }
        ListType::Atomic => {}
    }
    let default = field.default.as_deref().and_then(|text| serde_json::from_str(text).ok());
    if let Some(default) = default.filter(|default: &Json| !default.is_object()) {
        schema["default"] = default;
    }
    // About as much as upstream's descriptions say.
    schema["description"] = format!(
        "{} is a field that was taken over from the kind that this one makes. What it means is \
         said there; here it is as it was given, and changes when that changes.",
        field.json
    )
    .into();
    schema
}

fn of_kind(kind: Kind) -> Json {
    match kind {
        Kind::String => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "format": "int32"}),
        Kind::Int64 => json!({"type": "integer", "format": "int64"}),
        Kind::Double => json!({"type": "number"}),
        Kind::Bytes => json!({"type": "string", "format": "byte"}),
        Kind::Quantity => json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": true, "pattern": AMOUNT,
        }),
        Kind::IntOrString => json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": true,
        }),
        Kind::Time | Kind::MicroTime => json!({"type": "string", "format": "date-time"}),
        Kind::Duration => json!({"type": "string"}),
        Kind::RawExtension | Kind::FieldsV1 => {
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
        }
        Kind::Message(id) if BUILT_IN.message(id).shape == Shape::Object => of_message(id),
        Kind::Message(_) => json!({"x-kubernetes-preserve-unknown-fields": true}),
    }
}

/// A definition of one version.
pub fn definition(plural: &str, kind: &str, spec: &Json) -> Json {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.large.example.com")},
        "spec": {
            "group": "large.example.com", "scope": "Namespaced",
            "names": {
                "plural": plural, "singular": kind.to_lowercase(), "kind": kind,
                "listKind": format!("{kind}List"),
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas",
                    "labelSelectorPath": ".status.selector",
                }},
                "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {
                        "spec": spec,
                        "status": {"type": "object", "properties": {
                            "replicas": {"type": "integer"}, "selector": {"type": "string"},
                        }},
                    },
                }},
            }],
        },
    })
}

/// Steps of which each is a pod, several times over.
pub fn workflow() -> Json {
    let mut template = of("PodSpec");
    let parts = template["properties"].as_object_mut().expect("an object");
    parts.insert("name".into(), json!({"type": "string"}));
    parts.insert("container".into(), of("Container"));
    parts.insert("script".into(), of("Container"));
    parts.insert(
        "metadata".into(),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
    );
    parts.insert("steps".into(), json!({"type": "array", "items": {"type": "array", "items": {
        "type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "template": {"type": "string"},
            "withItems": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": true}},
        },
    }}}));
    template["required"] = json!(["name"]);
    definition(
        "workflows",
        "Workflow",
        &json!({
            "type": "object", "required": ["entrypoint"],
            "properties": {
                "entrypoint": {"type": "string"},
                "templates": {
                    "type": "array", "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"], "items": template,
                },
                "templateDefaults": of("PodSpec"),
                "volumeClaimTemplates": {"type": "array", "items": of("PersistentVolumeClaim")},
                "volumes": {"type": "array", "items": of("Volume")},
                "affinity": of("Affinity"),
            },
        }),
    )
}

/// One kind of pod, and settings.
pub fn monitor() -> Json {
    let mut spec = of("PodSpec");
    let parts = spec["properties"].as_object_mut().expect("an object");
    parts.insert("replicas".into(), json!({"type": "integer", "format": "int32", "default": 1}));
    parts.insert("retention".into(), json!({
        "type": "string", "default": "24h",
        "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
    }));
    parts.insert("storage".into(), of("PersistentVolumeClaimSpec"));
    spec["required"] = json!([]);
    definition("monitors", "Monitor", &spec)
}
