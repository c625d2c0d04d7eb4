//! [`Answer`]: what a server said, and what it means if it is no.

use crate::BenchError;
use bytes::Bytes;
use http::StatusCode;

/// Of a server's text, what an error shows.
const SHOWN_BYTES_MAX: usize = 300;

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The answer, unless it is an error; `what` was asked.
    pub fn success(self, what: &str) -> Result<Self, BenchError> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(BenchError::Refused {
            what: what.to_owned(),
            code: self.status.as_u16(),
            message: self.message(),
        })
    }

    /// The message of a Status, else the beginning of the text.
    fn message(&self) -> String {
        let status = self.json();
        let message = status.as_ref().and_then(|status| status.get("message")?.as_str());
        let text = message.map_or_else(|| String::from_utf8_lossy(&self.body), Into::into);
        text.trim().chars().take(SHOWN_BYTES_MAX).collect()
    }

    /// The resource version of the object or list, found without decoding the rest: it is the
    /// first, because metadata stands before all else that may have one.
    pub fn resource_version(&self) -> Option<&str> {
        const FIELD: &[u8] = b"\"resourceVersion\":\"";
        let start = memchr::memmem::find(&self.body, FIELD)? + FIELD.len();
        let length = memchr::memchr(b'"', &self.body[start..])?;
        std::str::from_utf8(&self.body[start..start + length]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, body: &'static str) -> Answer {
        let status = StatusCode::from_u16(code).expect("a code");
        Answer { status, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn refusals_show_the_servers_words() {
        let refused = answer(403, r#"{"kind":"Status","message":"pods is forbidden"}"#);
        let error = refused.success("POST pods").expect_err("refused").to_string();
        assert_eq!(error, "POST pods: 403: pods is forbidden");
        let plain = answer(503, "not ready\n").success("GET").expect_err("refused").to_string();
        assert_eq!(plain, "GET: 503: not ready");
        assert!(answer(201, "").success("POST").is_ok());
    }

    #[test]
    fn the_resource_version_is_found() {
        let found = answer(200, r#"{"metadata":{"name":"a","resourceVersion":"17"}}"#);
        assert_eq!(found.resource_version(), Some("17"));
        assert_eq!(answer(200, "{}").resource_version(), None);
    }
}
