//! What a container is asked or told to do: probes and the hooks of its life.

use super::super::Errors;
use super::super::check;
use super::super::fields::Fields;
use super::super::path::Path;
use crate::field_error::FieldError;
use crate::names;
use crate::value::Object;

/// Probes of a container; `name` says which.
pub(super) fn probe(
    container: &Object,
    name: &'static str,
    grace_s: Option<i64>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(probe) = container.object(name) else { return };
    let path = path.child(name);
    handler(probe, grace_s, &path, errors);
    for name in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        check::not_negative(errors, &path.child(name), probe.int(name));
    }
    let own_grace_s = probe.int("terminationGracePeriodSeconds");
    let grace_path = path.child("terminationGracePeriodSeconds");
    if let Some(seconds) = own_grace_s.filter(|seconds| *seconds <= 0) {
        errors.push(FieldError::invalid(grace_path, &seconds, "must be greater than 0"));
    }
    if name == "readinessProbe" {
        if let Some(seconds) = own_grace_s {
            let detail = "must not be set for readinessProbes";
            errors.push(FieldError::invalid(grace_path, &seconds, detail));
        }
        return;
    }
    let threshold = probe.int("successThreshold").unwrap_or(0);
    if threshold != 1 {
        let path = path.child("successThreshold");
        errors.push(FieldError::invalid(path, &threshold, "must be 1"));
    }
}

/// The hooks of a container.
pub(super) fn lifecycle(
    container: &Object,
    os: Option<&str>,
    grace_s: Option<i64>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(lifecycle) = container.object("lifecycle") else { return };
    let path = path.child("lifecycle");
    for name in ["postStart", "preStop"] {
        if let Some(hook) = lifecycle.object(name) {
            handler(hook, grace_s, &path.child(name), errors);
        }
    }
    if lifecycle.has("stopSignal") {
        stop_signal(lifecycle.text("stopSignal"), os, &path.child("stopSignal"), errors);
    }
}

/// In the order in which upstream looks at them; the first that is set counts.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

fn handler(handler: &Object, grace_s: Option<i64>, path: &Path<'_>, errors: &mut Errors) {
    let mut found = false;
    for name in HANDLERS {
        let Some(action) = handler.object(name) else { continue };
        let path = path.child(name);
        if std::mem::replace(&mut found, true) {
            let detail = "may not specify more than 1 handler type";
            errors.push(FieldError::forbidden(path, detail));
            continue;
        }
        match name {
            "exec" if action.list("command").is_empty() => {
                errors.push(FieldError::required(path.child("command"), ""));
            }
            "httpGet" => http_get(action, &path, errors),
            "tcpSocket" => {
                check::port_or_name(errors, &path.child("port"), action.value("port"));
            }
            "grpc" => {
                check::port(errors, path.child("port"), action.int("port").unwrap_or(0));
            }
            "sleep" => sleep(action.int("seconds").unwrap_or(0), grace_s, &path, errors),
            _ => {}
        }
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
}

fn http_get(action: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, action, "path");
    check::port_or_name(errors, &path.child("port"), action.value("port"));
    check::one_of(errors, path.child("scheme"), action.text("scheme"), &["HTTP", "HTTPS"]);
    for (_, header) in action.objects("httpHeaders") {
        let name = header.text("name");
        check::each(errors, path.child("httpHeaders"), name, names::header_name(name));
    }
}

fn sleep(seconds: i64, grace_s: Option<i64>, path: &Path<'_>, errors: &mut Errors) {
    if let Some(grace_s) = grace_s.filter(|grace_s| seconds < 0 || seconds > *grace_s) {
        let detail =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace_s})");
        errors.push(FieldError::invalid(path, &seconds, &detail));
    }
}

/// Signals that Linux knows, sorted as errors list them.
#[rustfmt::skip]
const LINUX_SIGNALS: [&str; 65] = [
    "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL",
    "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT",
    "SIGRTMAX", "SIGRTMAX-1", "SIGRTMAX-10", "SIGRTMAX-11", "SIGRTMAX-12", "SIGRTMAX-13",
    "SIGRTMAX-14", "SIGRTMAX-2", "SIGRTMAX-3", "SIGRTMAX-4", "SIGRTMAX-5", "SIGRTMAX-6",
    "SIGRTMAX-7", "SIGRTMAX-8", "SIGRTMAX-9", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+10",
    "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+2",
    "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8",
    "SIGRTMIN+9", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU",
    "SIGXFSZ",
];

fn stop_signal(signal: &str, os: Option<&str>, path: &Path<'_>, errors: &mut Errors) {
    match os {
        None => {
            let detail = "may not be set for containers with empty `spec.os.name`";
            errors.push(FieldError::forbidden(path, detail));
        }
        Some("windows") => check::one_of(errors, path, signal, &["SIGKILL", "SIGTERM"]),
        Some("linux") => check::one_of(errors, path, signal, &LINUX_SIGNALS),
        Some(_) => {}
    }
}
