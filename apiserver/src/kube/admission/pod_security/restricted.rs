//! Checks of the restricted level: what a container must say to be let in.

use super::baseline::{added_capabilities, is_usual, seccomp_fields};
use super::baseline_fields::profile_type;
use super::subject::{Finding, Subject, Told, containers, context, plural, quoted, setters};
use xebec_core::edit;
use xebec_core::value::Value;

/// From this version on, rules that mean nothing on Windows are not asked of its pods.
const WINDOWS_EXEMPT: u32 = 25;

pub fn privilege_escalation(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= WINDOWS_EXEMPT && subject.is_windows() {
        return None;
    }
    let path = ["allowPrivilegeEscalation"];
    let bad = subject.named(|one| context(one, &path).and_then(Value::as_bool) != Some(false));
    if bad.is_empty() {
        return None;
    }
    let detail =
        format!("{} must set securityContext.allowPrivilegeEscalation=false", containers(&bad));
    Finding::new("allowPrivilegeEscalation != false", detail)
}

pub fn capabilities(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= WINDOWS_EXEMPT && subject.is_windows() {
        return None;
    }
    let keeping = subject.named(|container| {
        let dropped = context(container, &["capabilities", "drop"]).and_then(Value::as_array);
        !dropped.unwrap_or_default().iter().any(|one| one.as_str() == Some("ALL"))
    });
    let mut added = Told::new();
    let adding = subject.named(|container| {
        let own = added_capabilities(container).filter(|one| *one != "NET_BIND_SERVICE");
        let own: Vec<&str> = own.collect();
        added.extend(&own);
        !own.is_empty()
    });
    let mut told = Vec::new();
    if !keeping.is_empty() {
        let keeping = containers(&keeping);
        told.push(format!("{keeping} must set securityContext.capabilities.drop=[\"ALL\"]"));
    }
    if !adding.is_empty() {
        told.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            containers(&adding),
            quoted(added)
        ));
    }
    if told.is_empty() {
        return None;
    }
    Finding::new("unrestricted capabilities", told.join("; "))
}

/// Sources that give a pod nothing of its node.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const RESTRICTED_VOLUMES: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

pub fn volumes(subject: &Subject<'_>, _minor: u32) -> Option<Finding> {
    let (mut names, mut kinds) = (Vec::new(), Told::new());
    for volume in subject.volumes() {
        let has = |kind: &&&str| edit::at(volume, &[**kind]).is_some();
        if VOLUMES.iter().find(has).is_none() {
            names.push(edit::text(volume, &["name"]));
            kinds.insert(RESTRICTED_VOLUMES.iter().find(has).copied().unwrap_or("unknown"));
        }
    }
    if names.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {} {}",
        plural("volume", "volumes", names.len()),
        quoted(&names),
        plural("uses", "use", names.len()),
        plural("restricted volume type", "restricted volume types", kinds.len()),
        quoted(kinds)
    );
    Finding::new("restricted volume types", detail)
}

pub fn run_as_non_root(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= 35 && subject.has_user_namespace() {
        return None;
    }
    let path = ["runAsNonRoot"];
    let of_pod = subject.context(&path).and_then(Value::as_bool);
    let says =
        |wanted| subject.named(move |one| context(one, &path).and_then(Value::as_bool) == wanted);
    let reason = "runAsNonRoot != true";
    let bad = says(Some(false));
    if of_pod == Some(false) || !bad.is_empty() {
        let by = setters(of_pod == Some(false), &bad);
        return Finding::new(
            reason,
            format!("{by} must not set securityContext.runAsNonRoot=false"),
        );
    }
    let silent = says(None);
    if of_pod == Some(true) || silent.is_empty() {
        return None;
    }
    let detail =
        format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&silent));
    Finding::new(reason, detail)
}

pub fn run_as_user(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= 35 && subject.has_user_namespace() {
        return None;
    }
    let is_root = |user: Option<&Value>| user.and_then(Value::as_i64) == Some(0);
    let by_pod = is_root(subject.context(&["runAsUser"]));
    let bad = subject.named(|container| is_root(context(container, &["runAsUser"])));
    if !by_pod && bad.is_empty() {
        return None;
    }
    Finding::new("runAsUser=0", format!("{} must not set runAsUser=0", setters(by_pod, &bad)))
}

pub fn seccomp_profile(subject: &Subject<'_>, minor: u32) -> Option<Finding> {
    if minor >= WINDOWS_EXEMPT && subject.is_windows() {
        return None;
    }
    if let Some(finding) = seccomp_fields(subject) {
        return Some(finding);
    }
    let path = ["seccompProfile"];
    let silent = subject.named(|container| profile_type(context(container, &path)).is_none());
    let of_pod = profile_type(subject.context(&path)).is_some_and(is_usual);
    if of_pod || silent.is_empty() {
        return None;
    }
    let detail = format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
         \"Localhost\"",
        containers(&silent)
    );
    Finding::new("seccompProfile", detail)
}
