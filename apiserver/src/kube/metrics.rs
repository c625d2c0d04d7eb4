//! [`Metrics`]: what is measured of requests, under upstream's names.
//!
//! Invariant: what clients write into requests never becomes a label by itself: only verbs,
//! resources and subresources that there are do (CVE-2020-8552).

mod series;
mod show;

use super::call::Call;
use super::request::RequestInfo;
use parking_lot::RwLock;
use series::{Labels, Series};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::time::Instant;
use xebec_core::registry::Registry;

/// Requests that may change something, and others.
const KINDS: [&str; 2] = ["mutating", "readOnly"];

/// Paths beside resources that are told apart.
const PATHS: [&str; 5] = ["/healthz", "/livez", "/readyz", "/metrics", "/version"];

type GroupVersionResource = [Box<str>; 3];

/// Shared by all requests.
#[derive(Default)]
pub struct Metrics {
    /// By the hash of their labels.
    series: RwLock<HashMap<u64, Vec<Arc<Series>>>>,
    hasher: RandomState,
    inflight: [AtomicI64; KINDS.len()],
    /// Events sent to watches, by resource.
    events: RwLock<HashMap<GroupVersionResource, Arc<AtomicU64>>>,
}

/// Measures one request from its beginning until it is dropped.
pub struct Measured {
    series: Arc<Series>,
    begun: Instant,
    metrics: Arc<Metrics>,
    kind: Option<usize>,
}

impl Metrics {
    /// Begins to measure a request. `registry` says which resources there are.
    pub fn begin(self: &Arc<Self>, call: &Call, registry: &Registry) -> Measured {
        let series = self.series(call, registry);
        let long = series.labels.is_long_running();
        let kind = (!long).then(|| usize::from(is_read_only(call.info.verb)));
        match kind {
            Some(kind) => self.inflight[kind].fetch_add(1, Ordering::Relaxed),
            None => series.running.fetch_add(1, Ordering::Relaxed),
        };
        Measured { series, begun: Instant::now(), metrics: self.clone(), kind }
    }

    /// A counter of the events that watches of a resource send.
    pub fn events(&self, group: &str, version: &str, resource: &str) -> Arc<AtomicU64> {
        let key = [group.into(), version.into(), resource.into()];
        if let Some(counter) = self.events.read().get(&key) {
            return counter.clone();
        }
        self.events.write().entry(key).or_default().clone()
    }

    fn series(&self, call: &Call, registry: &Registry) -> Arc<Series> {
        let labels = labels(call);
        if let Some(series) = self.find(labels) {
            return series;
        }
        // What is not known is looked at closely.
        let labels = bounded(labels, registry);
        if let Some(series) = self.find(labels) {
            return series;
        }
        let mut all = self.series.write();
        let slot = all.entry(self.hasher.hash_one(labels)).or_default();
        if let Some(series) = slot.iter().find(|one| one.labels.is(&labels)) {
            return series.clone();
        }
        let series = Arc::new(Series::new(labels.owned()));
        slot.push(series.clone());
        series
    }

    fn find(&self, labels: Labels<&str>) -> Option<Arc<Series>> {
        let all = self.series.read();
        let slot = all.get(&self.hasher.hash_one(labels))?;
        slot.iter().find(|one| one.labels.is(&labels)).cloned()
    }
}

impl Measured {
    /// The answer is known.
    pub fn end(&self, code: u16, size_bytes: Option<usize>) {
        self.series.end(code, self.begun.elapsed(), size_bytes);
    }

    /// Lasts as long as its client likes.
    pub fn is_long_running(&self) -> bool {
        self.kind.is_none()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        match self.kind {
            Some(kind) => self.metrics.inflight[kind].fetch_sub(1, Ordering::Relaxed),
            None => self.series.running.fetch_sub(1, Ordering::Relaxed),
        };
    }
}

fn is_read_only(verb: &str) -> bool {
    matches!(verb, "get" | "list" | "watch" | "head" | "options")
}

/// As the request has it.
fn labels(call: &Call) -> Labels<&str> {
    let info = &call.info;
    let path = || PATHS.iter().find(|path| is_or_below(&info.path, path)).copied();
    let subresource = if info.is_resource { &info.subresource } else { path().unwrap_or_default() };
    Labels {
        verb: verb(call),
        group: &info.group,
        version: &info.version,
        resource: &info.resource,
        subresource,
        scope: scope(info),
        dry_run: if call.query.has("dryRun") { "All" } else { "" },
    }
}

fn is_or_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Without what there is not.
fn bounded<'l>(labels: Labels<&'l str>, registry: &Registry) -> Labels<&'l str> {
    if labels.resource.is_empty() {
        return labels;
    }
    let found = registry.find(labels.group, labels.version, labels.resource);
    let served = found.is_some_and(|(resource, _)| {
        labels.subresource.is_empty() || resource.subresource(labels.subresource).is_some()
    });
    if served {
        return labels;
    }
    Labels { group: "", version: "", resource: "", subresource: "", ..labels }
}

fn scope(info: &RequestInfo) -> &'static str {
    if !info.is_resource {
        ""
    } else if !info.name.is_empty() || info.verb == "create" {
        "resource"
    } else if !info.namespace.is_empty() {
        "namespace"
    } else {
        "cluster"
    }
}

fn verb(call: &Call) -> &'static str {
    const CONNECT: [&str; 4] = ["proxy", "attach", "exec", "portforward"];
    let info = &call.info;
    if info.is_resource && CONNECT.contains(&info.subresource.as_str()) {
        return "CONNECT";
    }
    match info.verb {
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" | "post" => "POST",
        "update" | "put" => "PUT",
        "patch" if call.header("content-type").is_some_and(is_apply) => "APPLY",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        "head" => "HEAD",
        "options" => "OPTIONS",
        _ => "other",
    }
}

fn is_apply(content_type: &str) -> bool {
    content_type.starts_with("application/apply-patch+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;
    use xebec_core::registry::Selection;

    fn texts(metrics: &Metrics) -> Vec<String> {
        let all = metrics.series.read();
        let labels = |series: &Arc<Series>| {
            let l = &series.labels;
            [l.verb, &l.group, &l.version, &l.resource, &l.subresource, l.scope].join(",")
        };
        let mut texts: Vec<String> = all.values().flatten().map(labels).collect();
        texts.sort();
        texts
    }

    #[test]
    fn cve_2020_8552_only_what_there_is_becomes_a_label() {
        let metrics = Arc::new(Metrics::default());
        let registry = Registry::built_in(Selection::Default);
        for (method, uri) in [
            ("GET", "/api/v1/pods"),
            ("GET", "/api/v1/namespaces/a/pods/b/log"),
            ("POST", "/apis/apps/v1/namespaces/a/deployments"),
            ("GET", "/api/v1/nothing"),
            ("GET", "/apis/made.up/v1/things"),
            ("GET", "/api/v1/namespaces/a/pods/b/madeup"),
            ("BREW", "/api/v1/pods"),
            ("GET", "/readyz/ping"),
            ("GET", "/made/up"),
        ] {
            metrics.begin(&call(method, uri, ""), &registry).end(200, Some(1));
        }
        assert_eq!(
            texts(&metrics),
            [
                "GET,,,,,",
                "GET,,,,,resource",
                "GET,,,,/readyz,",
                "GET,,v1,pods,log,resource",
                "LIST,,,,,cluster",
                "LIST,,v1,pods,,cluster",
                "POST,apps,v1,deployments,,resource",
                "other,,v1,pods,,cluster",
            ]
        );
    }

    #[test]
    fn requests_are_counted_while_they_last() {
        let metrics = Arc::new(Metrics::default());
        let registry = Registry::built_in(Selection::Default);
        let read = metrics.begin(&call("GET", "/api/v1/pods", ""), &registry);
        let watch = metrics.begin(&call("GET", "/api/v1/pods?watch=1", ""), &registry);
        let count = |kind: usize| metrics.inflight[kind].load(Ordering::Relaxed);
        assert_eq!((count(0), count(1)), (0, 1), "watches are counted elsewhere");
        assert!(watch.is_long_running());
        assert_eq!(watch.series.running.load(Ordering::Relaxed), 1);
        drop(read);
        assert_eq!(count(1), 0);
    }
}
