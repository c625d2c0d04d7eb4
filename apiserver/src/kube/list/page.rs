//! [`Page`]: which objects an answer shows, and what it says of the rest.

use super::frame::ListMeta;
use super::options::ListOptions;
use super::source::{Items, Memory, Past, Source};
use super::state::State;
use super::token::Token;
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::facts::Facts;
use crate::kube::found::Found;
use crate::kube::limits::LIST_EXAMINED_PER_TURN;
use crate::kube::object::Stored;
use crate::kube::selection::{Matcher, Scope, Selection};
use bytes::Bytes;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_store::View;
use xebec_store::command::KeyRange;
use xebec_store::kv::Revision;

/// A part of a list, or all of it.
#[derive(Debug)]
pub struct Page {
    pub items: Items,
    pub meta: ListMeta,
}

impl Page {
    /// Finds out where the page ends.
    pub async fn find(
        state: &State,
        options: &ListOptions,
        matcher: &Arc<Matcher>,
    ) -> Result<Self, Status> {
        let mut meta = ListMeta { revision: state.revision, ..ListMeta::default() };
        let Some(limit) = options.page_limit().filter(|_| state.scope.single.is_none()) else {
            let source = source(state, state.range.clone());
            return Ok(Self { items: Items::new(source, matcher.clone()), meta });
        };
        let end = if state.is_current() && matcher.is_empty() {
            skip(state, limit)
        } else {
            last_selected(state, limit, matcher).await?
        };
        let Some(End { last, more: true }) = end else {
            let source = source(state, state.range.clone());
            return Ok(Self { items: Items::new(source, matcher.clone()), meta });
        };
        let after: Bytes = [&last[..], b"\0"].concat().into();
        let start = after.strip_prefix(state.scope.prefix.as_bytes()).unwrap_or(&after);
        let start = String::from_utf8_lossy(start).into_owned();
        meta.continues = Some(Token { revision: Some(state.revision), start }.encode());
        if matcher.is_empty() {
            // What the live keys say is exact for a current page, and near enough for an older
            // one: counting those would cost more than the page.
            let live = state.view.keys().within(&state.range).len();
            meta.remaining = Some(live.saturating_sub(limit).max(1));
        }
        let source = source(state, KeyRange { key: state.range.key.clone(), end: after });
        Ok(Self { items: Items::new(source, matcher.clone()), meta })
    }
}

/// Where a page ends.
struct End {
    last: Bytes,
    /// There are keys after it.
    more: bool,
}

fn source(state: &State, range: KeyRange) -> Source {
    if state.is_current() {
        Source::Memory(Memory::new(state.view.clone(), &range))
    } else {
        Source::Past(Past::new(state.view.clone(), state.revision, range))
    }
}

/// The end of a page of all objects: known without looking at them.
fn skip(state: &State, limit: usize) -> Option<End> {
    let Memory { view, next, end } = Memory::new(state.view.clone(), &state.range);
    let stop = next.saturating_add(limit).min(end);
    let last = view.keys().slice(stop.checked_sub(1)?, 1).next().filter(|_| stop > next)?;
    Some(End { last: last.key.clone(), more: stop < end })
}

/// The end of a page of selected objects: the key of the last one, once there are enough.
async fn last_selected(
    state: &State,
    limit: usize,
    matcher: &Arc<Matcher>,
) -> Result<Option<End>, Status> {
    let mut items = Items::new(source(state, state.range.clone()), matcher.clone());
    let (mut found, mut end) = (0, None);
    let mut more = true;
    while more && end.is_none() {
        more = poll_fn(|cx| {
            items.poll_each(cx, LIST_EXAMINED_PER_TURN, |kv| {
                found += 1;
                if found < limit {
                    return Ok(ControlFlow::Continue(()));
                }
                end = Some(kv.key.clone());
                Ok(ControlFlow::Break(()))
            })
        })
        .await?;
        tokio::task::yield_now().await;
    }
    let Some(last) = end else { return Ok(None) };
    // Selected or not: a page that is full ends before whatever comes next.
    let mut rest = Items::new(items.source, Arc::new(matcher.of_all()));
    let mut more = false;
    poll_fn(|cx| {
        rest.poll_each(cx, 1, |_| {
            more = true;
            Ok(ControlFlow::Break(()))
        })
    })
    .await?;
    Ok(Some(End { last, more }))
}

/// The objects that a request on a collection means.
#[derive(Debug)]
pub struct Chosen {
    pub revision: Revision,
    pub items: Vec<Stored>,
}

/// Finds out which objects a request on a collection means, for a write.
pub async fn chosen(api: &Api, call: &Call, found: &Found) -> Result<Chosen, Status> {
    let options = ListOptions::parse(call, found)?;
    let view = api.storage.view().await?;
    let namespace = &call.info.namespace;
    let all = select(&view, found, namespace, options.selection.clone());
    let items = all.take(options.page_limit().unwrap_or(usize::MAX)).collect::<Result<_, _>>()?;
    Ok(Chosen { revision: view.revision(), items })
}

/// The selected objects of a view, of one namespace or (empty) of all.
pub fn select<'v>(
    view: &'v View,
    found: &Found,
    namespace: &str,
    selection: Selection,
) -> impl Iterator<Item = Result<Stored, Status>> + use<'v> {
    let range = Scope::of(&found.resource, namespace, &selection, false).range();
    let matcher = Matcher::new(found, selection);
    let mut facts = Facts::default();
    view.keys().within(&range).filter_map(move |kv| {
        match matcher.admits(&kv.key, &kv.value, &mut facts) {
            Ok(true) => Some(Ok(Stored { kv: kv.clone() })),
            Ok(false) => None,
            Err(status) => Some(Err(status)),
        }
    })
}
