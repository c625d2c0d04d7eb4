//! Containers: regular ones, those that prepare the pod, and those that look into a running one.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen};
use super::super::path::Path;
use super::super::resources;
use super::super::volume;
use super::spec::Scope;
use super::{env, handlers, mounts, security};
use crate::field_error::FieldError;
use crate::names;
use crate::value::{Object, Value};
use std::collections::HashSet;

const RESTART_RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;

pub(super) fn regular(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("containers");
    if scope.spec.list("containers").is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let mut seen = Seen::default();
    for (at, container) in scope.spec.objects("containers") {
        let path = path.index(at);
        common(container, scope, &path, errors);
        let name = container.text("name");
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
        hooks(container, scope, &path, errors);
        restart_rules(container, &path, errors);
    }
    let mut taken = HashSet::new();
    for (at, container) in scope.spec.objects("containers") {
        host_ports(container, &mut taken, &path.index(at), errors);
    }
}

pub(super) fn init(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("initContainers");
    let mut seen = Seen::default();
    for (_, container) in scope.spec.objects("containers") {
        seen.again(container.text("name"));
    }
    for (at, container) in scope.spec.objects("initContainers") {
        let item = path.index(at);
        common(container, scope, &item, errors);
        restart_rules(container, &item, errors);
        let name = container.text("name");
        if seen.has(name) {
            errors.push(FieldError::duplicate(item.child("name"), name));
        } else if !name.is_empty() {
            seen.again(name);
        }
        // They run one by one. Upstream looks at each alone, and calls it the first.
        host_ports(container, &mut HashSet::new(), &path.index(0), errors);
        let stays = container.text("restartPolicy") == "Always";
        if stays {
            hooks(container, scope, &item, errors);
        } else {
            for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if container.has(name) {
                    let detail = "may not be set for init containers without restartPolicy=Always";
                    errors.push(FieldError::forbidden(item.child(name), detail));
                }
            }
        }
        if stays || scope.options.init_restarts {
            continue;
        }
        for (at, policy) in container.objects("resizePolicy") {
            if policy.text("restartPolicy") == "RestartContainer" {
                let path = item.child("resizePolicy");
                let path = path.index(at);
                let detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                let path = path.child("restartPolicy");
                errors.push(FieldError::invalid(path, "RestartContainer", detail));
            }
        }
    }
}

/// What containers that look into a pod may say, by the Go names that errors about others show.
const EPHEMERAL_FORBIDDEN: [(&str, &str); 9] = [
    ("ports", "ports"),
    ("resources", "resources"),
    ("resizePolicy", "resizePolicy"),
    ("restartPolicy", "restartPolicy"),
    ("restartPolicyRules", "restartPolicyRules"),
    ("livenessProbe", "livenessProbe"),
    ("readinessProbe", "readinessProbe"),
    ("startupProbe", "startupProbe"),
    ("lifecycle", "lifecycle"),
];

pub(super) fn ephemeral(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("ephemeralContainers");
    let mut others = Seen::default();
    for list in ["containers", "initContainers"] {
        for (_, container) in scope.spec.objects(list) {
            others.again(container.text("name"));
        }
    }
    let mut seen = Seen::default();
    for (at, container) in scope.spec.objects("ephemeralContainers") {
        let path = path.index(at);
        common(container, scope, &path, errors);
        only_in_pods(container, &path, errors);
        let name = container.text("name");
        if others.has(name) || seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        }
        let target = container.text("targetContainerName");
        if !target.is_empty() && !others.has(target) {
            errors.push(FieldError::not_found(path.child("targetContainerName"), target));
        }
        let detail = "cannot be set for an Ephemeral Container";
        for (name, shown) in EPHEMERAL_FORBIDDEN {
            let empty = match container.value(name) {
                Some(Value::Array(items)) => items.is_empty(),
                Some(Value::Object(object)) if name == "resources" => object.is_empty(),
                other => other.is_none(),
            };
            if !empty {
                errors.push(FieldError::forbidden(path.child(shown), detail));
            }
        }
        for (at, mount) in container.objects("volumeMounts") {
            for name in ["subPath", "subPathExpr"] {
                if !mount.text(name).is_empty() {
                    let path = path.child("volumeMounts");
                    let path = path.index(at);
                    errors.push(FieldError::forbidden(path.child(name), detail));
                }
            }
        }
    }
}

/// What holds for pods, and not for templates.
pub(super) fn only_in_pods(container: &Object, path: &Path<'_>, errors: &mut Errors) {
    let image = container.text("image");
    if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(path.child("image"), image, detail));
    }
}

/// What holds for every container.
fn common(container: &Object, scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let name = container.text("name");
    if name.is_empty() {
        errors.push(FieldError::required(path.child("name"), ""));
    } else {
        check::dns_label(errors, path.child("name"), name);
    }
    check::need(errors, path, container, "image");
    let policy = path.child("terminationMessagePolicy");
    match container.text("terminationMessagePolicy") {
        "" => errors.push(FieldError::required(policy, "")),
        text => check::one_of(errors, policy, text, &["File", "FallbackToLogsOnError"]),
    }
    ports(container, &path.child("ports"), errors);
    env::list(container, &path.child("env"), errors);
    env::from(container, &path.child("envFrom"), errors);
    mounts::directories(container, scope, &path.child("volumeMounts"), errors);
    mounts::devices(container, scope, &path.child("volumeDevices"), errors);
    let policy = container.text("imagePullPolicy");
    volume::pull_policy(policy, &path.child("imagePullPolicy"), errors);
    let rules = resources::Rules {
        pod_level: false,
        any_huge_pages: scope.options.any_huge_pages,
        claims: &scope.claims,
    };
    let own = container.part("resources");
    resources::requirements(own, rules, &path.child("resources"), errors);
    resize_policy(container, scope, &path.child("resizePolicy"), errors);
    if let Some(context) = container.object("securityContext") {
        security::of_container(context, scope, &path.child("securityContext"), errors);
    }
}

fn ports(container: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, port) in container.objects("ports") {
        let path = path.index(at);
        let name = port.text("name");
        if !name.is_empty() {
            let messages = names::port_name(name);
            if !messages.is_empty() {
                check::each(errors, path.child("name"), name, messages);
            } else if seen.again(name) {
                errors.push(FieldError::duplicate(path.child("name"), name));
            }
        }
        match port.int("containerPort").unwrap_or(0) {
            0 => errors.push(FieldError::required(path.child("containerPort"), "")),
            number => check::port(errors, path.child("containerPort"), number),
        }
        match port.int("hostPort").unwrap_or(0) {
            0 => {}
            number => check::port(errors, path.child("hostPort"), number),
        }
        protocol(port.text("protocol"), &path.child("protocol"), errors);
    }
}

pub(crate) fn protocol(protocol: &str, path: &Path<'_>, errors: &mut Errors) {
    match protocol {
        "" => errors.push(FieldError::required(path, "")),
        protocol => check::one_of(errors, path, protocol, &["SCTP", "TCP", "UDP"]),
    }
}

/// A port of the host has one owner.
fn host_ports(
    container: &Object,
    taken: &mut HashSet<String>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for (at, port) in container.objects("ports") {
        let number = port.int("hostPort").unwrap_or(0);
        if number == 0 {
            continue;
        }
        let key = format!("{}/{}/{number}", port.text("protocol"), port.text("hostIP"));
        if taken.contains(&key) {
            let path = path.child("ports");
            let path = path.index(at);
            errors.push(FieldError::duplicate(path.child("hostPort"), &key));
        } else {
            taken.insert(key);
        }
    }
}

fn hooks(container: &Object, scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    handlers::lifecycle(container, scope.os, scope.grace_s, path, errors);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        handlers::probe(container, name, scope.grace_s, path, errors);
    }
}

/// What is done when a container ends: its own policy and rules by exit code.
fn restart_rules(container: &Object, path: &Path<'_>, errors: &mut Errors) {
    let rules = container.list("restartPolicyRules");
    let policy = path.child("restartPolicy");
    if container.has("restartPolicy") {
        let words = ["Always", "Never", "OnFailure"];
        check::one_of(errors, policy, container.text("restartPolicy"), &words);
    } else if !rules.is_empty() {
        let detail = "must specify restartPolicy when restart rules are used";
        errors.push(FieldError::required(policy, detail));
    }
    let path = path.child("restartPolicyRules");
    if rules.len() > RESTART_RULES_MAX {
        errors.push(FieldError::too_many(path, rules.len(), RESTART_RULES_MAX));
    }
    for (at, rule) in container.objects("restartPolicyRules") {
        let path = path.index(at);
        let actions = ["Restart", "RestartAllContainers"];
        check::one_of(errors, path.child("action"), rule.text("action"), &actions);
        let path = path.child("exitCodes");
        let Some(codes) = rule.object("exitCodes") else {
            errors.push(FieldError::required(path, "must be specified"));
            continue;
        };
        let operators = ["In", "NotIn"];
        check::one_of(errors, path.child("operator"), codes.text("operator"), &operators);
        let count = codes.list("values").len();
        if count > EXIT_CODES_MAX {
            errors.push(FieldError::too_many(path.child("values"), count, EXIT_CODES_MAX));
        }
    }
}

fn resize_policy(container: &Object, scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, policy) in container.objects("resizePolicy") {
        let (name, restart) = (policy.text("resourceName"), policy.text("restartPolicy"));
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.index(at), name));
        }
        match name {
            "" => errors.push(FieldError::required(path, "")),
            name => check::one_of(errors, path, name, &["cpu", "memory"]),
        }
        match restart {
            "" => errors.push(FieldError::required(path, "")),
            text => check::one_of(errors, path, text, &["NotRequired", "RestartContainer"]),
        }
        if scope.spec.text("restartPolicy") == "Never" && restart != "NotRequired" {
            let detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(FieldError::invalid(path, restart, detail));
        }
    }
}
