//! Tables of `batch`.

use super::format::{NONE, UNSET, containers, is_true, selector_or_none};
use super::kinds::{AGE, CONTAINERS, Doc, IMAGES, Kind, NAME, Row, boolean, integer, string};
use crate::human;
use crate::time::Timestamp;

const JOB_SPEC: &str = "k8s.io.api.batch.v1.JobSpec";
const CRON_SPEC: &str = "k8s.io.api.batch.v1.CronJobSpec";
const CRON_STATUS: &str = "k8s.io.api.batch.v1.CronJobStatus";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "CronJob" => &CRON_JOB,
        "Job" => &JOB,
        _ => return None,
    })
}

const CRON_JOB: Kind = Kind::new(
    &[
        NAME,
        string("Schedule", Doc::Field(CRON_SPEC, "schedule")),
        string("Timezone", Doc::Field(CRON_SPEC, "timeZone")),
        boolean("Suspend", Doc::Field(CRON_SPEC, "suspend")),
        integer("Active", Doc::Field(CRON_STATUS, "active")),
        string("Last Schedule", Doc::Field(CRON_STATUS, "lastScheduleTime")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(JOB_SPEC, "selector")).wide(),
    ],
    |row, cells| {
        let job = row.at("spec.jobTemplate.spec");
        let (names, images) = containers(job.at("template"));
        let suspend = row.at("spec.suspend");
        let suspend = match suspend.is_set() {
            false => UNSET,
            true if suspend.flag() => "True",
            true => "False",
        };
        let last = row.at("status.lastScheduleTime");
        cells
            .push(row.name())
            .push(row.text("spec.schedule"))
            .push(row.text_or("spec.timeZone", NONE))
            .push(suspend)
            .push(row.at("status.active").len())
            .push(if last.is_set() { row.since(last) } else { NONE.to_owned() })
            .push(row.age())
            .push(names)
            .push(images)
            .push(selector_or_none(job.at("selector")));
    },
);

const JOB: Kind = Kind::new(
    &[
        NAME,
        string("Status", Doc::Text("Status of the job.")),
        string("Completions", Doc::Field("k8s.io.api.batch.v1.JobStatus", "succeeded")),
        string("Duration", Doc::Text("Time required to complete the job.")),
        AGE,
        CONTAINERS,
        IMAGES,
        string("Selector", Doc::Field(JOB_SPEC, "selector")).wide(),
    ],
    |row, cells| {
        let (names, images) = containers(row.at("spec.template"));
        cells
            .push(row.name())
            .push(job_status(row))
            .push(completions(row))
            .push(job_duration(row))
            .push(row.age())
            .push(names)
            .push(images)
            .push(selector_or_none(row.at("spec.selector")));
    },
);

fn job_status(row: &Row<'_>) -> &'static str {
    let conditions = row.at("status.conditions");
    let words = [("Complete", "Complete"), ("Failed", "Failed")];
    let later = [("Suspended", "Suspended"), ("FailureTarget", "FailureTarget")];
    let first = |among: &[(&str, &'static str)]| {
        among.iter().find(|(kind, _)| is_true(conditions, kind)).map(|(_, word)| *word)
    };
    first(&words)
        .or_else(|| row.deleted().then_some("Terminating"))
        .or_else(|| first(&later))
        .unwrap_or("Running")
}

fn completions(row: &Row<'_>) -> String {
    let succeeded = row.at("status.succeeded").int();
    let wanted = row.at("spec.completions");
    match row.at("spec.parallelism").int() {
        _ if wanted.is_set() => format!("{succeeded}/{}", wanted.int()),
        parallelism if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        _ => format!("{succeeded}/1"),
    }
}

fn job_duration(row: &Row<'_>) -> String {
    let Some(start) = Timestamp::parse(row.text("status.startTime")) else { return String::new() };
    let end = Timestamp::parse(row.text("status.completionTime"));
    human::since(start, end.unwrap_or(row.now))
}
