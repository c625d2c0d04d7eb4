//! [`Source`]: the objects of a list, from memory or from history, a few at a time.

use crate::kube::errors;
use crate::kube::facts::Facts;
use crate::kube::limits::PAST_PAGE_KEYS;
use crate::kube::selection::Matcher;
use std::future::Future as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;
use xebec_core::status::Status;
use xebec_store::command::KeyRange;
use xebec_store::kv::{KeyValue, Revision};
use xebec_store::{Page, ReadError, View};

/// Where objects come from. Nothing is held but a view, which costs nothing, and one page of what
/// is read from disk.
#[derive(Debug)]
pub enum Source {
    Memory(Memory),
    Past(Past),
}

/// Keys of a view's newest state, by their places.
#[derive(Debug, Clone)]
pub struct Memory {
    pub view: Arc<View>,
    pub next: usize,
    pub end: usize,
}

/// Keys as they were at an earlier revision.
#[derive(Debug)]
pub struct Past {
    view: Arc<View>,
    revision: Revision,
    /// What has not been read yet.
    rest: KeyRange,
    page: std::vec::IntoIter<Arc<KeyValue>>,
    more: bool,
    reading: Option<JoinHandle<Result<Page, ReadError>>>,
}

impl Memory {
    pub fn new(view: Arc<View>, range: &KeyRange) -> Self {
        let next = view.keys().rank(&range.key);
        let end = next + view.keys().within(range).len();
        Self { view, next, end }
    }
}

impl Past {
    pub fn new(view: Arc<View>, revision: Revision, range: KeyRange) -> Self {
        let page = Vec::new().into_iter();
        Self { view, revision, rest: range, page, more: true, reading: None }
    }

    /// Ready when the page has something, or nothing is left.
    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        while self.page.as_slice().is_empty() && self.more {
            let reading = self.reading.get_or_insert_with(|| {
                let (view, rest, revision) = (self.view.clone(), self.rest.clone(), self.revision);
                tokio::task::spawn_blocking(move || view.page(&rest, revision, PAST_PAGE_KEYS))
            });
            let read = ready!(Pin::new(reading).poll(cx));
            self.reading = None;
            let page = read.map_err(|_| Status::unavailable("the server is stopping"))?;
            let page =
                page.map_err(|error| errors::read(&error, self.revision, self.view.revision()))?;
            self.more = page.more;
            if let Some(last) = page.kvs.last() {
                let next = [&last.key[..], b"\0"].concat();
                self.rest = KeyRange { key: next.into(), end: self.rest.end.clone() };
            }
            self.page = page.kvs.into_iter();
        }
        Poll::Ready(Ok(()))
    }
}

impl Source {
    /// Hands objects to `f` until it breaks; true if there may be more.
    fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        mut f: impl FnMut(&Arc<KeyValue>) -> Result<ControlFlow<()>, Status>,
    ) -> Poll<Result<bool, Status>> {
        match self {
            Self::Memory(memory) => {
                let count = memory.end.saturating_sub(memory.next);
                for kv in memory.view.keys().slice(memory.next, count) {
                    memory.next += 1;
                    if f(kv)?.is_break() {
                        return Poll::Ready(Ok(true));
                    }
                }
                Poll::Ready(Ok(false))
            }
            Self::Past(past) => loop {
                ready!(past.poll_page(cx))?;
                if past.page.as_slice().is_empty() {
                    return Poll::Ready(Ok(false));
                }
                for kv in past.page.by_ref() {
                    if f(&kv)?.is_break() {
                        return Poll::Ready(Ok(true));
                    }
                }
            },
        }
    }
}

/// The selected objects of a source.
#[derive(Debug)]
pub struct Items {
    pub source: Source,
    matcher: Arc<Matcher>,
    facts: Facts,
}

impl Items {
    pub fn new(source: Source, matcher: Arc<Matcher>) -> Self {
        Self { source, matcher, facts: Facts::default() }
    }

    /// There are no more items than this.
    pub fn count_max(&self) -> usize {
        match &self.source {
            Source::Memory(memory) => memory.end.saturating_sub(memory.next),
            Source::Past(past) if past.more => usize::MAX,
            Source::Past(past) => past.page.as_slice().len(),
        }
    }

    /// Hands selected objects to `f` until it breaks, or `examined_max` have been looked at; true
    /// if there may be more.
    pub fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        examined_max: usize,
        mut f: impl FnMut(&KeyValue) -> Result<ControlFlow<()>, Status>,
    ) -> Poll<Result<bool, Status>> {
        let Self { source, matcher, facts } = self;
        let mut examined = 0;
        source.poll_each(cx, |kv| {
            examined += 1;
            let selected = matcher.is_empty() || matcher.admits(&kv.key, &kv.value, facts)?;
            if selected && f(kv)?.is_break() || examined >= examined_max {
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}
