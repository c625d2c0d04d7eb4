//! Tables of `autoscaling`: autoscalers of both versions, and scales.

use super::format::{NONE, UNSET};
use super::kinds::{AGE, Doc, Kind, NAME, Row, integer, string};
use super::tree::Tree;

const SPEC: &str = "k8s.io.api.autoscaling.v2.HorizontalPodAutoscalerSpec";
const STATUS: &str = "k8s.io.api.autoscaling.v2.HorizontalPodAutoscalerStatus";
const UNKNOWN: &str = "<unknown>";

/// How many metrics a cell shows.
const SHOWN: usize = 2;

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "HorizontalPodAutoscaler" => &AUTOSCALER,
        "Scale" => &SCALE,
        _ => return None,
    })
}

const AUTOSCALER: Kind = Kind::new(
    &[
        NAME,
        string("Reference", Doc::Field(SPEC, "scaleTargetRef")),
        string("Targets", Doc::Field(SPEC, "metrics")),
        string("MinPods", Doc::Field(SPEC, "minReplicas")),
        string("MaxPods", Doc::Field(SPEC, "maxReplicas")),
        string("Replicas", Doc::Field(STATUS, "currentReplicas")),
        AGE,
    ],
    |row, cells| {
        let target = row.at("spec.scaleTargetRef");
        let least = row.at("spec.minReplicas");
        cells
            .push(row.name())
            .push(format!("{}/{}", target.at("kind").text(), target.at("name").text()))
            .push(metrics(row))
            .push(if least.is_set() { least.printed() } else { UNSET.to_owned() })
            .push(row.at("spec.maxReplicas").int())
            .push(row.at("status.currentReplicas").int())
            .push(row.age());
    },
);

fn metrics(row: &Row<'_>) -> String {
    let current: Vec<Tree<'_>> = row.at("status.currentMetrics").items().collect();
    let mut texts: Vec<String> = row
        .at("spec.metrics")
        .items()
        .enumerate()
        .map(|(at, metric)| describe(metric, current.get(at).copied()))
        .collect();
    // autoscaling/v1 knows one target.
    let cpu = row.at("spec.targetCPUUtilizationPercentage");
    if cpu.is_set() {
        let now = percent(row.at("status.currentCPUUtilizationPercentage"), UNKNOWN);
        texts.insert(0, format!("cpu: {now}/{}%", cpu.int()));
    }
    match texts.len() {
        0 => NONE.to_owned(),
        count if count > SHOWN => {
            format!("{} + {} more...", texts[..SHOWN].join(", "), count - SHOWN)
        }
        _ => texts.join(", "),
    }
}

fn percent(value: Tree<'_>, none: &str) -> String {
    if value.is_set() { format!("{}%", value.int()) } else { none.to_owned() }
}

/// One metric: what it is now, and what it should be.
fn describe(metric: Tree<'_>, current: Option<Tree<'_>>) -> String {
    let kind = metric.at("type").text();
    let (field, resource) = match kind {
        "External" => ("external", false),
        "Pods" => ("pods", false),
        "Object" => ("object", false),
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        _ => return "<unknown type>".to_owned(),
    };
    let metric = metric.at(field);
    let target = metric.at("target");
    let now = current.map(|one| one.at(field)).filter(|one| one.is_set());
    let quantity = |name: &str| now.map_or(UNKNOWN, |one| one.at("current").at(name).text_or("0"));
    let average = target.at("averageValue");
    if resource {
        let name = metric.at("name").text();
        if average.is_set() {
            return format!("{name}: {}/{}", quantity("averageValue"), average.text());
        }
        let used = now.map(|one| percent(one.at("current.averageUtilization"), UNKNOWN));
        let wanted = percent(target.at("averageUtilization"), "<auto>");
        return format!("{name}: {}/{wanted}", used.unwrap_or_else(|| UNKNOWN.to_owned()));
    }
    if kind == "Pods" {
        return format!("{}/{}", quantity("averageValue"), average.text_or("0"));
    }
    if average.is_set() {
        let used = now.map(|one| one.at("current.averageValue").text_or(UNKNOWN));
        return format!("{}/{} (avg)", used.unwrap_or(UNKNOWN), average.text());
    }
    format!("{}/{}", quantity("value"), target.at("value").text_or("0"))
}

const SCALE: Kind = Kind::new(
    &[
        string("Name", NAME.doc),
        integer("Desired", Doc::Field("k8s.io.api.autoscaling.v1.ScaleSpec", "replicas")),
        integer("Available", Doc::Field("k8s.io.api.autoscaling.v1.ScaleStatus", "replicas")),
        AGE,
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.at("spec.replicas").int())
            .push(row.at("status.replicas").int())
            .push(row.age());
    },
);
