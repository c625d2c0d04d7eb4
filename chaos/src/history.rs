//! What clients asked and saw during a run: the one input of every checker.
//!
//! A [`History`] is recorded by the simulation and by the process-level run alike, and is kept as
//! JSON lines (see [`crate::history_file`]), so that a failing run can be judged again at leisure.
//!
//! Invariants: times are nanoseconds on one clock that all clients of a run share and that never
//! runs backwards; the values of puts are unique within a run, so that an effect names its cause.

use serde::{Deserialize, Serialize};
pub use xebec_store::kv::Revision;

/// Nanoseconds since the run began.
pub type Nanos = u64;

/// Everything that was recorded in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The revision before the first one of this history. No key existed then.
    pub base: Revision,
    pub operations: Vec<Operation>,
    pub watches: Vec<Watch>,
    pub hashes: Vec<HashSample>,
    pub faults: Vec<Fault>,
}

impl Default for History {
    /// A history from the beginning: an empty keyspace stands at revision 1.
    fn default() -> Self {
        let (operations, watches) = (Vec::new(), Vec::new());
        Self { base: 1, operations, watches, hashes: Vec::new(), faults: Vec::new() }
    }
}

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Unique in the run, over operations and watches.
    pub id: u64,
    pub client: u32,
    /// The replica that the request was sent to.
    pub replica: u32,
    pub call_ns: Nanos,
    /// When the outcome was known to the client. An unknown outcome has a time too, but means
    /// nothing by it: the effect may come later, or never.
    pub return_ns: Nanos,
    pub request: Request,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    Range(Range),
    Put(Put),
    Delete(Delete),
    Txn(Txn),
    LeaseGrant { lease: i64, ttl_s: i64 },
    LeaseRevoke { lease: i64 },
    LeaseKeepAlive { lease: i64 },
    Compact { revision: Revision },
}

/// A read of `[key, end)` in etcd's convention (an empty `end` means the one key).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Range {
    pub key: String,
    pub end: String,
    /// 0: the current revision.
    pub revision: Revision,
    pub serializable: bool,
    pub limit: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Put {
    pub key: String,
    pub value: String,
    pub lease: i64,
    pub prev_kv: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delete {
    pub key: String,
    pub end: String,
    pub prev_kv: bool,
}

/// `success` if all compares hold, else `failure`. Operations within are ranges, puts and deletes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Txn {
    pub compares: Vec<Compare>,
    pub success: Vec<Request>,
    pub failure: Vec<Request>,
}

/// Equality of one field of one key with what the client expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    pub key: String,
    pub target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    ModRevision(Revision),
    CreateRevision(Revision),
    Version(i64),
    /// Never holds for an absent key.
    Value(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; `revision` is that of the response header.
    Ok { revision: Revision, response: Response },
    /// Refused: it has not happened and never will.
    Failed(Failure),
    /// Perhaps done, perhaps not, perhaps later.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    Compacted,
    FutureRevision,
    LeaseNotFound,
    LeaseExists,
    NoSpace,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    Range {
        kvs: Vec<Kv>,
        more: bool,
        count: i64,
    },
    Put {
        prev: Option<Kv>,
    },
    Delete {
        deleted: i64,
        prev: Vec<Kv>,
    },
    Txn {
        succeeded: bool,
        responses: Vec<Response>,
    },
    LeaseGrant {
        lease: i64,
        ttl_s: i64,
    },
    LeaseRevoke,
    /// `ttl_s` 0: the lease is gone.
    LeaseKeepAlive {
        ttl_s: i64,
    },
    Compact,
}

/// A version of a key, as a client sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kv {
    pub key: String,
    pub value: String,
    pub create_revision: Revision,
    pub mod_revision: Revision,
    pub version: i64,
    #[serde(default)]
    pub lease: i64,
}

/// One watch from its opening to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub id: u64,
    pub client: u32,
    pub replica: u32,
    pub open_ns: Nanos,
    pub request: WatchRequest,
    pub responses: Vec<WatchResponse>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchRequest {
    pub key: String,
    pub end: String,
    /// 0: from now on.
    pub start_revision: Revision,
    pub prev_kv: bool,
    pub no_put: bool,
    pub no_delete: bool,
    /// The watch that this one goes on from, if the client resumed after a break.
    pub resumes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchResponse {
    pub at_ns: Nanos,
    /// Of the response header.
    pub revision: Revision,
    pub body: WatchBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum WatchBody {
    Created,
    /// `fragment`: more of the same revisions follows in the next response.
    Events {
        events: Vec<WatchEvent>,
        fragment: bool,
    },
    Progress,
    /// `compact_revision` is not 0 where the start had been compacted.
    Canceled {
        compact_revision: Revision,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEvent {
    pub delete: bool,
    /// Of a deletion only `key` and `mod_revision` say something.
    pub kv: Kv,
    pub prev: Option<Kv>,
}

/// The rolling hash of one replica's keyspace at a revision. Samples with equal `revision` and
/// equal `compact_revision` must be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashSample {
    pub replica: u32,
    pub at_ns: Nanos,
    pub revision: Revision,
    pub compact_revision: Revision,
    pub hash: u64,
}

/// Something that was done to the replicas, for the reader of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub start_ns: Nanos,
    pub end_ns: Nanos,
    pub kind: String,
    pub what: String,
}

impl Operation {
    /// Revision and response of an operation that is known to be done.
    pub fn done(&self) -> Option<(Revision, &Response)> {
        match &self.outcome {
            Outcome::Ok { revision, response } => Some((*revision, response)),
            Outcome::Failed(_) | Outcome::Unknown(_) => None,
        }
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown(_))
    }
}

impl Request {
    /// True for what promises to be ordered with all other operations in real time.
    pub fn is_linearizable(&self) -> bool {
        match self {
            Request::Range(range) => !range.serializable,
            Request::Put(_) | Request::Delete(_) | Request::Txn(_) => true,
            // Answers about leases carry a header, but etcd promises nothing about its revision.
            Request::LeaseGrant { .. }
            | Request::LeaseRevoke { .. }
            | Request::LeaseKeepAlive { .. }
            | Request::Compact { .. } => false,
        }
    }
}

/// True if `key` lies in `[from, end)` in etcd's convention.
pub fn in_range(key: &str, from: &str, end: &str) -> bool {
    match end {
        "" => key == from,
        "\0" => key >= from,
        _ => key >= from && key < end,
    }
}

/// The `end` of the range of all keys that begin with `prefix` (which must end below `0x7f`, so
/// that the end is text too).
pub fn prefix_end(prefix: &str) -> String {
    let mut end = prefix.as_bytes().to_vec();
    let last = end.pop().expect("a prefix is not empty");
    end.push(last + 1);
    String::from_utf8(end).expect("the prefix ends in an ASCII character below DEL")
}

impl WatchRequest {
    /// True if this watch asked for such an event.
    pub fn wants(&self, key: &str, delete: bool) -> bool {
        let filtered = if delete { self.no_delete } else { self.no_put };
        !filtered && in_range(key, &self.key, &self.end)
    }
}

impl WatchEvent {
    pub fn revision(&self) -> Revision {
        self.kv.mod_revision
    }

    /// etcd's `IsCreate`.
    pub fn is_create(&self) -> bool {
        !self.delete && self.kv.create_revision == self.kv.mod_revision
    }
}

impl Watch {
    /// All events in the order of their arrival.
    pub fn events(&self) -> impl Iterator<Item = &WatchEvent> {
        self.responses.iter().flat_map(|response| match &response.body {
            WatchBody::Events { events, .. } => events.as_slice(),
            _ => &[],
        })
    }

    /// The revision up to which this watch has promised to be complete: that of its last event or
    /// progress mark, whichever is greater. 0 if it saw neither. A last response that is a
    /// fragment leaves its own revision open.
    pub fn complete_to(&self) -> Revision {
        let mut complete_to = 0;
        for response in &self.responses {
            let seen = match &response.body {
                WatchBody::Progress => response.revision,
                WatchBody::Events { events, fragment } => {
                    let last = events.last().map_or(0, WatchEvent::revision);
                    if *fragment { last - 1 } else { last }
                }
                WatchBody::Created | WatchBody::Canceled { .. } => 0,
            };
            complete_to = complete_to.max(seen);
        }
        complete_to
    }

    /// The first revision whose events this watch owes: the one asked for, or the one after the
    /// header of the response that confirmed a watch from now on.
    pub fn first_owed(&self) -> Option<Revision> {
        if self.request.start_revision > 0 {
            return Some(self.request.start_revision);
        }
        let first = self.responses.first()?;
        matches!(first.body, WatchBody::Created).then_some(first.revision + 1)
    }
}
