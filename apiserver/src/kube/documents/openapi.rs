//! `/openapi/v2`, `/openapi/v3` and what is below it.

use super::{Set, is_known};
use crate::kube::body::Body;
use crate::kube::call::Call;
use crate::kube::clock;
use crate::kube::negotiate::Clause;
use crate::kube::respond;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EXPIRES, LOCATION, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;
use std::collections::HashMap;
use xebec_core::document::Document;

const V2: &str = "/openapi/v2";
const V3: &str = "/openapi/v3";
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const V3_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
const JSON: &str = "application/json";
/// As long as a document under its hash may be kept.
const EXPIRES_S: i64 = 365 * 86_400;

/// What a request for a document says.
pub(super) struct Asked {
    /// `None` for version 2; empty for the index of version 3.
    name: Option<String>,
    accept: String,
    headers: HeaderMap,
    hash: String,
    gzip: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

/// Compressed documents, by their hash.
#[derive(Default)]
pub(super) struct Zipped(Mutex<HashMap<Box<str>, Bytes>>);

impl Zipped {
    fn of(&self, document: &Document) -> Bytes {
        if let Some(known) = self.0.lock().get(&document.hash) {
            return known.clone();
        }
        let zipped = Bytes::from(respond::gzip(&document.bytes));
        self.0.lock().insert(document.hash.clone(), zipped.clone());
        zipped
    }
}

impl Asked {
    /// `None` if there is nothing at that path.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let path = call.info.path.as_str();
        let name = match path {
            V2 => None,
            V3 => Some(String::new()),
            _ => Some(path.strip_prefix(V3)?.strip_prefix('/')?.to_owned()),
        };
        let accept = call.header("accept").filter(|accept| !accept.is_empty()).unwrap_or("*/*");
        Some(Self {
            name,
            accept: accept.to_owned(),
            headers: call.headers.clone(),
            hash: call.query.get("hash").unwrap_or_default().to_owned(),
            gzip: crate::kube::negotiate::takes_gzip(call),
        })
    }

    /// The first form of the client's list that there is.
    fn form(&self, protobuf: &str) -> Option<Form> {
        // Clients still ask with a character that media types may not have.
        let deprecated = protobuf.replace(".v1.0", "@v1.0");
        Clause::parse_all(&self.accept).iter().find_map(|clause| match clause.media_type() {
            "*/*" | "application/*" | JSON => Some(Form::Json),
            other => (other == protobuf || other == deprecated).then_some(Form::Protobuf),
        })
    }
}

/// `None` if there is no such document at all.
pub(super) fn answer(asked: &Asked, set: &Set) -> Option<Response<Body>> {
    let Some(name) = &asked.name else {
        return Some(match asked.form(V2_PROTOBUF) {
            None => not_acceptable(),
            Some(Form::Json) => serve(asked, set, (set.v2.json(), JSON)),
            Some(Form::Protobuf) => serve(asked, set, (set.v2.protobuf(), V2_PROTOBUF)),
        });
    };
    if name.is_empty() {
        return Some(serve(asked, set, (&set.v3().index, JSON)));
    }
    let Some(pair) = set.v3().by_name.get(name) else {
        let mut response = Response::new(Body::EMPTY);
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Some(response);
    };
    let hash = &pair.json.hash;
    if !asked.hash.is_empty() && *asked.hash != **hash {
        return Some(moved(&format!("{V3}/{name}?hash={hash}")));
    }
    let mut response = match asked.form(V3_PROTOBUF) {
        None => return Some(not_acceptable()),
        Some(Form::Json) => serve(asked, set, (&pair.json, JSON)),
        Some(Form::Protobuf) => serve(asked, set, (pair.protobuf(), V3_PROTOBUF)),
    };
    if !asked.hash.is_empty() {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
        let expires = clock::http_date(clock::now().seconds + EXPIRES_S);
        if let Ok(expires) = HeaderValue::try_from(expires) {
            headers.insert(EXPIRES, expires);
        }
    }
    Some(response)
}

fn serve(asked: &Asked, set: &Set, (document, kind): (&Document, &'static str)) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    let zipped = asked.gzip;
    if is_known(&asked.headers, document) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else if zipped {
        *response.body_mut() = set.zipped.of(document).into();
    } else {
        *response.body_mut() = document.bytes.clone().into();
    }
    let known = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding, Accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(etag) = HeaderValue::try_from(document.etag()) {
        headers.insert(ETAG, etag);
    }
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if zipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    response
}

fn not_acceptable() -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
    response
}

fn moved(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
