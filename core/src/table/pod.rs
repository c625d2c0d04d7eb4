//! The table of pods. Their status sums up phase, conditions and every container's state.

use super::format::{NONE, is_true};
use super::kinds::{AGE, Cells, Column, Doc, Kind, NAME, Row, string};
use super::tree::Tree;
use crate::document::object;
use crate::human;
use crate::time::Timestamp;
use crate::value::Value;

const SPEC: &str = "k8s.io.api.core.v1.PodSpec";
const STATUS: &str = "k8s.io.api.core.v1.PodStatus";

const COLUMNS: &[Column] = &[
    NAME,
    string("Ready", Doc::Text("The aggregate readiness state of this pod for accepting traffic.")),
    string("Status", Doc::Text("The aggregate status of the containers in this pod.")),
    string(
        "Restarts",
        Doc::Text(
            "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
        ),
    ),
    AGE,
    string("IP", Doc::Field(STATUS, "podIP")).wide(),
    string("Node", Doc::Field(SPEC, "nodeName")).wide(),
    string("Nominated Node", Doc::Field(STATUS, "nominatedNodeName")).wide(),
    string("Readiness Gates", Doc::Field(SPEC, "readinessGates")).wide(),
];

pub(super) const POD: Kind =
    Kind { columns: COLUMNS, cells, conditions: Some(conditions), order: None };

/// What containers sum up to.
#[derive(Default)]
struct Summary {
    reason: String,
    ready: i64,
    restarts: Restarts,
}

#[derive(Default, Clone, Copy)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, status: Tree<'_>) {
        self.count += status.at("restartCount").int();
        let ended = Timestamp::parse(status.at("lastState.terminated.finishedAt").text());
        self.last = [self.last, ended].into_iter().flatten().max_by_key(|t| (t.seconds, t.nanos));
    }
}

fn cells(row: &Row<'_>, cells: &mut Cells) {
    let summary = summarize(row);
    let sidecars = row.at("spec.initContainers").items().filter(|one| is_sidecar(*one)).count();
    let total = row.at("spec.containers").len() + sidecars as i64;
    let restarts = match summary.restarts {
        Restarts { count, last: Some(last) } if count != 0 => {
            format!("{count} ({} ago)", human::since(last, row.now))
        }
        Restarts { count, .. } => count.to_string(),
    };
    let first = row.at("status.podIPs").items().next();
    cells
        .push(row.name())
        .push(format!("{}/{total}", summary.ready))
        .push(summary.reason)
        .push(restarts)
        .push(row.age())
        .push(first.map_or(NONE, |address| address.at("ip").text_or(NONE)))
        .push(row.text_or("spec.nodeName", NONE))
        .push(row.text_or("status.nominatedNodeName", NONE))
        .push(readiness_gates(row));
}

fn is_sidecar(container: Tree<'_>) -> bool {
    container.at("restartPolicy").text() == "Always"
}

fn summarize(row: &Row<'_>) -> Summary {
    let phase = row.text("status.phase");
    let own_reason = row.text("status.reason");
    let mut summary =
        Summary { reason: row.text_or("status.reason", phase).to_owned(), ..Summary::default() };
    let gated = row.at("status.conditions").items().any(|one| {
        one.at("type").text() == "PodScheduled" && one.at("reason").text() == "SchedulingGated"
    });
    if gated {
        summary.reason = "SchedulingGated".to_owned();
    }
    let mut sidecars = Restarts::default();
    let initializing = initialize(row, &mut summary, &mut sidecars);
    if !initializing || is_true(row.at("status.conditions"), "Initialized") {
        summary.restarts = sidecars;
        run(row, &mut summary);
    }
    if row.deleted() && own_reason == "NodeLost" {
        summary.reason = "Unknown".to_owned();
    } else if row.deleted() && !matches!(phase, "Succeeded" | "Failed") {
        summary.reason = "Terminating".to_owned();
    }
    summary
}

/// Goes through init containers up to the first that is not done; whether there is one.
fn initialize(row: &Row<'_>, summary: &mut Summary, sidecars: &mut Restarts) -> bool {
    let declared = row.at("spec.initContainers");
    for (at, status) in row.at("status.initContainerStatuses").items().enumerate() {
        let name = status.at("name").text();
        let sidecar = declared.items().any(|one| one.at("name").text() == name && is_sidecar(one));
        summary.restarts.add(status);
        if sidecar {
            sidecars.add(status);
        }
        let terminated = status.at("state.terminated");
        if terminated.is_set() && terminated.at("exitCode").int() == 0 {
            continue;
        }
        if sidecar && status.at("started").flag() {
            summary.ready += i64::from(status.at("ready").flag());
            continue;
        }
        let waiting = status.at("state.waiting.reason").text();
        summary.reason = if terminated.is_set() {
            format!("Init:{}", ended(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{at}/{}", declared.len())
        };
        return true;
    }
    false
}

/// Why a container ended: its reason, else its signal or exit code.
fn ended(terminated: Tree<'_>) -> String {
    let (reason, signal) = (terminated.at("reason").text(), terminated.at("signal").int());
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", terminated.at("exitCode").int()),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// The first container that waits or has ended gives the reason.
fn run(row: &Row<'_>, summary: &mut Summary) {
    let mut running = false;
    for status in row.at("status.containerStatuses").items().rev() {
        summary.restarts.add(status);
        let waiting = status.at("state.waiting.reason").text();
        let terminated = status.at("state.terminated");
        if !waiting.is_empty() {
            summary.reason = waiting.to_owned();
        } else if terminated.is_set() {
            summary.reason = ended(terminated);
        } else if status.at("ready").flag() && status.at("state.running").is_set() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        let ready = is_true(row.at("status.conditions"), "Ready");
        summary.reason = if ready { "Running" } else { "NotReady" }.to_owned();
    }
}

fn readiness_gates(row: &Row<'_>) -> String {
    let gates = row.at("spec.readinessGates").items();
    if gates.len() == 0 {
        return NONE.to_owned();
    }
    let conditions = row.at("status.conditions");
    let total = gates.len();
    let passed = gates.filter(|gate| is_true(conditions, gate.at("conditionType").text())).count();
    format!("{passed}/{total}")
}

fn conditions(row: &Row<'_>) -> Option<Value> {
    let (reason, message) = match row.text("status.phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(Value::Array(vec![object([
        ("type", Value::from("Completed")),
        ("status", Value::from("True")),
        ("reason", Value::from(reason)),
        ("message", Value::from(message)),
    ])]))
}
