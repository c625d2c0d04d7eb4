//! The end of a call, counted once, whichever way it ends.

use super::context::Context;
use super::methods::METHODS;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use tonic::Status;
use tonic::body::Body;

const GRPC_STATUS: &str = "grpc-status";

/// A call that has begun. Dropped without an end, it was given up by its client.
pub struct Call {
    context: Arc<Context>,
    method: usize,
    ended: bool,
}

impl Call {
    pub fn begin(context: Arc<Context>, method: usize) -> Self {
        tracing::trace!(method = METHODS[method].path, "call");
        context.methods.begin(method);
        Self { context, method, ended: false }
    }

    /// Reads the code in headers or trailers; no code there means `default`.
    fn end(&mut self, headers: &HeaderMap, default: Option<&[u8]>) {
        let code = headers.get(GRPC_STATUS).map(|code| code.as_bytes()).or(default);
        if code.is_some() && !self.ended {
            self.ended = true;
            self.context.methods.end(self.method, code);
        }
    }

    /// Ends a call of one response with its head: if that has no code, all went well.
    pub fn end_unary(mut self, response: &http::Response<Body>) {
        self.end(response.headers(), Some(b"0"));
    }

    /// Lets the call of a stream end with the body.
    pub fn end_stream(mut self, response: http::Response<Body>) -> http::Response<Body> {
        self.end(response.headers(), None);
        if self.ended {
            return response;
        }
        response.map(|body| Body::new(Tail { body, call: self }))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.context.methods.end(self.method, None);
        }
    }
}

/// The body of a stream, with its call.
struct Tail {
    body: Body,
    call: Call,
}

impl http_body::Body for Tail {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.end(trailers, None);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
