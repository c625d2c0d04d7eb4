//! [`Call`]: one request, taken apart, on its way through the stages.

use super::query::Query;
use super::request::RequestInfo;
use super::user::User;
use bytes::Bytes;
use http::{HeaderMap, Method};
use xebec_core::time::Timestamp;

/// A request whose body has arrived.
#[derive(Debug, Clone)]
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A request as a test makes it.
    pub fn call(method: &str, uri: &str, body: &str) -> Call {
        let method: Method = method.parse().expect("a method");
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let query = Query::parse(query);
        Call {
            info: RequestInfo::new(&method, path, &query),
            method,
            query,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            user: User::default(),
            now: Timestamp { seconds: 0, nanos: 0 },
            warnings: Vec::new(),
        }
    }
}
