//! [`Watch`]: the events of a watch, read one by one.

use super::kube::version;
use super::patiently;
use bytes::BytesMut;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde_json::Value;
use xebec_apiserver::kube::body::Body;

pub struct Watch {
    body: Body,
    pub content_type: String,
    /// What has come and was not read yet.
    pub buffer: BytesMut,
}

impl Watch {
    pub fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        let content_type = response.headers()[CONTENT_TYPE].to_str().expect("text").to_owned();
        Self { body: response.into_body(), content_type, buffer: BytesMut::new() }
    }

    /// Reads on; false at the end.
    pub async fn fill(&mut self) -> bool {
        match patiently(self.body.frame()).await {
            Some(frame) => {
                self.buffer.extend_from_slice(&frame.expect("no error").into_data().expect("data"));
                true
            }
            None => false,
        }
    }

    /// The next event of a JSON watch; `None` at the end.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(at + 1);
                return Some(serde_json::from_slice(&line).expect("JSON"));
            }
            if !self.fill().await {
                assert!(self.buffer.is_empty(), "half an event");
                return None;
            }
        }
    }

    /// Type, name and version of the next event.
    pub async fn brief(&mut self) -> (String, String, i64) {
        let event = self.next().await.expect("an event");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["object"];
        (text(&event["type"]), text(&object["metadata"]["name"]), version(object))
    }

    /// The next event tells this of this version of an object.
    pub async fn expect(&mut self, kind: &str, object: &Value) {
        let (got, name, at) = self.brief().await;
        let wanted = object["metadata"]["name"].as_str().expect("a name");
        assert_eq!((&*got, &*name, at), (kind, wanted, version(object)));
    }

    /// Reads on to an event of a type whose object is as wanted, and gives the object.
    pub async fn until(&mut self, kind: &str, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut event = self.next().await.unwrap_or_else(|| panic!("ended without {kind}"));
            assert_ne!(event["type"], "ERROR", "{event}");
            if event["type"] == kind && is(&event["object"]) {
                return event["object"].take();
            }
        }
    }
}
