//! Lists: which state of the keyspace, which part of it, in which form.
//!
//! A list is never held whole. What has to be known before the first byte (where a page ends, how
//! long a protobuf is) is found out by walking over the objects once; then they are written as the
//! client takes them.

mod body;
mod frame;
mod indent;
mod kept;
pub mod options;
mod page;
mod protobuf;
pub mod source;
mod state;
pub mod token;
mod writer;

pub(super) use kept::Room;
pub use page::{Chosen, chosen, select};
pub(super) use protobuf::push_field;
pub(super) use state::reached;
pub(super) use writer::push_json;

use self::body::{Begun, ListBody};
use self::frame::{Frame, ListMeta};
use self::kept::Kept;
use self::options::ListOptions;
use self::page::Page;
use self::protobuf::ProtobufList;
use self::source::Items;
use self::state::State;
use self::writer::Writer;
use super::api::Api;
use super::body::Body;
use super::call::Call;
use super::found::Found;
use super::limits::{GZIP_BYTES_MIN, LIST_EXAMINED_PER_TURN};
use super::negotiate::{Media, Offers, Wanted, negotiate};
use super::protobuf::Encoder;
use super::reply::{Answer, Reply};
use super::respond;
use super::selection::{Matcher, Scope};
use super::shape::{AtRest, Shape};
use http::header::{CONTENT_ENCODING, VARY};
use http::{HeaderValue, Response};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

/// What a resource's objects can be shown as.
pub(super) fn offers(found: &Found) -> Offers {
    // Custom resources have no protobuf.
    Offers { protobuf: !found.resource.custom, ..Offers::ALL }
}

/// Answers a list.
pub async fn list(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let wanted = negotiate(call, offers(found))?;
    let options = ListOptions::parse(call, found)?;
    let token = options.token()?;
    let (resource, namespace) = (&found.resource, &call.info.namespace);
    let scope = Scope::of(resource, namespace, &options.selection, token.is_some());
    let matcher = Arc::new(Matcher::new(found, options.selection.clone()));
    let state = State::find(api, &options, token, scope).await?;
    let Page { items, meta } = Page::find(&state, &options, &matcher).await?;
    let shape = Arc::new(Shape::new(found, &wanted, call)?);
    if shape.printer().is_some_and(xebec_core::table::Printer::sorts) {
        return sorted_table(&shape, &wanted, (items, &meta), call.now).await;
    }
    let writer = match wanted.media {
        Media::Json => Writer::json(shape.clone(), call.now, Frame::new(&shape, &meta, call.now)),
        Media::Yaml => Writer::yaml(shape.clone(), call.now, Frame::new(&shape, &meta, call.now))?,
        Media::Protobuf => {
            let again = Page::find(&state, &options, &matcher).await?.items;
            let mut kept = Kept::new(api.lists.clone());
            let bytes = measure(&shape, again, &mut kept).await?;
            let list = ProtobufList::new(&shape, &meta, bytes)?;
            Writer::protobuf(shape.clone(), call.now, list, kept)
        }
    };
    let pretty = wanted.pretty && wanted.media == Media::Json;
    answer(ListBody::new(items, writer, pretty), &wanted).await
}

/// Begins to make the body: a short one is sent whole, a long one as it comes.
async fn answer(mut body: ListBody, wanted: &Wanted) -> Answer {
    let begun = body.begin(if wanted.gzip { GZIP_BYTES_MIN } else { 0 }).await?;
    let begun = match begun {
        Begun::Whole(bytes) => return Ok(Reply::Raw(respond::bytes_in(wanted, 200, bytes.into()))),
        Begun::Part(begun) => begun,
    };
    let mut response: Response<Body> = respond::head(200, wanted.media.content_type());
    if wanted.gzip {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    *response.body_mut() = Body::stream(body.go_on(begun, wanted.gzip));
    Ok(Reply::Raw(response))
}

/// What the items of a list take in protobuf.
async fn measure(shape: &Shape, mut items: Items, kept: &mut Kept) -> Result<usize, Status> {
    let mut bytes = 0;
    let mut encoder = Encoder::default();
    let examined = LIST_EXAMINED_PER_TURN / 32;
    let mut more = true;
    while more {
        more = poll_fn(|cx| {
            items.poll_each(cx, examined, |kv| {
                let item = encoder.encode(shape, AtRest::from(kv))?;
                bytes += ProtobufList::item_bytes(item.len());
                kept.push(item);
                Ok(ControlFlow::Continue(()))
            })
        })
        .await?;
        tokio::task::yield_now().await;
    }
    Ok(bytes)
}

/// The table of a kind whose rows stand in an order of their own; only few and rare kinds do.
async fn sorted_table(
    shape: &Shape,
    wanted: &Wanted,
    (mut items, meta): (Items, &ListMeta),
    now: Timestamp,
) -> Answer {
    let mut all = Vec::new();
    let mut more = true;
    while more {
        more = poll_fn(|cx| {
            items.poll_each(cx, LIST_EXAMINED_PER_TURN, |kv| {
                all.push(Value::Object(shape.whole(AtRest::from(kv))?));
                Ok(ControlFlow::Continue(()))
            })
        })
        .await?;
    }
    let mut list = Object::new();
    list.push("metadata", Value::Object(meta.typed()));
    list.push("items", Value::Array(all));
    let printer = shape.printer().ok_or_else(|| Status::internal("no table"))?;
    let table = printer.table(&Value::Object(list), &shape.table_options(now, false));
    let mut bytes = Vec::new();
    match (wanted.media, &table) {
        (Media::Yaml, Value::Object(table)) => {
            bytes = respond::yaml(table)?.into_bytes();
        }
        _ if wanted.pretty => {
            bytes = serde_json::to_vec_pretty(&table).map_err(Status::internal)?;
        }
        _ => {
            push_json(&mut bytes, &table);
            bytes.push(b'\n');
        }
    }
    Ok(Reply::Raw(respond::bytes_in(wanted, 200, bytes.into())))
}
