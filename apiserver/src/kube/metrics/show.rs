//! `/metrics` of the Kubernetes API.

use super::series::Series;
use super::{KINDS, Metrics};
use crate::exposition::Exposition;
use crate::kube::storage::Storage;
use crate::metrics::{process, replica};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use xebec_core::registry::Registry;
use xebec_raft::histogram::Snapshot;
use xebec_store::KeyMap;

/// The first bound of durations that count for objectives; below it all is well.
const SLI_BOUND_MIN_S: f64 = 0.05;

impl Metrics {
    /// All metrics as text.
    pub fn show(&self, storage: &Storage, registry: &Registry) -> String {
        let mut out = Exposition::default();
        let series = self.series.read();
        let mut all: Vec<&Arc<Series>> = series.values().flatten().collect();
        all.sort_by(|a, b| key(a).cmp(&key(b)));
        requests(&all, &mut out);
        durations(&all, &mut out);
        let help = "Maximal number of currently used inflight request limit per request kind";
        let mut inflight = out.gauge("apiserver_current_inflight_requests", help);
        for (kind, count) in KINDS.iter().zip(&self.inflight) {
            inflight.sample(&[("request_kind", kind)], count.load(Ordering::Relaxed) as f64);
        }
        self.watches(&all, &mut out);
        objects(storage, registry, &mut out);
        replica(storage.replica(), &mut out);
        process(&mut out);
        out.into_text()
    }

    fn watches(&self, all: &[&Arc<Series>], out: &mut Exposition) {
        let help = "Requests under way that last as long as their clients like";
        let mut family = out.gauge("apiserver_longrunning_requests", help);
        for series in all.iter().filter(|series| series.labels.is_long_running()) {
            let running = series.running.load(Ordering::Relaxed) as f64;
            family.sample(&labels(series), running);
        }
        let events = self.events.read();
        let mut sorted: Vec<_> = events.iter().collect();
        sorted.sort_by_key(|(key, _)| *key);
        let mut family = out.counter("apiserver_watch_events_total", "Events sent to watches");
        for ([group, version, resource], count) in sorted {
            let labels = [("group", &**group), ("resource", resource), ("version", version)];
            family.count(&labels, count.load(Ordering::Relaxed));
        }
    }
}

fn key(series: &Series) -> (&str, &str, &str, &str, &str, &str, &str) {
    let l = &series.labels;
    (&l.group, &l.version, &l.resource, &l.subresource, l.verb, l.scope, l.dry_run)
}

/// In the order of the alphabet, as upstream shows them.
fn labels(series: &Series) -> [(&'static str, &str); 7] {
    let l = &series.labels;
    [
        ("component", "apiserver"),
        ("group", &l.group),
        ("resource", &l.resource),
        ("scope", l.scope),
        ("subresource", &l.subresource),
        ("verb", l.verb),
        ("version", &l.version),
    ]
}

/// The same with one more.
fn with<'s>(
    series: &'s Series,
    at: usize,
    label: (&'static str, &'s str),
) -> Vec<(&'static str, &'s str)> {
    let mut labels = labels(series).to_vec();
    labels.insert(at, label);
    labels
}

fn requests(all: &[&Arc<Series>], out: &mut Exposition) {
    let help = "Counter of apiserver requests broken out for each verb, dry run value, group, \
                version, resource, scope, component, and HTTP response code.";
    let mut family = out.counter("apiserver_request_total", help);
    for series in all {
        let mut codes = series.codes.lock().clone();
        codes.sort_unstable();
        for (code, count) in codes {
            let code = code.to_string();
            let mut labels = with(series, 1, ("dry_run", series.labels.dry_run));
            labels.insert(0, ("code", code.as_str()));
            family.count(&labels, count);
        }
    }
    let help = "Sizes of answers in bytes";
    let mut family = out.histogram("apiserver_response_sizes", help);
    for series in all {
        let snapshot = series.sizes.snapshot();
        if snapshot.count > 0 {
            family.buckets(&labels(series), &snapshot);
        }
    }
}

fn durations(all: &[&Arc<Series>], out: &mut Exposition) {
    let help = "Response latency distribution in seconds for each verb, dry run value, group, \
                version, resource, subresource, scope and component.";
    let mut family = out.histogram("apiserver_request_duration_seconds", help);
    for series in all {
        let labels = with(series, 1, ("dry_run", series.labels.dry_run));
        family.buckets(&labels, &series.durations.snapshot());
    }
    let help = "Response latency distribution in seconds, without that of webhooks";
    let mut family = out.histogram("apiserver_request_sli_duration_seconds", help);
    for series in all.iter().filter(|series| !series.labels.is_long_running()) {
        let Snapshot { mut up_to, count, sum } = series.durations.snapshot();
        up_to.retain(|(bound, _)| *bound >= SLI_BOUND_MIN_S);
        family.buckets(&labels(series), &Snapshot { up_to, count, sum });
    }
}

/// How many objects there are of each resource.
fn objects(storage: &Storage, registry: &Registry, out: &mut Exposition) {
    let view = storage.local_view();
    let stored: Vec<(String, &str, &str, u64)> = registry
        .resources()
        .filter(|resource| resource.storage_version.is_some() && resource.stored_as.is_none())
        .map(|resource| {
            let count = count_below(view.keys(), resource.key_prefix.as_bytes());
            (resource.qualified(), &*resource.group, &*resource.plural, count)
        })
        .collect();
    let help = "Number of stored objects at the time of the last check, by kind";
    let mut family = out.gauge("apiserver_storage_objects", help);
    for (qualified, _, _, count) in &stored {
        family.count(&[("resource", qualified)], *count);
    }
    let mut family = out.gauge("apiserver_resource_objects", "Number of stored objects, by kind");
    for (_, group, resource, count) in &stored {
        family.count(&[("group", group), ("resource", resource)], *count);
    }
}

/// Keys that begin with a prefix, which ends in a slash.
fn count_below(keys: &KeyMap, prefix: &[u8]) -> u64 {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (keys.rank(&end) - keys.rank(prefix)) as u64
}
