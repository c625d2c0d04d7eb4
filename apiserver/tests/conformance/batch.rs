//! Jobs and CronJobs: their APIs.

use crate::life::{delete_labelled, found, strategic};
use crate::operations::Operations;
use crate::support::kube::version;
use crate::support::servers::Servers;
use serde_json::{Value, json};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

fn template(policy: &str) -> Value {
    json!({"spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "busybox"}]}})
}

#[tokio::test]
async fn cron_jobs() {
    let servers = Servers::ready().await;
    let job = json!({"spec": {"template": template("OnFailure")}});
    let spec = json!({
        "schedule": "* */1 * * ?", "concurrencyPolicy": "Allow", "jobTemplate": job,
        "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0,
    });
    let kind = ("batch", "v1", "cronjobs");
    let operations = Operations {
        subresources: &["status"],
        namespace: Some("default"),
        ..Operations::new(&servers, kind, json!({"spec": spec}))
    };
    operations.run(&json!({"spec": {"suspend": true}})).await;
    let at = |time: &str| {
        let metadata = json!({"annotations": {"patchedstatus": "true"}});
        json!({"metadata": metadata, "status": {"lastScheduleTime": time}})
    };
    operations.run_status(&at("2026-01-02T03:04:05Z"), &at("2026-02-03T04:05:06Z")).await;
    servers.stop().await;
}

fn job(name: &str) -> Value {
    let spec = json!({"parallelism": 2, "completions": 4, "backoffLimit": 6,
        "template": template("Never")});
    json!({"metadata": {"name": name, "labels": {"e2e-job": "yes"}}, "spec": spec})
}

/// The suite waits for its completion too.
#[tokio::test]
async fn a_job_lives() {
    let servers = Servers::ready().await;
    let mut wanted = job("once");
    wanted["spec"]["suspend"] = json!(true);
    let made = servers.post(JOBS, &wanted).await.done().body;
    let watch = format!("{JOBS}?labelSelector=e2e-job%3Dyes&resourceVersion={}", version(&made));
    let mut watch = servers.watch(&watch).await;
    let patch = json!({"metadata": {"labels": {"once": "patched"}}});
    let mut patched = strategic(&servers, &format!("{JOBS}/once"), &patch).await;
    assert!(version(&patched) > version(&made));
    watch.expect("MODIFIED", &patched).await;
    patched["spec"]["suspend"] = json!(false);
    patched["metadata"]["annotations"] = json!({"updated": "true"});
    let updated = servers.put(&format!("{JOBS}/once"), &patched).await.done().body;
    assert_eq!(updated["metadata"]["annotations"]["updated"], "true");
    watch.expect("MODIFIED", &updated).await;
    assert_eq!(found(&servers, "/apis/batch/v1/jobs", "e2e-job=yes").await, ["once"]);
    let options = json!({"propagationPolicy": "Background"});
    delete_labelled(&servers, JOBS, "e2e-job=yes", &options).await;
    watch.until("DELETED", |object| object["metadata"]["labels"]["e2e-job"] == "yes").await;
    assert_eq!(found(&servers, "/apis/batch/v1/jobs", "e2e-job=yes").await, [""; 0]);
    servers.stop().await;
}

/// The suite waits for its pods too.
#[tokio::test]
async fn jobs_have_status() {
    let servers = Servers::ready().await;
    let made = servers.post(JOBS, &job("status")).await.done().body;
    let status = format!("{JOBS}/status/status");
    let condition = |time: &str| {
        json!([{"type": "CustomConditionType", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": time}])
    };
    let first = condition("2026-01-02T03:04:05Z");
    let patch = json!({"metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"conditions": first}});
    let mut patched = servers.patch(&status, &patch).await.done().body;
    assert_eq!(patched["metadata"]["annotations"]["patchedstatus"], "true");
    let time = |job: &Value| job["status"]["conditions"][0]["lastTransitionTime"].clone();
    assert_eq!(time(&patched), "2026-01-02T03:04:05Z");
    patched["status"]["conditions"] = condition("2026-02-03T04:05:06Z");
    let updated = servers.put(&status, &patched).await.done().body;
    assert_eq!(time(&updated), "2026-02-03T04:05:06Z");
    assert_eq!(servers.get(&status).await["metadata"]["uid"], made["metadata"]["uid"]);
    servers.stop().await;
}
