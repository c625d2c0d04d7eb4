//! [`Typed`]: a client of one kind that speaks protobuf, as those of Go do with built-in kinds.

use crate::support::servers::{Servers, admin};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use xebec_core::codec::{json as text, proto};
use xebec_core::registry::{Registry, Selection};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::value;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

pub struct Typed<'a> {
    servers: &'a Servers,
    message: MessageId,
    kind: String,
    api_version: String,
}

impl<'a> Typed<'a> {
    /// A client of a group's resource in a version.
    pub fn of(servers: &'a Servers, group: &str, version: &str, resource: &str) -> Self {
        let registry = Registry::built_in(Selection::Default);
        let (found, served) = registry.find(group, version, resource).expect("a built-in resource");
        let api_version = match group {
            "" => version.to_owned(),
            _ => format!("{group}/{version}"),
        };
        Self { servers, message: served.message.id(), kind: found.kind.to_string(), api_version }
    }

    /// In normal form: what is empty is absent.
    pub fn normal(&self, object: &Value) -> value::Object {
        let bytes = object.to_string();
        text::decode(&BUILT_IN, self.message, bytes.as_bytes()).expect("it is typed").object
    }

    fn encode(&self, object: &Value) -> Bytes {
        let mut object = object.clone();
        object["kind"] = json!(self.kind);
        object["apiVersion"] = json!(self.api_version);
        let object = self.normal(&object);
        proto::encode_enveloped(&BUILT_IN, self.message, &object).expect("it has a form").into()
    }

    fn decode(&self, bytes: &[u8]) -> Value {
        let envelope = proto::open(bytes).expect("an envelope");
        let got = (envelope.kind, envelope.api_version);
        assert_eq!(got, (&*self.kind, &*self.api_version));
        let object = proto::decode(&BUILT_IN, self.message, envelope.raw).expect("an object");
        let mut object = serde_json::to_value(value::Value::Object(object)).expect("JSON");
        object["kind"] = json!(self.kind);
        object["apiVersion"] = json!(self.api_version);
        object
    }

    /// One exchange in protobuf that works.
    async fn exchange(&self, method: &str, uri: &str, content_type: &str, body: Bytes) -> Value {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("accept", PROTOBUF).header("content-type", content_type);
        let request = request.header("user-agent", "typed/1").body(Full::new(body));
        let answer = self.servers.send(0, admin(), request.expect("a request")).await;
        assert!(matches!(answer.code, 200 | 201), "{}: {:?}", answer.code, answer.bytes);
        assert_eq!(answer.headers["content-type"], PROTOBUF);
        self.decode(&answer.bytes)
    }

    pub async fn get(&self, uri: &str) -> Value {
        self.exchange("GET", uri, "", Bytes::new()).await
    }

    pub async fn post(&self, uri: &str, object: &Value) -> Value {
        self.exchange("POST", uri, PROTOBUF, self.encode(object)).await
    }

    pub async fn put(&self, uri: &str, object: &Value) -> Value {
        self.exchange("PUT", uri, PROTOBUF, self.encode(object)).await
    }

    /// A merge patch is JSON also of those clients.
    pub async fn patch(&self, uri: &str, patch: &Value) -> Value {
        let body = patch.to_string().into();
        self.exchange("PATCH", uri, "application/merge-patch+json", body).await
    }

    /// What was answered is what others read.
    pub async fn is_stored(&self, uri: &str, object: &Value) {
        let read = self.servers.get(uri).await;
        assert_eq!(self.normal(&read), self.normal(object));
        assert_eq!(self.normal(&self.get(uri).await), self.normal(object));
    }
}
