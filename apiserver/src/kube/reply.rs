//! [`Reply`]: what a handler answers, before it is written in the form that the client asked for.

use super::body::Body;
use super::object::Stored;
use http::Response;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

/// A handler's answer.
pub enum Reply {
    /// An object of the request's resource (or of what its subresource shows) in the client's
    /// version.
    Object { code: u16, object: Object },
    /// An object as it lies in the keyspace, for a read that changes nothing about it.
    Stored(Stored),
    /// A list of the request's resource in the client's version.
    List(Object),
    /// A `Status` that tells of success.
    Status { code: u16, status: Object },
    /// Written by the handler itself: streams and documents.
    Raw(Response<Body>),
}

pub type Answer = Result<Reply, Status>;

/// A `Status` that tells of success and nothing else.
pub fn success(code: u16) -> Object {
    let mut status = Object::new();
    status.push("kind", "Status".into());
    status.push("apiVersion", "v1".into());
    status.push("metadata", Value::Object(Object::new()));
    status.push("status", "Success".into());
    status.push("code", Value::Int(code.into()));
    status
}
