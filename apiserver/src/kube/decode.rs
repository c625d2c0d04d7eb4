//! Bodies of requests: bytes of any media type to an object of the expected kind.

use super::call::Call;
use super::found::Found;
use super::negotiate::{JSON, Media, PROTOBUF, YAML};
use xebec_core::codec::{json, proto, yaml};
use xebec_core::patch::FieldValidation;
use xebec_core::registry::api_version;
use xebec_core::schema::{BUILT_IN, MessageId, Schema};
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

/// The kind that a body must be of.
#[derive(Debug, Clone)]
pub struct BodyKind<'s> {
    pub schema: &'s Schema,
    pub message: MessageId,
    pub api_version: String,
    pub kind: &'s str,
    pub custom: bool,
}

/// A decoded body, in normal form, its kind and version set.
#[derive(Debug)]
pub struct Decoded {
    pub object: Object,
    /// See [`json::Decoded::resets_managed_fields`].
    pub resets_managed_fields: bool,
}

impl<'s> BodyKind<'s> {
    /// What a resource or subresource takes and shows.
    pub fn of(found: &'s Found) -> Self {
        let resource = &found.resource;
        if let Some(entry) = found.subresource_entry()
            && let Some((group, version)) = &entry.foreign
        {
            let message = built_in(group, version, &entry.kind);
            return Self {
                schema: &BUILT_IN,
                message: message.expect("a test finds the message of every subresource"),
                api_version: api_version(group, version),
                kind: &entry.kind,
                custom: false,
            };
        }
        let kind = match found.subresource_entry() {
            Some(entry) if entry.kind != resource.kind => {
                let message = built_in(&resource.group, &found.version().name, &entry.kind);
                return Self {
                    schema: &BUILT_IN,
                    message: message.expect("a test finds the message of every subresource"),
                    api_version: found.api_version(),
                    kind: &entry.kind,
                    custom: false,
                };
            }
            _ => &resource.kind,
        };
        let message = &found.version().message;
        Self {
            schema: message.schema(),
            message: message.id(),
            api_version: found.api_version(),
            kind,
            custom: resource.custom,
        }
    }

    /// Decodes a request's body. Unknown and duplicate fields are an error or warnings.
    pub fn decode(&self, call: &mut Call, validation: FieldValidation) -> Result<Decoded, Status> {
        let media = content_type(call)?;
        let body = call.body.clone();
        let decoded = match media {
            Media::Json => json::decode(self.schema, self.message, &body),
            Media::Yaml => yaml::decode(self.schema, self.message, &body),
            Media::Protobuf => return self.decode_protobuf(&body),
        };
        let decoded = decoded.map_err(|error| self.cannot(&error.message))?;
        let mut object = decoded.object;
        self.set_type(&mut object)?;
        if !decoded.strict_errors.is_empty() {
            match validation {
                FieldValidation::Ignore => {}
                FieldValidation::Warn => call.warn(decoded.strict_errors),
                FieldValidation::Strict => {
                    let all = decoded.strict_errors.join(", ");
                    return Err(self.cannot(&format!("strict decoding error: {all}")));
                }
            }
        }
        Ok(Decoded { object, resets_managed_fields: decoded.resets_managed_fields })
    }

    fn decode_protobuf(&self, body: &[u8]) -> Result<Decoded, Status> {
        if self.custom {
            return Err(Status::unsupported_media_type(&[JSON, YAML]));
        }
        let envelope = proto::open(body).map_err(|error| self.cannot(&error.to_string()))?;
        let raw = envelope.raw;
        let object = proto::decode(self.schema, self.message, raw);
        let mut object = object.map_err(|error| self.cannot(&error.to_string()))?;
        if !envelope.kind.is_empty() {
            object.insert("kind", envelope.kind.into());
        }
        if !envelope.api_version.is_empty() {
            object.insert("apiVersion", envelope.api_version.into());
        }
        self.set_type(&mut object)?;
        Ok(Decoded { object, resets_managed_fields: false })
    }

    /// Checks kind and version as given, and puts them where normal form has them.
    fn set_type(&self, object: &mut Object) -> Result<(), Status> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let (kind, version) = (text("kind"), text("apiVersion"));
        if self.custom && (kind.is_empty() || version.is_empty()) {
            let missing = if kind.is_empty() { "Kind" } else { "apiVersion" };
            return Err(self.cannot(&format!("Object '{missing}' is missing")));
        }
        if !kind.is_empty() && kind != self.kind {
            let version = if version.is_empty() { &self.api_version } else { version };
            return Err(Status::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {}: unknown conversion",
                self.kind
            )));
        }
        if !version.is_empty() && version != self.api_version {
            return Err(Status::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version \
                 ({})",
                self.api_version
            )));
        }
        set_type(object, self.kind, &self.api_version);
        Ok(())
    }

    fn cannot(&self, why: &str) -> Status {
        let (_, version) = self.api_version.rsplit_once('/').unwrap_or(("", &self.api_version));
        Status::bad_request(format!(
            "{} in version {version:?} cannot be handled as a {}: {why}",
            self.kind, self.kind
        ))
    }
}

/// The media type of a body; JSON if none is said.
pub fn content_type(call: &Call) -> Result<Media, Status> {
    let given = call.header("content-type").unwrap_or(JSON);
    let given = given.split(';').next().unwrap_or_default().trim();
    if given.is_empty() {
        return Ok(Media::Json);
    }
    Media::of(given).ok_or_else(|| Status::unsupported_media_type(&[JSON, YAML, PROTOBUF]))
}

/// Kind and version as the first members of an object.
pub fn set_type(object: &mut Object, kind: &str, api_version: &str) {
    let first = object.at(0).map(|(name, _)| name);
    let second = object.at(1).map(|(name, _)| name);
    if first == Some("kind") && second == Some("apiVersion") {
        object.insert("kind", kind.into());
        object.insert("apiVersion", api_version.into());
        return;
    }
    let rest = std::mem::take(object);
    object.push("kind", kind.into());
    object.push("apiVersion", api_version.into());
    for (name, value) in rest {
        if !matches!(&*name, "kind" | "apiVersion") {
            object.push(name, value);
        }
    }
}

/// The message of a built-in kind.
pub fn built_in(group: &str, version: &str, kind: &str) -> Option<MessageId> {
    let package = match group {
        "" => "core",
        "rbac.authorization.k8s.io" => "rbac",
        "flowcontrol.apiserver.k8s.io" => "flowcontrol",
        "meta.k8s.io" => {
            return BUILT_IN.find(&format!("k8s.io.apimachinery.pkg.apis.meta.{version}.{kind}"));
        }
        other => other.split('.').next().unwrap_or_default(),
    };
    BUILT_IN.find(&format!("k8s.io.api.{package}.{version}.{kind}"))
}

/// The message of a resource's list; custom resources have none.
pub fn list_message(found: &Found) -> Option<MessageId> {
    let own = &BUILT_IN.message(found.version().message.id()).name;
    let (package, _) = own.rsplit_once('.')?;
    let found = (!found.resource.custom).then_some(&found.resource.list_kind)?;
    BUILT_IN.find(&format!("{package}.{found}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;
    use xebec_core::registry::{Registry, Selection};

    fn decode(body: &str, validation: FieldValidation) -> Result<(String, Vec<String>), String> {
        let mut call = call("POST", "/api/v1/namespaces/a/configmaps", body);
        let registry = Registry::built_in(Selection::Default);
        let found = Found::of(&call.info, &registry).expect("a resource");
        let kind = BodyKind::of(&found);
        let decoded = kind.decode(&mut call, validation).map_err(|status| status.message)?;
        let text = serde_json::to_string(&Value::Object(decoded.object)).expect("serializable");
        Ok((text, call.warnings))
    }

    #[test]
    fn kind_and_version_are_filled_in() {
        let (text, _) =
            decode(r#"{"metadata":{"name":"a"}}"#, FieldValidation::Warn).expect("fine");
        assert_eq!(text, r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}"#);
    }

    #[test]
    fn unknown_fields_warn_or_fail() {
        let body = r#"{"metadata":{"name":"a"},"x":1}"#;
        let (_, warnings) = decode(body, FieldValidation::Warn).expect("fine");
        assert_eq!(warnings, [r#"unknown field "x""#]);
        let message = decode(body, FieldValidation::Strict).expect_err("strict");
        assert!(message.ends_with(r#"strict decoding error: unknown field "x""#), "{message}");
    }

    #[test]
    fn another_kind_or_version_is_refused() {
        for body in [r#"{"kind":"Pod"}"#, r#"{"apiVersion":"v2"}"#, "", "[]"] {
            decode(body, FieldValidation::Ignore).expect_err(body);
        }
    }

    #[test]
    fn every_subresource_has_a_message() {
        let registry = Registry::built_in(Selection::All);
        for resource in registry.resources() {
            for version in &resource.versions {
                for entry in resource.subresources_in(version) {
                    let (group, version) = match &entry.foreign {
                        Some((group, version)) => (&**group, &**version),
                        None if entry.kind == resource.kind => continue,
                        None => (&*resource.group, &*version.name),
                    };
                    let found = built_in(group, version, &entry.kind);
                    assert!(found.is_some(), "{}/{}", resource.plural, entry.name);
                }
            }
        }
    }
}
