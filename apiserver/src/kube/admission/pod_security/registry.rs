//! Which checks there are, at which level, and from which version on.
//!
//! Those of the baseline come first, each half in the order of its names; a stricter check takes
//! the place of the looser one that it replaces.

use super::policy::{Level, LevelVersion, Version};
use super::subject::{Finding, Subject};
use super::{baseline, baseline_fields, restricted};

/// The last version in which a rule has changed; later ones are the same.
const NEWEST: u32 = 35;

struct Check {
    name: &'static str,
    level: Level,
    since: u32,
    /// Gets the minor version whose rules count.
    find: fn(&Subject<'_>, u32) -> Option<Finding>,
    /// The check of the baseline that is not made where this one is.
    replaces: &'static str,
}

const fn check(
    name: &'static str,
    level: Level,
    since: u32,
    find: fn(&Subject<'_>, u32) -> Option<Finding>,
    replaces: &'static str,
) -> Check {
    Check { name, level, since, find, replaces }
}

const CHECKS: [Check; 19] = {
    use Level::{Baseline, Restricted};
    [
        check("appArmorProfile", Baseline, 0, baseline::app_armor_profile, ""),
        check("capabilities_baseline", Baseline, 0, baseline::capabilities, ""),
        check("hostNamespaces", Baseline, 0, baseline_fields::host_namespaces, ""),
        check("hostPathVolumes", Baseline, 0, baseline_fields::host_path_volumes, ""),
        check("hostPorts", Baseline, 0, baseline_fields::host_ports, ""),
        check("hostProbesAndHostLifecycle", Baseline, 34, baseline_fields::hosts_of_probes, ""),
        check("privileged", Baseline, 0, baseline_fields::privileged, ""),
        check("procMount", Baseline, 0, baseline_fields::proc_mount, ""),
        check("seLinuxOptions", Baseline, 0, baseline::se_linux_options, ""),
        check("seccompProfile_baseline", Baseline, 0, baseline::seccomp_profile, ""),
        check("sysctls", Baseline, 0, baseline_fields::sysctls, ""),
        check("windowsHostProcess", Baseline, 0, baseline_fields::windows_host_process, ""),
        check("allowPrivilegeEscalation", Restricted, 8, restricted::privilege_escalation, ""),
        check(
            "capabilities_restricted",
            Restricted,
            22,
            restricted::capabilities,
            "capabilities_baseline",
        ),
        check("procMount_restricted", Restricted, 35, baseline_fields::any_proc_mount, "procMount"),
        check("restrictedVolumes", Restricted, 0, restricted::volumes, "hostPathVolumes"),
        check("runAsNonRoot", Restricted, 0, restricted::run_as_non_root, ""),
        check("runAsUser", Restricted, 23, restricted::run_as_user, ""),
        check(
            "seccompProfile_restricted",
            Restricted,
            19,
            restricted::seccomp_profile,
            "seccompProfile_baseline",
        ),
    ]
};

/// All that a level has against a pod.
pub fn violations(policy: LevelVersion, subject: &Subject<'_>) -> Vec<Finding> {
    if policy.level == Level::Privileged {
        return Vec::new();
    }
    let minor = match policy.version {
        Version::Latest => NEWEST,
        Version::Minor(minor) => minor.min(NEWEST),
    };
    let made = |check: &&Check| check.level <= policy.level && check.since <= minor;
    let is_replaced = |name| CHECKS.iter().filter(made).any(|check| check.replaces == name);
    let all = CHECKS.iter().filter(made).filter(|check| !is_replaced(check.name));
    all.filter_map(|check| (check.find)(subject, minor)).collect()
}

/// `hostPort (container "a" uses hostPort 80), privileged (…)`
pub fn details(findings: &[Finding]) -> String {
    let told: Vec<String> = findings
        .iter()
        .map(|finding| match finding.detail.as_str() {
            "" => finding.reason.clone(),
            detail => format!("{} ({detail})", finding.reason),
        })
        .collect();
    told.join(", ")
}

/// `hostPort, privileged`
pub fn reasons(findings: &[Finding]) -> String {
    let reasons: Vec<&str> = findings.iter().map(|finding| finding.reason.as_str()).collect();
    reasons.join(", ")
}

#[cfg(test)]
mod tests;
