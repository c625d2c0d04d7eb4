//! Jobs and cron jobs.

use super::Rule;
use super::draft::Draft;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("CronJob", cron_job),
    ("Job", job),
    ("PodFailurePolicyOnPodConditionsPattern", pod_condition),
];

const BACKOFF_LIMIT: i64 = 6;

fn job(job: &mut Draft<'_>) {
    let mut spec = job.child("spec");
    if !spec.has("parallelism") {
        spec.default("completions", 1);
        spec.put("parallelism", 1);
    }
    let limit = if spec.has("backoffLimitPerIndex") { i32::MAX.into() } else { BACKOFF_LIMIT };
    spec.default("backoffLimit", limit);
    spec.default("completionMode", "NonIndexed");
    spec.default("suspend", false);
    let replacement = if spec.has("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    spec.default("podReplacementPolicy", replacement);
    spec.default("manualSelector", false);
    let labels = spec.child("template").child("metadata").map("labels").cloned();
    let mut metadata = job.child("metadata");
    if let Some(labels) = labels
        && metadata.map("labels").is_none()
    {
        metadata.fill("labels", &labels);
    }
}

fn cron_job(job: &mut Draft<'_>) {
    let mut spec = job.child("spec");
    spec.default("concurrencyPolicy", "Allow");
    spec.default("suspend", false);
    spec.default("successfulJobsHistoryLimit", 3);
    spec.default("failedJobsHistoryLimit", 1);
}

fn pod_condition(pattern: &mut Draft<'_>) {
    pattern.default("status", "True");
}
