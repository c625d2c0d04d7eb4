//! `/api`, `/apis` and what is below them, down to the lists of resources.

use super::{Set, is_known};
use crate::kube::body::Body;
use crate::kube::call::Call;
use crate::kube::decode;
use crate::kube::negotiate::{self, Clause, Form, Media, Offers, Wanted};
use crate::kube::respond::{self, Shown};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderValue, Response, StatusCode};
use xebec_core::discovery::{Stage, api_versions};
use xebec_core::document::Document;
use xebec_core::schema::BUILT_IN;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

const AGGREGATED_KIND: &str = "APIGroupDiscoveryList";
const AGGREGATED_GROUP: &str = "apidiscovery.k8s.io";
/// v2beta1 is gone from upstream since 1.35.
const AGGREGATED_VERSION: &str = "v2";

pub(super) fn answer(
    call: &Call,
    path: &str,
    set: &Set,
    address: &str,
) -> Result<Response<Body>, Status> {
    let top = matches!(path, "/api" | "/apis");
    if top && let Some(media) = aggregated(call) {
        return aggregate(call, set.discovery().aggregated(path == "/api", Stage::V2), media);
    }
    if path == "/api" {
        let document = Document::json(&api_versions(&set.registry, address));
        return plain(call, &document, "APIVersions");
    }
    let Some(document) = set.discovery().plain.get(path) else {
        return Err(Status::no_such_resource());
    };
    let kind = match path.matches('/').count() {
        1 => "APIGroupList",
        2 if path.starts_with("/apis/") => "APIGroup",
        _ => "APIResourceList",
    };
    plain(call, document, kind)
}

/// The form of the aggregated document, if it is what the client likes best.
fn aggregated(call: &Call) -> Option<Media> {
    let accept = call.header("accept")?;
    let clauses = Clause::parse_all(accept);
    let accepted = clauses.iter().find_map(|clause| {
        let media = clause.media()?;
        match clause.get("as") {
            None => Some((media, false)),
            Some(kind) => {
                let fits = kind == AGGREGATED_KIND
                    && clause.get("g") == Some(AGGREGATED_GROUP)
                    && clause.get("v") == Some(AGGREGATED_VERSION);
                fits.then_some((media, true))
            }
        }
    });
    accepted.and_then(|(media, aggregated)| aggregated.then_some(media))
}

fn aggregate(call: &Call, document: &Document, media: Media) -> Result<Response<Body>, Status> {
    let mut response = if is_known(&call.headers, document) {
        let mut response = Response::new(Body::EMPTY);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let wanted = Wanted { media, ..negotiate::plain_form(call) };
        let message = decode::built_in(AGGREGATED_GROUP, AGGREGATED_VERSION, AGGREGATED_KIND);
        let mut response = write(&wanted, document, message)?;
        let kind = format!(
            "{};g={AGGREGATED_GROUP};v={AGGREGATED_VERSION};as={AGGREGATED_KIND}",
            media.content_type()
        );
        if let Ok(kind) = HeaderValue::try_from(kind) {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    if let Ok(etag) = HeaderValue::try_from(document.etag()) {
        headers.insert(ETAG, etag);
    }
    Ok(response)
}

fn plain(call: &Call, document: &Document, kind: &str) -> Result<Response<Body>, Status> {
    let wanted = negotiate::negotiate(call, Offers::PLAIN)?;
    write(&wanted, document, decode::built_in("meta.k8s.io", "v1", kind))
}

/// As it lies there, or in the form that the client wants.
fn write(
    wanted: &Wanted,
    document: &Document,
    message: Option<xebec_core::schema::MessageId>,
) -> Result<Response<Body>, Status> {
    if wanted.media == Media::Json && !wanted.pretty && wanted.form == Form::Object {
        let mut bytes = Vec::with_capacity(document.bytes.len() + 1);
        bytes.extend_from_slice(&document.bytes);
        bytes.push(b'\n');
        return Ok(respond::bytes_in(wanted, 200, bytes.into()));
    }
    let value: Value = serde_json::from_slice(&document.bytes).map_err(Status::internal)?;
    let object: &Object = value.as_object().ok_or_else(|| Status::internal("no object"))?;
    Ok(respond::object(wanted, 200, Shown { object, schema: &BUILT_IN, message }))
}
