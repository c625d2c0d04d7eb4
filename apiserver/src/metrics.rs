//! `/metrics`: what is measured, under the names that etcd's dashboards know.

use crate::etcd::Context;
use crate::etcd::methods::{CODES, METHODS};
use crate::process::Process;
use crate::version;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The registry: everything is read at the moment of the scrape.
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    pub fn new(context: Arc<Context>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { context }));
        Self { registry }
    }

    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

struct Scrape {
    context: Arc<Context>,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

/// Metrics without labels.
struct Plain<'a>(DescriptorEncoder<'a>);

impl Plain<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl Into<f64>) -> fmt::Result {
        let gauge = ConstGauge::new(value.into());
        gauge.encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    /// `name` without the `_total` that the format appends.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    /// A gauge of 1 that carries text.
    fn mark(&mut self, name: &str, help: &str, label: (&str, &str)) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(1_i64).encode(family.encode_family(&[label])?)
    }
}

/// Counts and sizes; beyond 2^53 they lose their last digits, which nobody reads.
fn float(number: u64) -> f64 {
    number as f64
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut plain = Plain(encoder);
        self.server(&mut plain)?;
        self.keyspace(&mut plain)?;
        self.watches(&mut plain)?;
        process(&mut plain)?;
        self.methods(&mut plain.0)
    }
}

impl Scrape {
    fn server(&self, out: &mut Plain<'_>) -> fmt::Result {
        let status = self.context.replica.status();
        let id = format!("{:x}", status.member_id);
        out.mark("etcd_server_id", "Server or member ID in hexadecimal", ("server_id", &id))?;
        let version = ("server_version", version::SERVER);
        out.mark("etcd_server_version", "Version of the API served", version)?;
        let version = ("cluster_version", version::CLUSTER);
        out.mark("etcd_cluster_version", "Version of the API of the cluster", version)?;
        let leads = status.leader == Some(status.member_id);
        out.gauge("etcd_server_has_leader", "Whether a leader exists", status.leader.is_some())?;
        out.gauge("etcd_server_is_leader", "Whether this member leads", leads)?;
        out.gauge("etcd_server_is_learner", "Whether this member has no vote", status.is_learner)?;
        let changes = self.context.leader_changes.load(Ordering::Relaxed);
        out.counter("etcd_server_leader_changes_seen", "Leader changes seen", changes)?;
        let term = float(status.term);
        out.gauge("etcd_debugging_server_raft_term", "Current term", term)?;
        let committed = status.committed_index;
        out.counter("etcd_server_proposals_committed", "Index of the last commit", committed)?;
        let applied = status.applied_index;
        out.counter("etcd_server_proposals_applied", "Index of the last apply", applied)?;
        let pending = self.context.proposals.pending.load(Ordering::Relaxed);
        out.gauge("etcd_server_proposals_pending", "Proposals under way", float(pending))?;
        let failed = self.context.proposals.failed.load(Ordering::Relaxed);
        out.counter("etcd_server_proposals_failed", "Proposals failed", failed)
    }

    fn keyspace(&self, out: &mut Plain<'_>) -> fmt::Result {
        let status = self.context.replica.status();
        let size = float(status.db_size_bytes);
        out.gauge("etcd_mvcc_db_total_size_in_bytes", "Size on disk", size)?;
        let used = float(status.db_size_in_use_bytes);
        out.gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Size in use on disk", used)?;
        let view = self.context.view();
        let keys = float(view.key_count());
        out.gauge("etcd_debugging_mvcc_keys_total", "Keys that live", keys)?;
        let data = float(view.data_bytes());
        out.gauge("xebec_store_live_bytes", "Bytes of keys and values that live", data)?;
        let revision = view.revision() as f64;
        out.gauge("etcd_debugging_mvcc_current_revision", "Current revision", revision)?;
        let compacted = view.compact_revision() as f64;
        out.gauge(
            "etcd_debugging_mvcc_compact_revision",
            "Revision of the last compaction",
            compacted,
        )
    }

    fn watches(&self, out: &mut Plain<'_>) -> fmt::Result {
        let counts = &self.context.watch_counts;
        let watches = float(counts.watches.load(Ordering::Relaxed));
        out.gauge("etcd_debugging_mvcc_watcher_total", "Watches", watches)?;
        let streams = float(counts.streams.load(Ordering::Relaxed));
        out.gauge("etcd_debugging_mvcc_watch_stream_total", "Streams of watches", streams)?;
        let events = counts.events.load(Ordering::Relaxed);
        out.counter("etcd_debugging_mvcc_events", "Events sent to watches", events)
    }

    fn methods(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.context.methods;
        let help = "RPCs begun";
        let mut started =
            out.encode_descriptor("grpc_server_started", help, None, MetricType::Counter)?;
        for (number, method) in METHODS.iter().enumerate() {
            let labels = [
                ("grpc_type", method.kind.name()),
                ("grpc_service", method.service_name),
                ("grpc_method", method.name),
            ];
            ConstCounter::new(counters.started(number)).encode(started.encode_family(&labels)?)?;
        }
        let help = "RPCs completed, by code";
        let mut handled =
            out.encode_descriptor("grpc_server_handled", help, None, MetricType::Counter)?;
        for (number, method) in METHODS.iter().enumerate() {
            for (code, code_name) in CODES.iter().enumerate() {
                let count = counters.handled(number, code);
                let labels = [
                    ("grpc_type", method.kind.name()),
                    ("grpc_service", method.service_name),
                    ("grpc_method", method.name),
                    ("grpc_code", *code_name),
                ];
                if count > 0 {
                    ConstCounter::new(count).encode(handled.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn process(out: &mut Plain<'_>) -> fmt::Result {
    let process = Process::read();
    let floats = [
        ("process_start_time_seconds", "Start, since the Unix epoch", process.start_time_seconds),
        ("process_resident_memory_bytes", "Resident memory", process.resident_bytes.map(float)),
        ("process_virtual_memory_bytes", "Virtual memory", process.virtual_bytes.map(float)),
        ("process_open_fds", "Open files", process.open_fds.map(float)),
        ("process_max_fds", "Open files allowed", process.max_fds.map(float)),
    ];
    for (name, help, value) in floats {
        if let Some(value) = value {
            out.gauge(name, help, value)?;
        }
    }
    let Some(cpu) = process.cpu_seconds else { return Ok(()) };
    let help = "User and system CPU time";
    let encoder =
        out.0.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
    ConstCounter::new(cpu).encode(encoder)
}
