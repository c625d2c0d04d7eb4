//! The methods served, and how often each ended with which code.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// gRPC's codes by number (0 is `OK`), as `grpc_server_handled_total` spells them.
pub const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
const CANCELED: usize = 1;
const UNKNOWN: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Kv,
    Watch,
    Lease,
    Cluster,
    Maintenance,
    Auth,
    Lock,
    Election,
    Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Unary,
    ServerStream,
    BidiStream,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ServerStream => "server_stream",
            Self::BidiStream => "bidi_stream",
        }
    }
}

/// One method. Its place in [`METHODS`] is its number.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    pub service: Service,
    /// With the package.
    pub service_name: &'static str,
    pub name: &'static str,
    pub path: &'static str,
    pub kind: Kind,
    /// A learner may serve it (a range only if serializable, which the handler checks).
    pub learner: bool,
}

macro_rules! methods {
    ($($service:ident $full:literal { $($name:literal $kind:ident $($learner:ident)?;)+ })+) => {
        pub const METHODS: &[Method] = &[$($(Method {
            service: Service::$service,
            service_name: $full,
            name: $name,
            path: concat!("/", $full, "/", $name),
            kind: Kind::$kind,
            learner: methods!(@ $($learner)?),
        },)+)+];
    };
    (@ learner) => { true };
    (@) => { false };
}

methods! {
    Kv "etcdserverpb.KV" {
        "Range" Unary learner;
        "Put" Unary;
        "DeleteRange" Unary;
        "Txn" Unary;
        "Compact" Unary;
    }
    Watch "etcdserverpb.Watch" {
        "Watch" BidiStream;
    }
    Lease "etcdserverpb.Lease" {
        "LeaseGrant" Unary;
        "LeaseRevoke" Unary;
        "LeaseKeepAlive" BidiStream;
        "LeaseTimeToLive" Unary;
        "LeaseLeases" Unary;
    }
    Cluster "etcdserverpb.Cluster" {
        "MemberAdd" Unary;
        "MemberRemove" Unary;
        "MemberUpdate" Unary;
        "MemberList" Unary;
        "MemberPromote" Unary;
    }
    Maintenance "etcdserverpb.Maintenance" {
        "Alarm" Unary;
        "Status" Unary learner;
        "Defragment" Unary;
        "Hash" Unary;
        "HashKV" Unary;
        "Snapshot" ServerStream learner;
        "MoveLeader" Unary;
        "Downgrade" Unary;
    }
    Auth "etcdserverpb.Auth" {
        "AuthEnable" Unary;
        "AuthDisable" Unary;
        "AuthStatus" Unary;
        "Authenticate" Unary;
        "UserAdd" Unary;
        "UserGet" Unary;
        "UserList" Unary;
        "UserDelete" Unary;
        "UserChangePassword" Unary;
        "UserGrantRole" Unary;
        "UserRevokeRole" Unary;
        "RoleAdd" Unary;
        "RoleGet" Unary;
        "RoleList" Unary;
        "RoleDelete" Unary;
        "RoleGrantPermission" Unary;
        "RoleRevokePermission" Unary;
    }
    Lock "v3lockpb.Lock" {
        "Lock" Unary;
        "Unlock" Unary;
    }
    Election "v3electionpb.Election" {
        "Campaign" Unary;
        "Proclaim" Unary;
        "Leader" Unary;
        "Observe" ServerStream;
        "Resign" Unary;
    }
    Health "grpc.health.v1.Health" {
        "Check" Unary learner;
    }
}

/// The number of the method at a path.
pub fn find(path: &str) -> Option<usize> {
    static BY_PATH: LazyLock<HashMap<&str, usize>> =
        LazyLock::new(|| METHODS.iter().enumerate().map(|(n, m)| (m.path, n)).collect());
    BY_PATH.get(path).copied()
}

/// Calls begun, and ended by code, per method.
#[derive(Debug)]
pub struct MethodCounters(Box<[Counters]>);

#[derive(Debug, Default)]
struct Counters {
    started: AtomicU64,
    handled: [AtomicU64; CODES.len()],
}

impl Default for MethodCounters {
    fn default() -> Self {
        Self(METHODS.iter().map(|_| Counters::default()).collect())
    }
}

impl MethodCounters {
    pub fn begin(&self, method: usize) {
        self.0[method].started.fetch_add(1, Ordering::Relaxed);
    }

    /// `code` as in the `grpc-status` header; `None` for a call that its client gave up.
    pub fn end(&self, method: usize, code: Option<&[u8]>) {
        let code = match code {
            None => CANCELED,
            Some(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .filter(|code| *code < CODES.len())
                .unwrap_or(UNKNOWN),
        };
        self.0[method].handled[code].fetch_add(1, Ordering::Relaxed);
    }

    pub fn started(&self, method: usize) -> u64 {
        self.0[method].started.load(Ordering::Relaxed)
    }

    pub fn handled(&self, method: usize, code: usize) -> u64 {
        self.0[method].handled[code].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_methods() {
        for (number, method) in METHODS.iter().enumerate() {
            assert_eq!(find(method.path), Some(number), "{}", method.path);
        }
        assert_eq!(find("/etcdserverpb.KV/Nothing"), None);
    }

    #[test]
    fn codes_are_counted_as_grpc_numbers_them() {
        let counters = MethodCounters::default();
        counters.begin(0);
        for code in [Some(&b"0"[..]), Some(b"11"), Some(b"99"), Some(b"\xff"), None] {
            counters.end(0, code);
        }
        let handled = |name: &str| {
            let code = CODES.iter().position(|code| *code == name).unwrap();
            counters.handled(0, code)
        };
        assert_eq!(counters.started(0), 1);
        assert_eq!((handled("OK"), handled("OutOfRange"), handled("Unknown")), (1, 1, 2));
        assert_eq!(handled("Canceled"), 1);
    }
}
