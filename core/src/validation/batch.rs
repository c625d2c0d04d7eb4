//! The group `batch`.

mod cron_job;
mod failure_policy;
mod indexes;
mod job;
mod job_spec;
mod job_status;
mod schedule;
mod success_policy;
mod time_zone;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "CronJob" => cron_job::RULES,
        "Job" => job::RULES,
        _ => return None,
    })
}
