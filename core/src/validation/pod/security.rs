//! Security contexts of pods and containers.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen};
use super::super::internal;
use super::super::path::Path;
use super::spec::Scope;
use super::windows;
use crate::field_error::{FieldError, Reason};
use crate::names;
use crate::value::Object;

/// One less than the longest path.
const APP_ARMOR_NAME_MAX_BYTES: usize = 4_095;

fn ids(context: &Object, names: &[&str], path: &Path<'_>, errors: &mut Errors) {
    for name in names {
        if let Some(id) = context.int(name) {
            check::each_number(errors, path.child(name), id, names::unix_id(id));
        }
    }
}

/// What all containers of a pod share.
pub(super) fn of_pod(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let spec = scope.spec;
    let context = spec.part("securityContext");
    ids(context, &["fsGroup", "runAsUser", "runAsGroup"], path, errors);
    for (at, group) in context.list("supplementalGroups").iter().enumerate() {
        let id = group.as_i64().unwrap_or(0);
        let path = path.child("supplementalGroups");
        check::each_number(errors, path.index(at), id, names::unix_id(id));
    }
    if spec.flag("shareProcessNamespace") && spec.flag("hostPID") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        let path = path.child("shareProcessNamespace");
        errors.push(FieldError::shown(Reason::Invalid, path, "true", detail));
    }
    sysctls(scope, &path.child("sysctls"), errors);
    if context.has("fsGroupChangePolicy") {
        let words = ["Always", "OnRootMismatch"];
        let policy = context.text("fsGroupChangePolicy");
        check::one_of(errors, path.child("fsGroupChangePolicy"), policy, &words);
    }
    seccomp(context.object("seccompProfile"), &path.child("seccompProfile"), errors);
    windows::options(context.object("windowsOptions"), &path.child("windowsOptions"), errors);
    app_armor(context.object("appArmorProfile"), &path.child("appArmorProfile"), errors);
    if context.has("supplementalGroupsPolicy") {
        let policy = context.text("supplementalGroupsPolicy");
        check::one_of(errors, path.child("supplementalGroupsPolicy"), policy, &["Merge", "Strict"]);
    }
    if context.has("seLinuxChangePolicy") {
        let words: &[&str] = if scope.options.any_selinux_policy {
            &["MountOption", "Recursive"]
        } else {
            &["Recursive"]
        };
        let policy = context.text("seLinuxChangePolicy");
        check::one_of(errors, path.child("seLinuxChangePolicy"), policy, words);
    }
}

fn sysctls(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    for (at, sysctl) in scope.spec.part("securityContext").objects("sysctls") {
        let path = path.index(at);
        let path = path.child("name");
        let name = sysctl.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path, ""));
        } else if !names::is_sysctl(name) {
            let detail = format!(
                "must have at most {} characters and match regex \
                 ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
                names::SYSCTL_MAX_BYTES
            );
            errors.push(FieldError::invalid(path, name, &detail));
        } else if seen.has(name) {
            errors.push(FieldError::duplicate(path, name));
        }
        if !scope.options.host_sysctls
            && let Some(flag) = host_sysctl(scope.spec, name)
        {
            let detail = format!("may not be specified when '{flag}' is true");
            errors.push(FieldError::invalid(path, name, &detail));
        }
        seen.again(name);
    }
}

/// The namespace of a sysctl that a pod shares with its host, by the flag that says so.
pub(super) fn host_sysctl(spec: &Object, name: &str) -> Option<&'static str> {
    // A name may be written with slashes; dots then stand for themselves.
    let dotted = match name.find(['.', '/']) {
        Some(at) if name.as_bytes()[at] == b'/' => name.replace('/', "."),
        _ => name.to_owned(),
    };
    let of = |starts: &[&str]| starts.iter().any(|start| dotted.starts_with(start));
    let is_ipc = dotted == "kernel.sem" || of(&["kernel.shm", "kernel.msg", "fs.mqueue."]);
    if spec.flag("hostNetwork") && of(&["net."]) {
        Some("hostNetwork")
    } else {
        (spec.flag("hostIPC") && is_ipc).then_some("hostIPC")
    }
}

fn seccomp(profile: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    let kind = profile.text("type");
    if kind.is_empty() {
        let detail = "type is required when seccompProfile is set";
        errors.push(FieldError::required(path.child("type"), detail));
    } else {
        let kinds = ["Localhost", "RuntimeDefault", "Unconfined"];
        check::one_of(errors, path.child("type"), kind, &kinds);
    }
    let (target, has_target) = (profile.text("localhostProfile"), profile.has("localhostProfile"));
    let path = path.child("localhostProfile");
    match (kind == "Localhost", has_target) {
        (true, true) => check::local_path(errors, &path, target),
        (true, false) => {
            let detail = "must be set when seccomp type is Localhost";
            errors.push(FieldError::required(path, detail));
        }
        (false, true) => {
            let shown = internal::shown_object("k8s.io.api.core.v1.SeccompProfile", profile);
            let detail = "can only be set when seccomp type is Localhost";
            errors.push(FieldError::shown(Reason::Invalid, path, &shown, detail));
        }
        (false, false) => {}
    }
}

fn app_armor(profile: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    let target = profile.text("localhostProfile");
    let target_path = path.child("localhostProfile");
    match profile.text("type") {
        "Localhost" => {
            if target.trim() != target {
                let detail = "must not be padded with whitespace";
                errors.push(FieldError::invalid(target_path, target, detail));
            } else if target.is_empty() {
                let detail = "must be set when AppArmor type is Localhost";
                errors.push(FieldError::required(target_path, detail));
            }
            if target.len() > APP_ARMOR_NAME_MAX_BYTES {
                errors.push(FieldError::too_long(target_path, APP_ARMOR_NAME_MAX_BYTES));
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if profile.has("localhostProfile") {
                let detail = "can only be set when AppArmor type is Localhost";
                errors.push(FieldError::invalid(target_path, target, detail));
            }
        }
        "" => {
            let detail = "type is required when appArmorProfile is set";
            errors.push(FieldError::required(path.child("type"), detail));
        }
        kind => {
            let kinds = ["Localhost", "RuntimeDefault", "Unconfined"];
            errors.push(FieldError::not_supported(path.child("type"), kind, &kinds));
        }
    }
}

/// What a container has of its own.
pub(super) fn of_container(
    context: &Object,
    scope: &Scope<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    ids(context, &["runAsUser", "runAsGroup"], path, errors);
    if context.has("procMount") {
        let mount = context.text("procMount");
        check::one_of(errors, path.child("procMount"), mount, &["Default", "Unmasked"]);
        if scope.host_users && mount == "Unmasked" {
            let detail = "`hostUsers` must be false to use `Unmasked`";
            errors.push(FieldError::invalid(path.child("procMount"), mount, detail));
        }
    }
    seccomp(context.object("seccompProfile"), &path.child("seccompProfile"), errors);
    if context.set_flag("allowPrivilegeEscalation") == Some(false) {
        let mut contradict = |with: &str| {
            let shown = internal::shown_object("k8s.io.api.core.v1.SecurityContext", context);
            let detail = format!("cannot set `allowPrivilegeEscalation` to false and {with}");
            errors.push(FieldError::shown(Reason::Invalid, path, &shown, &detail));
        };
        if context.flag("privileged") {
            contradict("`privileged` to true");
        }
        for _ in context.part("capabilities").texts("add").filter(|one| *one == "CAP_SYS_ADMIN") {
            contradict("`capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    windows::options(context.object("windowsOptions"), &path.child("windowsOptions"), errors);
    app_armor(context.object("appArmorProfile"), &path.child("appArmorProfile"), errors);
}
