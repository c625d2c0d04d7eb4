//! Answers: objects and failures as bytes in the form that was negotiated.

use super::body::Body;
use super::call::Call;
use super::decode;
use super::limits::{GZIP_BYTES_MIN, WARNING_BYTES_MAX, WARNINGS_BYTES_MAX};
use super::negotiate::{self, Form, Media, Wanted};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderValue, Response, StatusCode};
use std::io::Write as _;
use xebec_core::codec::{self, proto};
use xebec_core::registry::{Resource, Version};
use xebec_core::schema::{BUILT_IN, MessageId, Schema};
use xebec_core::status::Status;
use xebec_core::table::{Include, Printer, TableOptions, partial_object};
use xebec_core::value::{Object, Value};

/// What is written: an object, and the table of facts that protobuf needs.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'s> {
    pub object: &'s Object,
    pub schema: &'s Schema,
    /// What protobuf makes of it; `None` for what has no protobuf form.
    pub message: Option<MessageId>,
}

/// Writes an object; 500 if it does not fit its own schema.
pub fn object(wanted: &Wanted, code: u16, shown: Shown<'_>) -> Response<Body> {
    match encode(wanted, shown) {
        Ok(bytes) => bytes_in(wanted, code, bytes),
        Err(status) => failure_plain(&status),
    }
}

/// Writes bytes that are already in the wanted form, compressed if that pays.
pub fn bytes_in(wanted: &Wanted, code: u16, bytes: Bytes) -> Response<Body> {
    let mut response = head(code, wanted.media.content_type());
    if wanted.gzip && bytes.len() >= GZIP_BYTES_MIN {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        *response.body_mut() = gzip(&bytes).into();
    } else {
        *response.body_mut() = bytes.into();
    }
    response
}

/// An answer without its body.
pub fn head(code: u16, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every write")
}

/// The bytes of an object.
pub fn encode(wanted: &Wanted, shown: Shown<'_>) -> Result<Bytes, Status> {
    match wanted.media {
        Media::Json if wanted.pretty => serde_json::to_vec_pretty(&Node(shown.object))
            .map(Bytes::from)
            .map_err(Status::internal),
        Media::Json => {
            let mut bytes = serde_json::to_vec(&Node(shown.object)).map_err(Status::internal)?;
            bytes.push(b'\n');
            Ok(bytes.into())
        }
        Media::Yaml => yaml(shown.object).map(Bytes::from),
        Media::Protobuf => {
            let message = shown.message.ok_or_else(|| Status::internal("no protobuf form"))?;
            proto::encode_enveloped(shown.schema, message, shown.object)
                .map(Bytes::from)
                .map_err(Status::internal)
        }
    }
}

/// An object as YAML.
pub fn yaml(object: &Object) -> Result<String, Status> {
    Ok(codec::yaml::encode(object))
}

/// An object as serde sees it.
struct Node<'o>(&'o Object);

impl serde::Serialize for Node<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter())
    }
}

/// One object as a table or as bare metadata, if that is what is wanted.
pub fn transform(
    wanted: &Wanted,
    call: &Call,
    (resource, version): (&Resource, &Version),
    object: Object,
) -> Result<Object, Status> {
    let transformed = match wanted.form {
        Form::Object => return Ok(object),
        Form::Table { api_version } => {
            let given = call.query.get("includeObject").unwrap_or_default();
            let include = Include::parse(given).unwrap_or_default();
            let options = TableOptions { include, no_headers: false, api_version, now: call.now };
            Printer::new(resource, version).table(&Value::Object(object), &options)
        }
        Form::Partial { api_version } => {
            partial_object(&resource.kind, &Value::Object(object), api_version)
        }
    };
    match transformed {
        Value::Object(object) => Ok(object),
        _ => Err(Status::internal("a table is no object")),
    }
}

/// A failure in the form that the client takes.
pub fn failure(call: &Call, status: &Status) -> Response<Body> {
    let wanted = negotiate::of_error(call);
    let object = status.to_object();
    let message = decode::built_in("meta.k8s.io", "v1", "Status");
    let shown = Shown { object: &object, schema: &BUILT_IN, message };
    let mut response = match encode(&wanted, shown) {
        Ok(bytes) => bytes_in(&wanted, status.code, bytes),
        Err(_) => failure_plain(status),
    };
    retry_after(&mut response, status);
    response
}

/// A failure as JSON, for requests that cannot be read far enough to know what is wanted.
pub fn failure_plain(status: &Status) -> Response<Body> {
    let mut response = head(status.code, negotiate::JSON);
    let bytes = serde_json::to_vec(&Node(&status.to_object()));
    *response.body_mut() = bytes.expect("a tree is always serializable").into();
    retry_after(&mut response, status);
    response
}

fn retry_after(response: &mut Response<Body>, status: &Status) {
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_s);
    if seconds > 0 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Text, for paths that are no resources.
pub fn text(code: u16, text: impl Into<Body>) -> Response<Body> {
    let mut response = head(code, "text/plain; charset=utf-8");
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    *response.body_mut() = text.into();
    response
}

/// Adds what the client is warned of: each text once, cut to size as upstream does.
pub fn add_warnings(response: &mut Response<Body>, warnings: &[String]) {
    let mut size_bytes = 0;
    let mut seen: Vec<&str> = Vec::new();
    for warning in warnings {
        if seen.contains(&warning.as_str()) {
            continue;
        }
        seen.push(warning);
        let text = quoted(warning);
        size_bytes += text.len();
        if size_bytes > WARNINGS_BYTES_MAX {
            break;
        }
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - {text}").as_bytes()) {
            response.headers_mut().append("warning", value);
        }
    }
}

/// A quoted-string of RFC 7234; control characters are no part of headers.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {}
            c => out.push(c),
        }
        if out.len() > WARNING_BYTES_MAX * 16 {
            break;
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;
    use xebec_core::status::GroupName;

    #[test]
    fn warnings_are_quoted_and_not_repeated() {
        let mut response = head(200, negotiate::JSON);
        let warning = "unknown field \"x\"\n".to_owned();
        add_warnings(&mut response, &[warning.clone(), warning]);
        let all: Vec<_> = response.headers().get_all("warning").iter().collect();
        assert_eq!(all, [r#"299 - "unknown field \"x\"""#]);
    }

    #[test]
    fn failures_come_as_the_client_takes_them() {
        let status = Status::not_found(GroupName { group: "", name: "pods" }, "a");
        let mut call = call("GET", "/api/v1/namespaces/x/pods/a", "");
        for (accept, content_type) in [
            ("", negotiate::JSON),
            ("application/vnd.kubernetes.protobuf", negotiate::PROTOBUF),
            ("application/yaml", negotiate::YAML),
            ("text/html", negotiate::JSON),
        ] {
            call.headers.insert("accept", accept.parse().expect("a header"));
            let response = failure(&call, &status);
            assert_eq!(response.status(), 404);
            assert_eq!(response.headers()[CONTENT_TYPE], content_type, "{accept}");
        }
    }
}
