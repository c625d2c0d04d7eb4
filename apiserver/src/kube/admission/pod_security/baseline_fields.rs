//! Checks of the baseline that ask whether a field is set at all: what belongs to the host is not
//! for pods.

use super::subject::{Finding, Subject, Told, containers, context, plural, quoted, setters};
use std::collections::BTreeSet;
use xebec_core::edit;
use xebec_core::value::{Object, Value};

pub fn host_namespaces(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let set = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let set = set.filter(|name| edit::flag(subject.spec, &[name]));
    let set: Vec<String> = set.map(|name| format!("{name}=true")).collect();
    if set.is_empty() {
        return None;
    }
    Finding::new("host namespaces", set.join(", "))
}

pub fn host_path_volumes(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let volumes = subject.volumes().filter(|volume| volume.get("hostPath").is_some());
    let names: Vec<&str> = volumes.map(|volume| edit::text(volume, &["name"])).collect();
    if names.is_empty() {
        return None;
    }
    let detail = format!("{} {}", plural("volume", "volumes", names.len()), quoted(&names));
    Finding::new("hostPath volumes", detail)
}

pub fn host_ports(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let mut used = BTreeSet::new();
    let bad = subject.named(|container| {
        let ports = edit::items(container, &["ports"]).iter();
        let ports = ports.filter_map(|port| port.get("hostPort")?.as_i64());
        let ports: Vec<String> =
            ports.filter(|port| *port != 0).map(|port| port.to_string()).collect();
        let uses = !ports.is_empty();
        used.extend(ports);
        uses
    });
    if bad.is_empty() {
        return None;
    }
    let ports: Vec<String> = used.into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        containers(&bad),
        plural("uses", "use", bad.len()),
        plural("hostPort", "hostPorts", ports.len()),
        ports.join(", ")
    );
    Finding::new("hostPort", detail)
}

pub fn hosts_of_probes(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    const HANDLERS: [&[&str]; 5] = [
        &["livenessProbe"],
        &["readinessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ];
    let mut hosts = Told::new();
    let bad = subject.named(|container| {
        let handlers = HANDLERS.iter().filter_map(|path| edit::object(container, path));
        let own = handlers.flat_map(|handler| {
            ["httpGet", "tcpSocket"].into_iter().map(|kind| edit::text(handler, &[kind, "host"]))
        });
        let own: Vec<&str> = own.filter(|host| !host.is_empty()).collect();
        hosts.extend(&own);
        !own.is_empty()
    });
    if bad.is_empty() {
        return None;
    }
    let bad: Vec<&str> = BTreeSet::from_iter(bad).into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        containers(&bad),
        plural("uses", "use", bad.len()),
        plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.len()),
        quoted(hosts)
    );
    Finding::new("probe or lifecycle host", detail)
}

pub fn privileged(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let bad = subject.named(|container| is_true(context(container, &["privileged"])));
    if bad.is_empty() {
        return None;
    }
    let detail = format!("{} must not set securityContext.privileged=true", containers(&bad));
    Finding::new("privileged", detail)
}

pub fn proc_mount(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= 35 && subject.has_user_namespace() {
        return None;
    }
    any_proc_mount(subject, minor)
}

pub fn any_proc_mount(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let mut kinds = Told::new();
    let bad = subject.named(|container| {
        let kind = context(container, &["procMount"]).and_then(Value::as_str);
        let kind = kind.filter(|kind| *kind != "Default");
        kinds.extend(kind);
        kind.is_some()
    });
    if bad.is_empty() {
        return None;
    }
    let detail =
        format!("{} must not set securityContext.procMount to {}", containers(&bad), quoted(kinds));
    Finding::new("procMount", detail)
}

/// Safe settings, and the version from which each counts as one.
const SAFE_SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

pub fn sysctls(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    let set = subject.context(&["sysctls"]).and_then(Value::as_array).unwrap_or_default();
    let names = set.iter().filter_map(|one| one.get("name")?.as_str());
    let is_safe =
        |name: &str| SAFE_SYSCTLS.iter().any(|(safe, since)| *safe == name && *since <= minor);
    let unsafe_ones: Vec<&str> = names.filter(|name| !is_safe(name)).collect();
    if unsafe_ones.is_empty() {
        return None;
    }
    Finding::new("forbidden sysctls", unsafe_ones.join(", "))
}

pub fn windows_host_process(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let path = ["windowsOptions", "hostProcess"];
    let bad = subject.named(|container| is_true(context(container, &path)));
    let by_pod = is_true(subject.context(&path));
    if bad.is_empty() && !by_pod {
        return None;
    }
    let detail = format!(
        "{} must not set securityContext.windowsOptions.hostProcess=true",
        setters(by_pod, &bad)
    );
    Finding::new("hostProcess", detail)
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

/// The type of a profile that a security context names; one without a type has none.
pub fn profile_type(context: Option<&Value>) -> Option<&str> {
    let profile: &Object = context?.as_object()?;
    Some(edit::text(profile, &["type"]))
}
