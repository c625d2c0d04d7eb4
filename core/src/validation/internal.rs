//! How upstream shows a whole message in an error: the JSON of its internal Go type, whose fields
//! carry Go's names and are all there, set or not. Messages of apimachinery keep their JSON form.

use super::fields::Fields;
use super::path::Path;
use crate::field_error::{FieldError, Reason};
use crate::schema::{Arity, BUILT_IN, Field, Kind, MessageId};
use crate::value::{Object, Value};
use std::fmt::Write as _;

/// An `Invalid value` error about a message of the built-in API; absent ones show as null.
pub fn invalid(path: &Path<'_>, message: &str, value: Option<&Value>, detail: &str) -> FieldError {
    FieldError::shown(Reason::Invalid, path, &shown(message, value), detail)
}

/// A `Duplicate value` error about a message.
pub fn duplicate(path: &Path<'_>, message: &str, value: Option<&Value>) -> FieldError {
    FieldError::shown(Reason::Duplicate, path, &shown(message, value), "")
}

/// The text for a message of a full name (`k8s.io.api.core.v1.ServicePort`) or a list of them.
pub fn shown(message: &str, value: Option<&Value>) -> String {
    let mut out = String::new();
    match (value, BUILT_IN.find(message)) {
        (Some(Value::Object(object)), Some(id)) => write_message(&mut out, id, object),
        (Some(Value::Array(items)), Some(id)) => write_list(&mut out, Kind::Message(id), items),
        (Some(value), _) => write_json(&mut out, value),
        (None, _) => out.push_str("null"),
    }
    out
}

/// The same for a message that is there.
pub fn shown_object(message: &str, object: &Object) -> String {
    let mut out = String::new();
    match BUILT_IN.find(message) {
        Some(id) => write_message(&mut out, id, object),
        None => write_json(&mut out, &Value::Object(object.clone())),
    }
    out
}

fn write_json(out: &mut String, value: &Value) {
    out.push_str(&serde_json::to_string(value).expect("a tree serializes"));
}

fn write_message(out: &mut String, id: MessageId, object: &Object) {
    let message = BUILT_IN.message(id);
    if message.name.starts_with("k8s.io.apimachinery") {
        return write_json(out, &Value::Object(object.clone()));
    }
    out.push('{');
    write_fields(out, id, object, &mut true);
    out.push('}');
}

fn write_fields(out: &mut String, id: MessageId, object: &Object, first: &mut bool) {
    let message = BUILT_IN.message(id);
    if &*message.name == POD_SPEC {
        return write_pod(out, object, first);
    }
    for field in &message.fields {
        match field.kind {
            Kind::Message(inner) if field.inline => write_fields(out, inner, object, first),
            Kind::Message(_) if &*field.json == "metadata" => write_metadata(out, object, first),
            _ if field.json.is_empty() => {}
            _ if &*message.name == DEVICE_ATTRIBUTE => {
                let many = field.json.strip_suffix('s');
                let end = if many.is_some() { "Values" } else { "Value" };
                let name = format!("{}{end}", go_name(many.unwrap_or(&field.json)));
                write_as(out, &name, field, object, first);
            }
            _ => write_named(out, field, object, first),
        }
    }
}

/// Here Go's names say more than those in JSON.
const DEVICE_ATTRIBUTE: &str = "k8s.io.api.resource.v1.DeviceAttribute";

fn write_named(out: &mut String, field: &Field, object: &Object, first: &mut bool) {
    write_as(out, &go_name(&field.json), field, object, first);
}

fn write_as(out: &mut String, name: &str, field: &Field, object: &Object, first: &mut bool) {
    let lead = if std::mem::take(first) { "" } else { "," };
    let _ = write!(out, "{lead}\"{name}\":");
    write_field(out, field, object.get(&field.json));
}

/// Metadata is embedded, and so its fields stand among the object's, under their names in JSON.
fn write_metadata(out: &mut String, object: &Object, first: &mut bool) {
    let metadata = object.part("metadata");
    for (name, value) in metadata.iter().filter(|(_, value)| !value.is_null()) {
        let lead = if std::mem::take(first) { "" } else { "," };
        let _ = write!(out, "{lead}\"{name}\":");
        write_json(out, value);
    }
}

const POD_SPEC: &str = "k8s.io.api.core.v1.PodSpec";
const POD_SECURITY: &str = "k8s.io.api.core.v1.PodSecurityContext";

/// A Pod's internal type has its fields in an order of its own.
const POD_FIELDS: [&str; 36] = [
    "volumes",
    "initContainers",
    "containers",
    "ephemeralContainers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccountName",
    "automountServiceAccountToken",
    "nodeName",
    "securityContext",
    "imagePullSecrets",
    "hostname",
    "subdomain",
    "setHostnameAsFQDN",
    "affinity",
    "schedulerName",
    "tolerations",
    "hostAliases",
    "priorityClassName",
    "priority",
    "preemptionPolicy",
    "dnsConfig",
    "readinessGates",
    "runtimeClassName",
    "overhead",
    "enableServiceLinks",
    "topologySpreadConstraints",
    "os",
    "schedulingGates",
    "resourceClaims",
    "resources",
    "hostnameOverride",
    "schedulingGroup",
];

/// What a Pod shares with its host is a part of its security there.
const SHARED_FIELDS: [&str; 5] =
    ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

const SECURITY_FIELDS: [&str; 13] = [
    "seLinuxOptions",
    "windowsOptions",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "seccompProfile",
    "appArmorProfile",
    "seLinuxChangePolicy",
];

fn write_pod(out: &mut String, spec: &Object, first: &mut bool) {
    for name in POD_FIELDS {
        if name != "securityContext" {
            write_by_name(out, (POD_SPEC, name), spec, first);
            continue;
        }
        let lead = if std::mem::take(first) { "" } else { "," };
        let _ = write!(out, "{lead}\"SecurityContext\":{{");
        let security = spec.part(name);
        let mut first = true;
        for name in SHARED_FIELDS {
            write_by_name(out, (POD_SPEC, name), spec, &mut first);
        }
        for name in SECURITY_FIELDS {
            write_by_name(out, (POD_SECURITY, name), security, &mut first);
        }
        out.push('}');
    }
}

fn write_by_name(
    out: &mut String,
    (message, name): (&str, &str),
    object: &Object,
    first: &mut bool,
) {
    let fields = BUILT_IN.find(message).map(|id| &BUILT_IN.message(id).fields);
    let field = fields.and_then(|fields| fields.iter().find(|field| &*field.json == name));
    if let Some(field) = field {
        write_named(out, field, object, first);
    }
}

fn write_field(out: &mut String, field: &Field, value: Option<&Value>) {
    match (value.filter(|value| !value.is_null()), field.arity) {
        (None, Arity::List | Arity::Map) => out.push_str("null"),
        (None, Arity::One) if field.pointer => out.push_str("null"),
        (None, Arity::One) => match field.kind {
            Kind::Message(id) => write_message(out, id, &Object::EMPTY),
            Kind::String => out.push_str("\"\""),
            Kind::Bool => out.push_str("false"),
            Kind::Int32 | Kind::Int64 | Kind::Double | Kind::IntOrString => out.push('0'),
            Kind::Quantity => out.push_str("\"0\""),
            _ => out.push_str("null"),
        },
        (Some(Value::Array(items)), Arity::List) => write_list(out, field.kind, items),
        (Some(Value::Object(object)), Arity::One) => match field.kind {
            Kind::Message(id) => write_message(out, id, object),
            _ => write_json(out, &Value::Object(object.clone())),
        },
        (Some(value), _) => write_json(out, value),
    }
}

fn write_list(out: &mut String, kind: Kind, items: &[Value]) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match (kind, item) {
            (Kind::Message(id), Value::Object(object)) => write_message(out, id, object),
            (_, item) => write_json(out, item),
        }
    }
    out.push(']');
}

/// `fieldPath` → `FieldPath`, `uid` → `UID`.
fn go_name(json: &str) -> String {
    for (initials, go) in [
        ("uid", "UID"),
        ("api", "API"),
        ("ip", "IP"),
        ("uri", "URI"),
        ("url", "URL"),
        ("tty", "TTY"),
        ("os", "OS"),
        ("tls", "TLS"),
        ("dns", "DNS"),
        ("fs", "FS"),
        ("id", "ID"),
        ("csi", "CSI"),
        ("nfs", "NFS"),
        ("rbd", "RBD"),
        ("gce", "GCE"),
        ("aws", "AWS"),
        ("iscsi", "ISCSI"),
        ("http", "HTTP"),
        ("tcp", "TCP"),
        ("grpc", "GRPC"),
        ("se", "SE"),
        ("fc", "FC"),
    ] {
        let rest = json.strip_prefix(initials);
        if let Some(rest) = rest.filter(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            return format!("{go}{rest}");
        }
    }
    let mut name = json.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_field_under_its_go_name() {
        let port: Value = serde_json::from_str(r#"{"protocol":"TCP","port":80,"targetPort":0}"#)
            .expect("valid JSON");
        assert_eq!(
            shown("k8s.io.api.core.v1.ServicePort", Some(&port)),
            r#"{"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}"#
        );
        assert_eq!(shown("k8s.io.api.core.v1.ServicePort", None), "null");
    }
}
