//! What a client asks of its session: create, cancel, progress.

use super::super::errors::{self, WATCH_DUPLICATE_ID, WATCH_EMPTY_RANGE};
use super::super::limits::WATCHES_PER_STREAM_MAX;
use super::super::proto::etcdserverpb::watch_create_request::FilterType;
use super::super::proto::etcdserverpb::watch_request::RequestUnion;
use super::super::proto::etcdserverpb::{WatchCreateRequest, WatchRequest};
use super::session::{Session, Watched};
use bytes::Bytes;
use xebec_store::command::KeyRange;
use xebec_store::watch::WatchSpec;

/// In a request: the server chooses. In a response: no one watch.
const AUTO_ID: i64 = 0;
pub(super) const NO_ID: i64 = -1;

impl Session {
    /// A request without content is passed over, as etcd does.
    pub(super) fn handle(&mut self, request: WatchRequest) {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(&request),
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id),
            Some(RequestUnion::ProgressRequest(_)) => self.request_progress(),
            None => {}
        }
    }

    fn create(&mut self, request: &WatchCreateRequest) {
        let range = range(request);
        match self.choose_id(request, &range) {
            Err(reason) => self.refuse(reason),
            Ok(id) => self.begin(id, range, request),
        }
    }

    fn choose_id(
        &mut self,
        request: &WatchCreateRequest,
        range: &KeyRange,
    ) -> Result<i64, &'static str> {
        if request.start_revision < 0 {
            return Err(errors::COMPACTED.text);
        }
        if is_empty(range) {
            return Err(WATCH_EMPTY_RANGE);
        }
        if self.watches.len() >= WATCHES_PER_STREAM_MAX {
            return Err(errors::TOO_MANY_REQUESTS.text);
        }
        if request.watch_id == AUTO_ID {
            return Ok(self.next_free_id());
        }
        if self.watches.contains_key(&request.watch_id) {
            return Err(WATCH_DUPLICATE_ID);
        }
        Ok(request.watch_id)
    }

    fn next_free_id(&mut self) -> i64 {
        while self.watches.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    fn begin(&mut self, id: i64, range: KeyRange, request: &WatchCreateRequest) {
        let has = |filter: FilterType| request.filters.contains(&(filter as i32));
        // From now on means after everything that this replica has answered for: the hub may be
        // a moment behind that.
        let from_now = request.start_revision == 0;
        let now = self.current_revision();
        let spec = WatchSpec {
            range,
            start_revision: if from_now { now + 1 } else { request.start_revision },
            no_put: has(FilterType::Noput),
            no_delete: has(FilterType::Nodelete),
            prev_kv: request.prev_kv,
        };
        if self.hub.watch(id, spec).is_none() {
            return self.refuse(WATCH_DUPLICATE_ID);
        }
        let watched = Watched {
            progress_notify: request.progress_notify,
            quiet: true,
            fragment: request.fragment,
        };
        self.add_watch(id, watched);
        if request.progress_notify {
            self.progress.start_ticking(self.context.progress_interval);
        }
        // A client that watches from now on resumes from the revision named here.
        let mut head = self.head(id, if from_now { now } else { self.current_revision() });
        head.created = true;
        self.reply(head);
    }

    fn refuse(&mut self, reason: &str) {
        let mut head = self.head(NO_ID, self.current_revision());
        head.created = true;
        head.canceled = true;
        reason.clone_into(&mut head.cancel_reason);
        self.reply(head);
    }

    /// Cancelling what is not there goes unanswered, as in etcd.
    fn cancel(&mut self, id: i64) {
        if !self.remove_watch(id) {
            return;
        }
        self.hub.cancel(id);
        let mut head = self.head(id, self.current_revision());
        head.canceled = true;
        self.reply(head);
    }
}

/// No key means the smallest one.
fn range(request: &WatchCreateRequest) -> KeyRange {
    let smallest = Bytes::from_static(&[0]);
    let key = if request.key.is_empty() { smallest } else { request.key.clone() };
    KeyRange { key, end: request.range_end.clone() }
}

fn is_empty(range: &KeyRange) -> bool {
    let to_end = range.end.is_empty() || range.end == [0][..];
    !to_end && range.key >= range.end
}
