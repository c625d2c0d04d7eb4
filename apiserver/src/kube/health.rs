//! [`Health`]: `/livez`, `/readyz` and `/healthz`, check by check, in upstream's texts.
//!
//! Liveness is about this process alone: starting it again does not bring a lost quorum back.

use super::body::Body;
use super::call::Call;
use super::respond;
use super::storage::Storage;
use http::Response;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// What one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What has to be done once after the start, under the names that upstream's hooks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    SystemNamespaces,
    BootstrapRoles,
    PriorityClasses,
    /// The `kubernetes` Service.
    Bootstrap,
    /// Custom resources are known.
    CustomResources,
}

impl Hook {
    const ALL: [Self; 5] = [
        Self::CustomResources,
        Self::SystemNamespaces,
        Self::BootstrapRoles,
        Self::PriorityClasses,
        Self::Bootstrap,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CustomResources => "poststarthook/crd-informer-synced",
            Self::SystemNamespaces => "poststarthook/start-system-namespaces-controller",
            Self::BootstrapRoles => "poststarthook/rbac/bootstrap-roles",
            Self::PriorityClasses => "poststarthook/scheduling/bootstrap-system-priority-classes",
            Self::Bootstrap => "poststarthook/bootstrap-controller",
        }
    }
}

/// One thing to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Ping,
    Log,
    /// Upstream's name for the store: here, that a quorum answers.
    Etcd,
    EtcdReadiness,
    /// This replica's keyspace is in order.
    Integrity,
    Hook(Hook),
    Shutdown,
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Log => "log",
            Self::Etcd => "etcd",
            Self::EtcdReadiness => "etcd-readiness",
            Self::Integrity => "keyspace-integrity",
            Self::Hook(hook) => hook.name(),
            Self::Shutdown => "shutdown",
        }
    }
}

/// An endpoint with its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Livez,
    Readyz,
    Healthz,
}

impl Endpoint {
    const ALL: [Self; 3] = [Self::Healthz, Self::Livez, Self::Readyz];

    fn name(self) -> &'static str {
        match self {
            Self::Livez => "livez",
            Self::Readyz => "readyz",
            Self::Healthz => "healthz",
        }
    }

    fn checks(self) -> Vec<Check> {
        let mut checks = vec![Check::Ping, Check::Log];
        match self {
            Self::Livez => {}
            Self::Healthz => checks.push(Check::Etcd),
            Self::Readyz => checks.extend([Check::Etcd, Check::EtcdReadiness]),
        }
        checks.push(Check::Integrity);
        checks.extend(Hook::ALL.map(Check::Hook));
        if self == Self::Readyz {
            checks.push(Check::Shutdown);
        }
        checks
    }
}

/// The paths of all checks.
pub fn paths() -> impl Iterator<Item = String> {
    Endpoint::ALL.into_iter().flat_map(|endpoint| {
        let name = endpoint.name();
        let below =
            endpoint.checks().into_iter().map(move |check| format!("/{name}/{}", check.name()));
        std::iter::once(format!("/{name}")).chain(below)
    })
}

/// The health of one replica.
pub struct Health {
    storage: Storage,
    pending: [AtomicBool; Hook::ALL.len()],
    stopping: AtomicBool,
}

impl Health {
    pub fn new(storage: Storage) -> Self {
        Self { storage, pending: Default::default(), stopping: AtomicBool::new(false) }
    }

    /// This replica is not ready until [`Self::done`].
    pub fn expect(&self, hook: Hook) {
        self.pending[hook as usize].store(true, Ordering::Release);
    }

    /// A hook has done its work.
    pub fn done(&self, hook: Hook) {
        self.pending[hook as usize].store(false, Ordering::Release);
    }

    /// From now on this replica is not ready.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// The answer to a request for health; `None` if it is for something else.
    pub async fn answer(&self, call: &Call) -> Option<Response<Body>> {
        let path = call.info.path.strip_prefix('/')?;
        let (endpoint, below) = match path.split_once('/') {
            Some((endpoint, below)) => (endpoint, Some(below)),
            None => (path, None),
        };
        let endpoint = Endpoint::ALL.into_iter().find(|one| one.name() == endpoint)?;
        let Some(below) = below else { return Some(self.all(endpoint, call).await) };
        let check = endpoint.checks().into_iter().find(|check| check.name() == below)?;
        Some(match self.run(check).await {
            Ok(()) => respond::text(200, "ok"),
            Err(why) => respond::text(500, format!("internal server error: {why}\n")),
        })
    }

    async fn all(&self, endpoint: Endpoint, call: &Call) -> Response<Body> {
        let mut unknown: BTreeSet<&str> = call.query.all("exclude").collect();
        let excluded = unknown.clone();
        let (mut report, mut failed) = (String::new(), false);
        for check in endpoint.checks() {
            let name = check.name();
            if excluded.contains(name) {
                unknown.remove(name);
                report.push_str(&format!("[+]{name} excluded: ok\n"));
                continue;
            }
            match self.run(check).await {
                Ok(()) => report.push_str(&format!("[+]{name} ok\n")),
                Err(why) => {
                    failed = true;
                    tracing::info!(endpoint = endpoint.name(), check = name, why, "unhealthy");
                    // Everybody may ask: why is for those who may read the log.
                    report.push_str(&format!("[-]{name} failed: reason withheld\n"));
                }
            }
        }
        if !unknown.is_empty() {
            let names: Vec<String> = unknown.iter().map(|name| format!("{name:?}")).collect();
            report.push_str(&format!(
                "warn: some health checks cannot be excluded: no matches for {}\n",
                names.join(",")
            ));
        }
        let name = endpoint.name();
        if failed {
            return respond::text(500, format!("{report}{name} check failed\n"));
        }
        if call.query.has("verbose") {
            return respond::text(200, format!("{report}{name} check passed\n"));
        }
        respond::text(200, "ok")
    }

    async fn run(&self, check: Check) -> Result<(), String> {
        match check {
            Check::Ping | Check::Log => Ok(()),
            Check::Etcd | Check::EtcdReadiness => {
                let read = timeout(CHECK_TIMEOUT, self.storage.view()).await;
                let read = read.map_err(|_| "no quorum answers in time".to_owned())?;
                read.map(drop).map_err(|status| status.message)
            }
            Check::Integrity => match self.storage.replica().failure() {
                Some(why) => Err(why),
                None => Ok(()),
            },
            Check::Hook(hook) if self.pending[hook as usize].load(Ordering::Acquire) => {
                Err("not finished".to_owned())
            }
            Check::Hook(_) => Ok(()),
            Check::Shutdown if self.stopping.load(Ordering::Acquire) => {
                Err("process is shutting down".to_owned())
            }
            Check::Shutdown => Ok(()),
        }
    }
}
