//! `/metrics` of the etcd port: what is measured, under the names that etcd's dashboards know.
//! Everything is read at the moment of the scrape.

use crate::etcd::Context;
use crate::etcd::methods::{CODES, METHODS};
use crate::exposition::Exposition;
use crate::process::Process;
use crate::version;
use std::sync::atomic::Ordering;
use xebec_raft::Replica;

pub fn etcd(context: &Context) -> String {
    let mut out = Exposition::default();
    server(context, &mut out);
    replica(&context.replica, &mut out);
    watches(context, &mut out);
    process(&mut out);
    methods(context, &mut out);
    out.into_text()
}

fn server(context: &Context, out: &mut Exposition) {
    let id = format!("{:x}", context.replica.status().member_id);
    let mark = [("server_id", id.as_str())];
    out.gauge("etcd_server_id", "Server or member ID in hexadecimal").sample(&mark, 1.0);
    let mark = [("server_version", version::SERVER)];
    out.gauge("etcd_server_version", "Version of the API served").sample(&mark, 1.0);
    let mark = [("cluster_version", version::CLUSTER)];
    out.gauge("etcd_cluster_version", "Version of the API of the cluster").sample(&mark, 1.0);
    let changes = context.leader_changes.load(Ordering::Relaxed);
    out.counter("etcd_server_leader_changes_seen_total", "Leader changes seen").count(&[], changes);
    let pending = context.proposals.pending.load(Ordering::Relaxed);
    out.gauge("etcd_server_proposals_pending", "Proposals under way").count(&[], pending);
    let failed = context.proposals.failed.load(Ordering::Relaxed);
    out.counter("etcd_server_proposals_failed_total", "Proposals failed").count(&[], failed);
}

/// What both ports say of consensus and of the keyspace.
pub fn replica(replica: &Replica, out: &mut Exposition) {
    let status = replica.status();
    let flag = |held: bool| f64::from(u8::from(held));
    let leads = status.leader == Some(status.member_id);
    let led = flag(status.leader.is_some());
    out.gauge("etcd_server_has_leader", "Whether a leader exists").value(led);
    out.gauge("etcd_server_is_leader", "Whether this member leads").value(flag(leads));
    let learner = flag(status.is_learner);
    out.gauge("etcd_server_is_learner", "Whether this member has no vote").value(learner);
    out.gauge("etcd_debugging_server_raft_term", "Current term").count(&[], status.term);
    let (committed, applied) = (status.committed_index, status.applied_index);
    let help = "Index of the last commit";
    out.counter("etcd_server_proposals_committed_total", help).count(&[], committed);
    let help = "Index of the last apply";
    out.counter("etcd_server_proposals_applied_total", help).count(&[], applied);
    let help = "Syncs of the log, in seconds";
    let syncs = replica.log_syncs().snapshot();
    out.histogram("etcd_disk_wal_fsync_duration_seconds", help).buckets(&[], &syncs);
    let size = status.db_size_bytes;
    out.gauge("etcd_mvcc_db_total_size_in_bytes", "Size on disk").count(&[], size);
    let used = status.db_size_in_use_bytes;
    out.gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Size in use on disk").count(&[], used);
    let view = replica.store().view();
    out.gauge("etcd_debugging_mvcc_keys_total", "Keys that live").count(&[], view.key_count());
    let help = "Bytes of keys and values that live";
    out.gauge("xebec_store_live_bytes", help).count(&[], view.data_bytes());
    let revision = view.revision() as f64;
    out.gauge("etcd_debugging_mvcc_current_revision", "Current revision").value(revision);
    let help = "Revision of the last compaction";
    let compacted = view.compact_revision() as f64;
    out.gauge("etcd_debugging_mvcc_compact_revision", help).value(compacted);
}

fn watches(context: &Context, out: &mut Exposition) {
    let counts = &context.watch_counts;
    let watches = counts.watches.load(Ordering::Relaxed);
    out.gauge("etcd_debugging_mvcc_watcher_total", "Watches").count(&[], watches);
    let streams = counts.streams.load(Ordering::Relaxed);
    let help = "Streams of watches";
    out.gauge("etcd_debugging_mvcc_watch_stream_total", help).count(&[], streams);
    let events = counts.events.load(Ordering::Relaxed);
    let help = "Events sent to watches";
    out.counter("etcd_debugging_mvcc_events_total", help).count(&[], events);
}

fn methods(context: &Context, out: &mut Exposition) {
    let counters = &context.methods;
    let mut started = out.counter("grpc_server_started_total", "RPCs begun");
    for (number, method) in METHODS.iter().enumerate() {
        let labels = [
            ("grpc_type", method.kind.name()),
            ("grpc_service", method.service_name),
            ("grpc_method", method.name),
        ];
        started.count(&labels, counters.started(number));
    }
    let mut handled = out.counter("grpc_server_handled_total", "RPCs completed, by code");
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
                handled.count(&labels, count);
            }
        }
    }
}

/// What both ports say of this process.
pub fn process(out: &mut Exposition) {
    let process = Process::read();
    let count = |value: Option<u64>| value.map(|value| value as f64);
    let gauges = [
        ("process_start_time_seconds", "Start, since the Unix epoch", process.start_time_seconds),
        ("process_resident_memory_bytes", "Resident memory", count(process.resident_bytes)),
        ("process_virtual_memory_bytes", "Virtual memory", count(process.virtual_bytes)),
        ("process_open_fds", "Open files", count(process.open_fds)),
        ("process_max_fds", "Open files allowed", count(process.max_fds)),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            out.gauge(name, help).value(value);
        }
    }
    if let Some(cpu) = process.cpu_seconds {
        out.counter("process_cpu_seconds_total", "User and system CPU time").value(cpu);
    }
}
