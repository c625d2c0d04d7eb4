//! Checks of the baseline that ask what a field is set to.

use super::baseline_fields::profile_type;
use super::subject::{Finding, Subject, Told, containers, context, plural, quoted, setters};
use xebec_core::edit;
use xebec_core::field_error;
use xebec_core::value::{Object, Value};

const APP_ARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";

pub fn app_armor_profile(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let path = ["appArmorProfile"];
    let mut values = Told::new();
    values.extend(unusual(subject.context(&path)));
    let by_pod = !values.is_empty();
    let bad = subject.named(|container| {
        let kind = unusual(context(container, &path));
        values.extend(kind);
        kind.is_some()
    });
    let annotations = subject.annotations().filter(|(key, value)| {
        let is_allowed =
            value.is_empty() || *value == "runtime/default" || value.starts_with("localhost/");
        key.starts_with(APP_ARMOR_PREFIX) && !is_allowed
    });
    let mut annotations: Vec<String> =
        annotations.map(|(key, value)| assignment(key, value)).collect();
    annotations.sort_unstable();
    if !by_pod && bad.is_empty() && annotations.is_empty() {
        return None;
    }
    let mut by = Vec::new();
    if by_pod || !bad.is_empty() {
        by.push(setters(by_pod, &bad));
    }
    if !annotations.is_empty() {
        by.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    values.append(&mut annotations);
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len());
    let detail =
        format!("{} must not set AppArmor profile type to {}", by.join(" and "), quoted(&values));
    Finding::new(reason, detail)
}

/// The type of a profile that is neither of those allowed.
fn unusual(profile: Option<&Value>) -> Option<&str> {
    profile_type(profile).filter(|kind| !is_usual(kind))
}

/// What a runtime, or who runs a node, has chosen.
pub fn is_usual(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

fn assignment(key: &str, value: &str) -> String {
    format!("{key}={}", field_error::quoted(value))
}

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

pub fn capabilities(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let mut added = Told::new();
    let bad = subject.named(|container| {
        let own = added_capabilities(container).filter(|one| !CAPABILITIES.contains(one));
        let own: Vec<&str> = own.collect();
        added.extend(&own);
        !own.is_empty()
    });
    if bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must not include {} in securityContext.capabilities.add",
        containers(&bad),
        quoted(added)
    );
    Finding::new("non-default capabilities", detail)
}

pub fn added_capabilities(container: &Object) -> impl Iterator<Item = &str> {
    let added = context(container, &["capabilities", "add"]).and_then(Value::as_array);
    added.unwrap_or_default().iter().filter_map(Value::as_str)
}

pub fn se_linux_options(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    let allows = |kind: &str| match kind {
        "" | "container_t" | "container_init_t" | "container_kvm_t" => true,
        "container_engine_t" => minor >= 31,
        _ => false,
    };
    let (mut kinds, mut sets_user, mut sets_role) = (Told::new(), false, false);
    let path = ["seLinuxOptions"];
    let own = subject.containers().map(|one| context(one, &path)).chain([subject.context(&path)]);
    for options in own.filter_map(|options| options?.as_object()) {
        kinds.extend([edit::text(options, &["type"])].into_iter().filter(|kind| !allows(kind)));
        sets_user |= !edit::text(options, &["user"]).is_empty();
        sets_role |= !edit::text(options, &["role"]).is_empty();
    }
    let is_bad = |options: Option<&Value>| {
        options.and_then(Value::as_object).is_some_and(|options| {
            !allows(edit::text(options, &["type"]))
                || !edit::text(options, &["user"]).is_empty()
                || !edit::text(options, &["role"]).is_empty()
        })
    };
    let by_pod = is_bad(subject.context(&path));
    let bad = subject.named(|container| is_bad(context(container, &path)));
    if !by_pod && bad.is_empty() {
        return None;
    }
    let mut told = Vec::new();
    if !kinds.is_empty() {
        told.push(format!("{} {}", plural("type", "types", kinds.len()), quoted(kinds)));
    }
    if sets_user {
        told.push("user may not be set".to_owned());
    }
    if sets_role {
        told.push("role may not be set".to_owned());
    }
    let detail = format!(
        "{} set forbidden securityContext.seLinuxOptions: {}",
        setters(by_pod, &bad),
        told.join("; ")
    );
    Finding::new("seLinuxOptions", detail)
}

pub fn seccomp_profile(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor < 19 { seccomp_annotations(subject) } else { seccomp_fields(subject) }
}

/// Before there were fields.
fn seccomp_annotations(subject: &Subject<'_>) -> Option<Finding> {
    let is_allowed = |value: &str| {
        matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/")
    };
    let names = subject.containers().map(|container| edit::text(container, &["name"]));
    let names: Vec<&str> = names.collect();
    let is_ours = |key: &str| {
        key == SECCOMP_POD || key.strip_prefix(SECCOMP_PREFIX).is_some_and(|of| names.contains(&of))
    };
    let bad = subject.annotations().filter(|(key, value)| is_ours(key) && !is_allowed(value));
    let mut bad: Vec<String> = bad.map(|(key, value)| assignment(key, value)).collect();
    if bad.is_empty() {
        return None;
    }
    bad.sort_unstable();
    let annotations = plural("annotation", "annotations", bad.len());
    Finding::new("seccompProfile", format!("forbidden {annotations} {}", bad.join(", ")))
}

/// Profiles that are named and not allowed.
pub fn seccomp_fields(subject: &Subject<'_>) -> Option<Finding> {
    let path = ["seccompProfile"];
    let mut kinds = Told::new();
    kinds.extend(unusual(subject.context(&path)));
    let by_pod = !kinds.is_empty();
    let bad = subject.named(|container| {
        let kind = unusual(context(container, &path));
        kinds.extend(kind);
        kind.is_some()
    });
    if !by_pod && bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must not set securityContext.seccompProfile.type to {}",
        setters(by_pod, &bad),
        quoted(kinds)
    );
    Finding::new("seccompProfile", detail)
}
