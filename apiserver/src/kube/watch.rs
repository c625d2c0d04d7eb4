//! Watches: changes as they happen, from a resource version on.
//!
//! A watch is a cursor in the store's hub of watches. The bytes that it sends are made once for all
//! watches of its [`kind`] and hang on the store's events ([`shared`]); a [`body::WatchBody`] hands
//! them to the connection when that has room.

mod body;
mod change;
mod field_class;
mod framer;
mod kind;
mod shared;

pub use kind::Kinds;

use self::body::{Beginning, ID, Terms, WatchBody, too_old};
use super::api::Api;
use super::body::Body;
use super::call::Call;
use super::clock;
use super::found::Found;
use super::limits::WATCH_TIMEOUT_MIN;
use super::list::offers;
use super::list::options::ListOptions;
use super::list::reached;
use super::list::source::{Items, Memory, Source};
use super::negotiate::{JSON, Media, PROTOBUF, negotiate};
use super::reply::{Answer, Reply};
use super::respond;
use super::selection::{Matcher, Scope};
use super::shape::Shape;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use xebec_core::status::Status;
use xebec_store::View;
use xebec_store::kv::Revision;
use xebec_store::watch::WatchSpec;

/// Answers a watch.
pub async fn watch(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let wanted = negotiate(call, offers(found))?;
    let options = ListOptions::parse(call, found)?;
    let asked = options.revision().map_err(|error| Status::unclassified(error.to_string()))?;
    let shape = Shape::new(found, &wanted, call)?;
    if wanted.media == Media::Yaml {
        let all = [JSON, PROTOBUF].map(|media| format!("{media};stream=watch"));
        return Err(Status::not_acceptable(&all.each_ref().map(String::as_str)));
    }
    let scope = Scope::of(&found.resource, &call.info.namespace, &options.selection, false);
    let kind = api.watches.get(found, shape, options.selection.clone());
    let (beginning, position) = begin(api, &options, asked, (&scope, &kind.matcher)).await?;
    let mut hub = api.storage.replica().store().watches().open();
    if !matches!(beginning, Beginning::Error(_)) {
        let spec = WatchSpec {
            range: scope.range(),
            start_revision: position.saturating_add(1),
            no_put: false,
            no_delete: false,
            prev_kv: false,
        };
        hub.watch_topic(ID, spec, kind.topic.clone());
    }
    let deadline = Instant::now() + timeout(options.timeout_s);
    let terms = Terms { position, bookmarks: options.bookmarks, deadline };
    let mut response = respond::head(200, kind.framer.content_type());
    let content_type = HeaderValue::from_static(kind.framer.content_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    let resource = &found.resource;
    let sent = api.metrics.events(&resource.group, &found.version().name, &resource.plural);
    let mut body = WatchBody::new(kind, hub, beginning, terms).counting(sent);
    if found.resource.custom {
        body = body.until(api.custom.until_changed(found));
    }
    *response.body_mut() = Body::stream(body);
    Ok(Reply::Raw(response))
}

/// Where a watch begins, and the revision after which it tells of changes.
async fn begin(
    api: &Api,
    options: &ListOptions,
    asked: Revision,
    (scope, matcher): (&Scope, &Arc<Matcher>),
) -> Result<(Beginning, Revision), Status> {
    let storage = &api.storage;
    let objects = |view: Arc<View>, bookmark| {
        let revision = view.revision();
        let source = Source::Memory(Memory::new(view, &scope.range()));
        let items = Box::new(Items::new(source, matcher.clone()));
        (Beginning::Objects { items, bookmark }, revision)
    };
    match options.initial_events {
        // Zero allows any state; a client that goes from replica to replica should still never see
        // time run backwards.
        Some(true) if asked == 0 => Ok(objects(storage.view().await?, options.bookmarks)),
        Some(true) => Ok(match reached(storage, asked).await {
            Ok(view) => objects(view, options.bookmarks),
            Err(status) => (Beginning::Error(status), asked),
        }),
        None if asked == 0 => Ok(objects(storage.view().await?, false)),
        Some(false) if asked == 0 => Ok((Beginning::Changes, storage.view().await?.revision())),
        Some(false) | None => {
            let compacted = storage.local_view().compact_revision();
            if asked < compacted {
                return Ok((Beginning::Error(too_old(asked, compacted)), asked));
            }
            Ok((Beginning::Changes, asked))
        }
    }
}

/// How long a watch goes on. Those that do not say end at different times, so that their clients
/// do not all come back at once.
fn timeout(asked_s: Option<i64>) -> Duration {
    match asked_s {
        None | Some(0) => {
            let random = u16::from_be_bytes(clock::random());
            WATCH_TIMEOUT_MIN + WATCH_TIMEOUT_MIN * u32::from(random) / u32::from(u16::MAX)
        }
        Some(seconds) => {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            Duration::from_secs(seconds).min(WATCH_TIMEOUT_MAX)
        }
    }
}

/// Longer than any client waits; what is added to the clock has to stay within it.
const WATCH_TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);
