//! Pods, and what pod templates have in common with them.

use super::Rule;
use super::draft::Draft;
use super::pod_resources;
use crate::image::ImageName;
use crate::value::Value;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("Container", container),
    // Its fields are those of a container.
    ("EphemeralContainer", container),
    ("HTTPGetAction", http_get),
    ("ObjectFieldSelector", field_selector),
    ("Pod", pod),
    ("PodSpec", pod_spec),
    ("Probe", probe),
];

const GRACE_SECONDS: i64 = 30;

/// What holds for pods but not for templates of pods.
fn pod(pod: &mut Draft<'_>) {
    let mut spec = pod.child("spec");
    spec.each("containers", requests_from_limits);
    spec.each("initContainers", requests_from_limits);
    pod_resources::complete(&mut spec);
    spec.default("enableServiceLinks", true);
    if spec.flag("hostNetwork") {
        spec.each("containers", ports_on_host);
        spec.each("initContainers", ports_on_host);
    }
}

fn requests_from_limits(container: &mut Draft<'_>) {
    let mut resources = container.child("resources");
    if let Some(limits) = resources.map("limits").cloned() {
        resources.fill("requests", &limits);
    }
}

fn ports_on_host(container: &mut Draft<'_>) {
    container.each("ports", |port| {
        if let Some(number) = port.get("containerPort").and_then(Value::as_i64)
            && number != 0
        {
            port.default("hostPort", number);
        }
    });
}

fn pod_spec(spec: &mut Draft<'_>) {
    spec.default("dnsPolicy", "ClusterFirst");
    spec.default("restartPolicy", "Always");
    spec.child("securityContext");
    spec.default("terminationGracePeriodSeconds", GRACE_SECONDS);
    spec.default("schedulerName", "default-scheduler");
}

fn container(container: &mut Draft<'_>) {
    if container.text("imagePullPolicy").is_empty() {
        let policy = pull_policy(container.text("image"));
        container.put("imagePullPolicy", policy);
    }
    container.default("terminationMessagePath", "/dev/termination-log");
    container.default("terminationMessagePolicy", "File");
}

/// An image that may change behind its name is pulled every time.
pub(super) fn pull_policy(image: &str) -> &'static str {
    match ImageName::parse(image) {
        Some(ImageName { tag: "latest", .. }) => "Always",
        _ => "IfNotPresent",
    }
}

fn probe(probe: &mut Draft<'_>) {
    probe.default("timeoutSeconds", 1);
    probe.default("periodSeconds", 10);
    probe.default("successThreshold", 1);
    probe.default("failureThreshold", 3);
}

fn http_get(action: &mut Draft<'_>) {
    action.default("path", "/");
    action.default("scheme", "HTTP");
}

fn field_selector(selector: &mut Draft<'_>) {
    selector.default("apiVersion", "v1");
}
