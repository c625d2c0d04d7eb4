//! Each check finds what it is for, in upstream's words, and nothing else.

use super::*;
use crate::kube::object::object;

fn found(level: Level, version: Version, pod: &str) -> String {
    let pod = object(pod);
    let subject = Subject::of(&pod).expect("a pod has a specification");
    details(&violations(LevelVersion { level, version }, &subject))
}

fn baseline(spec: &str) -> String {
    found(Level::Baseline, Version::Latest, &format!(r#"{{"spec":{spec}}}"#))
}

fn restricted(spec: &str) -> String {
    found(Level::Restricted, Version::Latest, &format!(r#"{{"spec":{spec}}}"#))
}

/// A pod that every check lets in, with something added to its container and its specification.
fn hardened(container: &str, spec: &str) -> String {
    format!(
        r#"{{"containers":[{{"name":"c","securityContext":{{"allowPrivilegeEscalation":false,
        "runAsNonRoot":true,"seccompProfile":{{"type":"RuntimeDefault"}},
        "capabilities":{{"drop":["ALL"]}}}}{container}}}]{spec}}}"#
    )
}

#[test]
fn names_stand_in_their_order() {
    for level in [Level::Baseline, Level::Restricted] {
        let names: Vec<&str> =
            CHECKS.iter().filter(|check| check.level == level).map(|check| check.name).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
    assert!(CHECKS.iter().all(|check| check.since <= NEWEST));
}

#[test]
fn a_hardened_pod_violates_nothing() {
    assert_eq!(restricted(&hardened("", "")), "");
    let volumes = r#","volumes":[{"name":"v","emptyDir":{}},{"name":"i","image":{}}]"#;
    assert_eq!(restricted(&hardened("", volumes)), "");
    assert_eq!(baseline(r#"{"containers":[{"name":"c"}]}"#), "");
}

#[test]
fn a_careless_pod_is_told_what_it_lacks() {
    assert_eq!(
        restricted(r#"{"containers":[{"name":"c"}]}"#),
        "allowPrivilegeEscalation != false (container \"c\" must set \
         securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \
         \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod \
         or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or \
         container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
         \"Localhost\")"
    );
}

#[test]
fn what_belongs_to_the_host_is_not_for_pods() {
    for (spec, expected) in [
        (
            r#"{"hostNetwork":true,"hostIPC":true}"#,
            "host namespaces (hostNetwork=true, hostIPC=true)",
        ),
        (
            r#"{"volumes":[{"name":"a","hostPath":{}},{"name":"b","hostPath":{}}]}"#,
            r#"hostPath volumes (volumes "a", "b")"#,
        ),
        (
            r#"{"containers":[{"name":"a","ports":[{"hostPort":80},{"hostPort":443}]}]}"#,
            r#"hostPort (container "a" uses hostPorts 443, 80)"#,
        ),
        (
            r#"{"containers":[{"name":"a","securityContext":{"privileged":true}}],
            "ephemeralContainers":[{"name":"e","securityContext":{"privileged":true}}]}"#,
            r#"privileged (containers "a", "e" must not set securityContext.privileged=true)"#,
        ),
        (
            r#"{"containers":[{"name":"a","livenessProbe":{"httpGet":{"host":"h"}},
            "lifecycle":{"preStop":{"tcpSocket":{"host":"g"}}}}]}"#,
            "probe or lifecycle host (container \"a\" uses probe or lifecycle hosts \"g\", \"h\")",
        ),
        (
            r#"{"securityContext":{"windowsOptions":{"hostProcess":true}}}"#,
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            r#"{"securityContext":{"sysctls":[{"name":"kernel.msgmax"},
            {"name":"net.ipv4.tcp_wmem"}]}}"#,
            "forbidden sysctls (kernel.msgmax)",
        ),
    ] {
        assert_eq!(baseline(spec), expected);
    }
}

#[test]
fn what_a_field_is_set_to_counts() {
    for (spec, expected) in [
        (
            r#"{"containers":[{"name":"a","securityContext":{"procMount":"Unmasked"}}]}"#,
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        (
            r#"{"hostUsers":false,
            "containers":[{"name":"a","securityContext":{"procMount":"Unmasked"}}]}"#,
            "",
        ),
        (
            r#"{"containers":[{"name":"a","securityContext":{"capabilities":
            {"add":["CHOWN","SYS_ADMIN","NET_RAW"]}}}]}"#,
            "non-default capabilities (container \"a\" must not include \"NET_RAW\", \
             \"SYS_ADMIN\" in securityContext.capabilities.add)",
        ),
        (
            r#"{"securityContext":{"seLinuxOptions":{"type":"spc_t","role":"r"}},"containers":
            [{"name":"a","securityContext":{"seLinuxOptions":{"user":"u"}}}]}"#,
            "seLinuxOptions (pod and container \"a\" set forbidden \
             securityContext.seLinuxOptions: type \"spc_t\"; user may not be set; role may not be \
             set)",
        ),
        (
            r#"{"securityContext":{"seccompProfile":{"type":"Unconfined"}}}"#,
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \
             \"Unconfined\")",
        ),
        (
            r#"{"containers":[{"name":"a","securityContext":{"appArmorProfile":
            {"type":"Unconfined"}}}]}"#,
            "forbidden AppArmor profile (container \"a\" must not set AppArmor profile type to \
             \"Unconfined\")",
        ),
    ] {
        assert_eq!(baseline(spec), expected);
    }
}

#[test]
fn annotations_from_before_there_were_fields_count() {
    let pod = r#"{"metadata":{"annotations":{
        "container.apparmor.security.beta.kubernetes.io/a":"unconfined",
        "container.seccomp.security.alpha.kubernetes.io/a":"unconfined",
        "container.seccomp.security.alpha.kubernetes.io/x":"unconfined"}},
        "spec":{"containers":[{"name":"a"}]}}"#;
    let armor = "forbidden AppArmor profile (annotation must not set AppArmor profile type to \
                 \"container.apparmor.security.beta.kubernetes.io/a=\"unconfined\"\")";
    assert_eq!(found(Level::Baseline, Version::Latest, pod), armor);
    let seccomp = "seccompProfile (forbidden annotation \
                   container.seccomp.security.alpha.kubernetes.io/a=\"unconfined\")";
    assert_eq!(found(Level::Baseline, Version::Minor(18), pod), format!("{armor}, {seccomp}"));
}

#[test]
fn restricted_pods_drop_and_declare() {
    let adds = hardened("", "").replace(r#""drop":["ALL"]"#, r#""drop":["ALL"],"add":["CHOWN"]"#);
    assert_eq!(
        restricted(&adds),
        "unrestricted capabilities (container \"c\" must not include \"CHOWN\" in \
         securityContext.capabilities.add)"
    );
    assert_eq!(
        restricted(&hardened("", r#","securityContext":{"runAsNonRoot":false,"runAsUser":0}"#)),
        "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 \
         (pod must not set runAsUser=0)"
    );
    let volumes = r#","volumes":[{"name":"h","hostPath":{}},{"name":"n","nfs":{}}]"#;
    assert_eq!(
        restricted(&hardened("", volumes)),
        "restricted volume types (volumes \"h\", \"n\" use restricted volume types \"hostPath\", \
         \"nfs\")"
    );
}

#[test]
fn root_in_a_user_namespace_is_nobody() {
    let spec = hardened("", r#","hostUsers":false,"securityContext":{"runAsUser":0}"#);
    assert_eq!(restricted(&spec), "");
    let pod = format!(r#"{{"spec":{spec}}}"#);
    assert_eq!(
        found(Level::Restricted, Version::Minor(34), &pod),
        "runAsUser=0 (pod must not set runAsUser=0)"
    );
}

#[test]
fn older_versions_ask_for_less() {
    let pod = r#"{"spec":{"containers":[{"name":"c"}]}}"#;
    let told = |minor| found(Level::Restricted, Version::Minor(minor), pod);
    assert!(!told(7).contains("allowPrivilegeEscalation"), "{}", told(7));
    assert!(!told(18).contains("seccompProfile"), "{}", told(18));
    assert!(!told(21).contains("capabilities"), "{}", told(21));
    assert_eq!(told(99), found(Level::Restricted, Version::Latest, pod));
    let sysctl = r#"{"spec":{"securityContext":{"sysctls":[{"name":"net.ipv4.tcp_rmem"}]}}}"#;
    assert_ne!(found(Level::Baseline, Version::Minor(31), sysctl), "");
    assert_eq!(found(Level::Baseline, Version::Minor(32), sysctl), "");
}

#[test]
fn windows_is_not_asked_for_what_it_does_not_have() {
    let spec = r#"{"os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},
        "containers":[{"name":"c"}]}"#;
    assert_eq!(restricted(spec), "");
    let pod = format!(r#"{{"spec":{spec}}}"#);
    assert_ne!(found(Level::Restricted, Version::Minor(24), &pod), "");
}

#[test]
fn cve_2023_2727_ephemeral_containers_pass_every_check() {
    // Each field that a check of containers looks at, on an ephemeral container alone.
    for (container, reason) in [
        (r#""ports":[{"hostPort":80}]"#, "hostPort"),
        (r#""livenessProbe":{"httpGet":{"host":"h"}}"#, "probe or lifecycle host"),
        (r#""securityContext":{"privileged":true}"#, "privileged"),
        (r#""securityContext":{"procMount":"Unmasked"}"#, "procMount"),
        (r#""securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}"#, "capabilities"),
        (r#""securityContext":{"seLinuxOptions":{"user":"u"}}"#, "seLinuxOptions"),
        (r#""securityContext":{"seccompProfile":{"type":"Unconfined"}}"#, "seccompProfile"),
        (r#""securityContext":{"appArmorProfile":{"type":"Unconfined"}}"#, "AppArmor"),
        (r#""securityContext":{"windowsOptions":{"hostProcess":true}}"#, "hostProcess"),
        (r#""securityContext":{"runAsUser":0}"#, "runAsUser"),
        (r#""securityContext":{"runAsNonRoot":false}"#, "runAsNonRoot"),
        (r#""image":"i""#, "allowPrivilegeEscalation"),
    ] {
        let ephemeral = format!(r#","ephemeralContainers":[{{"name":"debug",{container}}}]"#);
        let told = restricted(&hardened("", &ephemeral));
        assert!(told.contains(reason) && told.contains("\"debug\""), "{container}: {told}");
    }
}
