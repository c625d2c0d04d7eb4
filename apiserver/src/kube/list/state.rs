//! [`State`]: the state of the keyspace that a list shows.

use super::options::{ListOptions, Moment};
use super::token::Token;
use crate::kube::api::Api;
use crate::kube::errors;
use crate::kube::limits::{FRESH_POLL_INTERVAL, FRESH_TIMEOUT};
use crate::kube::selection::Scope;
use crate::kube::storage::Storage;
use std::sync::Arc;
use tokio::time::{Instant, sleep, timeout_at};
use xebec_core::status::Status;
use xebec_store::View;
use xebec_store::command::KeyRange;
use xebec_store::kv::Revision;

/// A revision, and the keys to look at.
#[derive(Debug, Clone)]
pub struct State {
    pub view: Arc<View>,
    /// The view's own, or an earlier one.
    pub revision: Revision,
    pub scope: Scope,
    pub range: KeyRange,
}

impl State {
    /// Waits until this replica has what is asked for: 504 if that takes too long, 410 if it is
    /// gone.
    pub async fn find(
        api: &Api,
        options: &ListOptions,
        token: Option<Token>,
        scope: Scope,
    ) -> Result<Self, Status> {
        let Some(Token { revision, start }) = token else {
            let (view, revision) = at(&api.storage, options.moment()?).await?;
            if revision < view.compact_revision() {
                return Err(Status::expired(LIST_EXPIRED));
            }
            let range = scope.range();
            return Ok(Self { view, revision, scope, range });
        };
        let moment = revision.map_or(Moment::Latest, Moment::Exactly);
        let (view, revision) = at(&api.storage, moment).await?;
        if revision < view.compact_revision() {
            let next = Token { revision: None, start };
            return Err(Status::expired(PAGE_EXPIRED).continuing(next.encode()));
        }
        let range = scope.range_from(format!("{}{start}", scope.prefix));
        Ok(Self { view, revision, scope, range })
    }

    /// True if the objects are in memory.
    pub fn is_current(&self) -> bool {
        self.revision == self.view.revision()
    }
}

/// A view that shows a moment, and the moment's revision.
async fn at(storage: &Storage, moment: Moment) -> Result<(Arc<View>, Revision), Status> {
    match moment {
        Moment::Latest => {
            let view = storage.view().await?;
            let revision = view.revision();
            Ok((view, revision))
        }
        Moment::NotBefore(least) => {
            let view = reached(storage, least).await?;
            let revision = view.revision();
            Ok((view, revision))
        }
        Moment::Exactly(revision) => Ok((reached(storage, revision).await?, revision)),
    }
}

/// A view of a revision or later; waits for it a little.
pub async fn reached(storage: &Storage, revision: Revision) -> Result<Arc<View>, Status> {
    let view = storage.local_view();
    if view.revision() >= revision {
        return Ok(view);
    }
    let deadline = Instant::now() + FRESH_TIMEOUT;
    // Whoever names a revision has mostly seen it: then it is confirmed, and this is enough.
    let _ = timeout_at(deadline, storage.view()).await;
    loop {
        let view = storage.local_view();
        if view.revision() >= revision {
            return Ok(view);
        }
        if Instant::now() >= deadline {
            return Err(errors::too_large_resource_version(revision, view.revision()));
        }
        sleep(FRESH_POLL_INTERVAL).await;
    }
}

const LIST_EXPIRED: &str = "The resourceVersion for the provided list is too old.";
const PAGE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent \
    list result. You can start a new list without the continue parameter, or use the continue \
    token in this response to retrieve the remainder of the results. Continuing with the provided \
    token results in an inconsistent list - objects that were created, modified, or deleted \
    between the time the first chunk was returned and now may show up in the list.";
