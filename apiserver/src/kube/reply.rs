//! [`Reply`]: what a handler answers, before it is written in the form that the client asked for.

use super::body::Body;
use super::object::Stored;
use http::Response;
use xebec_core::status::Status;
use xebec_core::value::Object;

/// A handler's answer.
pub enum Reply {
    /// An object in the client's version.
    Object { code: u16, object: Object },
    /// An object as it lies in the keyspace, for a read that changes nothing about it.
    Stored(Stored),
    /// Success without an object.
    Success(Object),
    /// Written by the handler itself: lists, watches, documents.
    Raw(Response<Body>),
}

pub type Answer = Result<Reply, Status>;
