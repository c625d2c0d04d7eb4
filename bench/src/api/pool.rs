//! [`Pool`]: HTTP/2 connections to the servers, in turn. A [`Caller`] sends requests through one of
//! them, and has it made anew when the server closes it.

use super::access::Access;
use super::answer::Answer;
use super::load::Done;
use crate::BenchError;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Windows that suit lists of many megabytes.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// Longer than servers take to give up by themselves.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);
/// Requests that a closing connection did not take are sent again so often.
const ATTEMPTS_MAX: usize = 3;
/// What is not measured is asked for so often, so far apart.
const INSISTENCE: usize = 15;
const INSISTENCE_PAUSE: Duration = Duration::from_millis(200);

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub const PROTOBUF: HeaderValue = HeaderValue::from_static("application/vnd.kubernetes.protobuf");
const AGENT: HeaderValue = HeaderValue::from_static("xebec-bench");

type Sender = SendRequest<Full<Bytes>>;

/// One connection at a time; its driver ends with it.
struct Slot {
    generation: u64,
    sender: Sender,
    authority: Authority,
    _driver: JoinSet<()>,
}

pub struct Pool {
    access: Access,
    slots: Vec<Mutex<Slot>>,
}

impl Pool {
    pub async fn connect(access: &Access, connections: usize) -> Result<Self, BenchError> {
        let mut slots = Vec::with_capacity(connections);
        for at in 0..connections {
            slots.push(Mutex::new(Slot::open(access, at, 0).await?));
        }
        Ok(Self { access: access.clone(), slots })
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// A caller for a client by its number.
    pub async fn caller(self: &Arc<Self>, client: usize) -> Caller {
        let at = client % self.slots.len();
        let slot = self.slots[at].lock().await;
        Caller {
            pool: self.clone(),
            at,
            generation: slot.generation,
            sender: slot.sender.clone(),
            authority: slot.authority.clone(),
        }
    }
}

impl Slot {
    async fn open(access: &Access, at: usize, generation: u64) -> Result<Self, BenchError> {
        let (stream, server) = access.connect(at).await?;
        let authority = server.authority.clone();
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(STREAM_WINDOW_BYTES);
        builder.initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| unreachable(&authority, &error))?;
        let mut driver = JoinSet::new();
        // How it ends is seen by the requests on it.
        driver.spawn(async move { drop(connection.await) });
        Ok(Self { generation, sender, authority, _driver: driver })
    }
}

/// With its reasons: hyper's own text is only the outermost.
fn unreachable(server: &Authority, error: &dyn std::error::Error) -> BenchError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    BenchError::Unreachable { server: server.to_string(), reason }
}

pub struct Caller {
    pool: Arc<Pool>,
    at: usize,
    generation: u64,
    sender: Sender,
    authority: Authority,
}

/// What to ask of a path.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub accept: HeaderValue,
    pub content_type: HeaderValue,
    pub body: Bytes,
}

impl Ask {
    pub fn get() -> Self {
        Self::with_body(Method::GET, Bytes::new())
    }

    pub fn with_body(method: Method, body: impl Into<Bytes>) -> Self {
        Self { method, accept: JSON, content_type: JSON, body: body.into() }
    }
}

impl Caller {
    pub async fn get(&mut self, path: &str) -> Result<Answer, BenchError> {
        self.insist(path, Ask::get()).await
    }

    pub async fn put(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Answer, BenchError> {
        self.insist(path, Ask::with_body(Method::PUT, body)).await
    }

    pub async fn delete(&mut self, path: &str) -> Result<Answer, BenchError> {
        self.insist(path, Ask::with_body(Method::DELETE, Bytes::new())).await
    }

    /// Creates an object, unless it is there already.
    pub async fn create(&mut self, path: &str, body: impl Into<Bytes>) -> Result<(), BenchError> {
        let answer = self.insist(path, Ask::with_body(Method::POST, body)).await?;
        if answer.status == StatusCode::CONFLICT {
            return Ok(());
        }
        answer.success(path).map(drop)
    }

    /// Asks again where servers cannot answer for a moment: for what is not measured.
    pub async fn insist(&mut self, path: &str, ask: Ask) -> Result<Answer, BenchError> {
        let mut attempt = 1;
        loop {
            let answer = Box::pin(self.call(path, ask.clone())).await;
            let is_no_answer = match &answer {
                Ok(answer) => {
                    answer.status.is_server_error()
                        || answer.status == StatusCode::TOO_MANY_REQUESTS
                }
                Err(error) => matches!(error, BenchError::Unreachable { .. }),
            };
            if !is_no_answer || attempt == INSISTENCE {
                return answer;
            }
            attempt += 1;
            tokio::time::sleep(INSISTENCE_PAUSE).await;
        }
    }

    /// Asks, and reads the whole answer.
    pub async fn call(&mut self, path: &str, ask: Ask) -> Result<Answer, BenchError> {
        self.in_time(async |caller| {
            let response = caller.send(path, ask).await?;
            let status = response.status();
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| unreachable(&caller.authority, &error))?;
            Ok(Answer { status, body: body.to_bytes() })
        })
        .await
    }

    /// Asks, and hands over the answer as it comes: for watches.
    pub async fn open(&mut self, path: &str) -> Result<Response<Incoming>, BenchError> {
        self.send(path, Ask::get()).await
    }

    /// Asks, and counts the bytes of the answer instead of keeping them; of a refusal it keeps the
    /// words.
    pub async fn count(&mut self, path: &str, ask: Ask) -> Result<Done, BenchError> {
        let begun = Instant::now();
        self.in_time(async |caller| {
            let mut response = caller.send(path, ask).await?;
            if !response.status().is_success() {
                let status = response.status();
                let body = response.into_body().collect().await;
                let body = body.map_err(|error| unreachable(&caller.authority, &error))?;
                Answer { status, body: body.to_bytes() }.success(path)?;
                return Ok(Done::default());
            }
            let mut done = Done::default();
            while let Some(frame) = response.body_mut().frame().await {
                let frame = frame.map_err(|error| unreachable(&caller.authority, &error))?;
                done.first_byte_us.get_or_insert_with(|| begun.elapsed().as_micros() as u32);
                done.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
            }
            Ok(done)
        })
        .await
    }

    async fn in_time<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut Self) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, ask(self)).await;
        answered.unwrap_or_else(|_| {
            Err(BenchError::Unreachable {
                server: self.authority.to_string(),
                reason: format!("no answer within {REQUEST_TIMEOUT:?}"),
            })
        })
    }

    async fn send(&mut self, path: &str, ask: Ask) -> Result<Response<Incoming>, BenchError> {
        let mut attempt = 1;
        loop {
            let request = self.request(path, ask.clone())?;
            match self.sender.send_request(request).await {
                Ok(response) => return Ok(response),
                Err(error) if attempt < ATTEMPTS_MAX && self.sender.is_closed() => {
                    attempt += 1;
                    // What was sent may have been done: only what surely was not is sent again.
                    if !error.is_canceled() {
                        self.renew().await?;
                        return Err(unreachable(&self.authority, &error));
                    }
                    self.renew().await?;
                }
                Err(error) => return Err(unreachable(&self.authority, &error)),
            }
        }
    }

    fn request(&self, path: &str, ask: Ask) -> Result<Request<Full<Bytes>>, BenchError> {
        let wrong = |error: http::Error| BenchError::Invalid(format!("{path}: {error}"));
        let path_and_query = PathAndQuery::try_from(path).map_err(|error| wrong(error.into()))?;
        let uri = Uri::builder().scheme(Scheme::HTTPS).authority(self.authority.clone());
        let uri = uri.path_and_query(path_and_query).build().map_err(wrong)?;
        let mut request = Request::builder().method(ask.method).uri(uri);
        request = request.header(ACCEPT, ask.accept).header(USER_AGENT, AGENT);
        if !ask.body.is_empty() {
            request = request.header(CONTENT_TYPE, ask.content_type);
        }
        if let Some(authorization) = &self.pool.access.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::new(ask.body)).map_err(wrong)
    }

    /// A new connection in place of a closed one, unless another caller has made it already.
    async fn renew(&mut self) -> Result<(), BenchError> {
        let pool = self.pool.clone();
        let mut slot = pool.slots[self.at].lock().await;
        if slot.generation == self.generation {
            *slot = Slot::open(&pool.access, self.at, self.generation + 1).await?;
        }
        self.generation = slot.generation;
        self.sender = slot.sender.clone();
        Ok(())
    }
}
