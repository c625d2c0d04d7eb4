//! [`Call`]: one request, taken apart, on its way through the stages.

use super::query::Query;
use super::request::RequestInfo;
use super::user::User;
use bytes::Bytes;
use http::{HeaderMap, Method};
use xebec_core::time::Timestamp;

/// A request whose body has arrived.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    pub info: RequestInfo,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub user: User,
    pub now: Timestamp,
    /// For the `Warning` headers of the answer.
    pub warnings: Vec<String>,
}

impl Call {
    /// A header's text; headers that are no text count as absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn user_agent(&self) -> &str {
        self.header("user-agent").unwrap_or_default()
    }

    pub fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        self.warnings.extend(warnings);
    }
}
