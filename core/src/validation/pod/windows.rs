//! What only pods on Windows may say, and what they may not.

use super::super::Errors;
use super::super::check;
use super::super::fields::Fields;
use super::super::path::Path;
use super::all_containers;
use crate::field_error::{FieldError, Reason};
use crate::value::Object;

const GMSA_SPEC_MAX_KIB: usize = 64;
const USER_DOMAIN_MAX_CHARACTERS: usize = 256;
const USER_NAME_MAX_CHARACTERS: usize = 104;

/// `windowsOptions` of a pod or container.
pub(super) fn options(options: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let Some(options) = options else { return };
    if options.has("gmsaCredentialSpecName") {
        let name = options.text("gmsaCredentialSpecName");
        check::dns_subdomain(errors, path.child("gmsaCredentialSpecName"), name);
    }
    if options.has("gmsaCredentialSpec") {
        let spec = options.text("gmsaCredentialSpec");
        let path = path.child("gmsaCredentialSpec");
        if spec.is_empty() {
            let detail = "gmsaCredentialSpec cannot be an empty string";
            errors.push(FieldError::invalid(path, spec, detail));
        } else if spec.len() > GMSA_SPEC_MAX_KIB * 1024 {
            let detail = format!("gmsaCredentialSpec size must be under {GMSA_SPEC_MAX_KIB} KiB");
            errors.push(FieldError::invalid(path, spec, &detail));
        }
    }
    if options.has("runAsUserName") {
        let name = options.text("runAsUserName");
        for detail in user_name(name) {
            let detail = format!("runAsUserName{detail}");
            errors.push(FieldError::invalid(path.child("runAsUserName"), name, &detail));
        }
    }
}

/// What is wrong with `DOMAIN\user`.
fn user_name(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec![" cannot be an empty string".to_owned()];
    }
    if name.chars().any(|c| c.is_ascii_control()) {
        return vec![" cannot contain control characters".to_owned()];
    }
    let mut parts = name.split('\\');
    let (domain, user) = match (parts.next(), parts.next(), parts.next()) {
        (Some(user), None, _) => (None, user),
        (Some(domain), Some(user), None) => (Some(domain), user),
        _ => return vec![" cannot contain more than one backslash".to_owned()],
    };
    let mut found = Vec::new();
    if let Some(domain) = domain {
        if domain.len() >= USER_DOMAIN_MAX_CHARACTERS {
            let most = USER_DOMAIN_MAX_CHARACTERS;
            found.push(format!("'s Domain length must be under {most} characters"));
        }
        if !is_netbios(domain) && !is_dns(domain) {
            found.push("'s Domain doesn't match the NetBios nor the DNS format".to_owned());
        }
    }
    if user.is_empty() {
        found.push("'s User cannot be empty".to_owned());
    } else if user.len() > USER_NAME_MAX_CHARACTERS {
        let most = USER_NAME_MAX_CHARACTERS;
        found.push(format!("'s User length must not be longer than {most} characters"));
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        found.push("'s User cannot contain only periods or spaces".to_owned());
    }
    if user.contains(|c: char| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        let characters = r#""/\:;|=,+*?<>@[]"#;
        found.push(format!("'s User cannot contain the following characters: {characters}"));
    }
    found
}

fn is_netbios(domain: &str) -> bool {
    let count = domain.chars().count();
    (1..=15).contains(&count)
        && !domain.starts_with('.')
        && !domain.contains(|c: char| "\\/:*?\"<>|".contains(c))
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Containers that are processes of the host: all of a pod's, or none.
pub(super) fn host_process(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let flag = |context: &Object| {
        context.part("securityContext").part("windowsOptions").set_flag("hostProcess")
    };
    let of_pod = flag(spec);
    let (mut count, mut of_host) = (0, 0);
    for (name, at, container) in all_containers(spec) {
        count += 1;
        let own = flag(container);
        if let (Some(of_pod), Some(own)) = (of_pod, own)
            && of_pod != own
        {
            let path = path.child(name);
            let path = path.index(at);
            let path = path.child("securityContext.windowsOptions.hostProcess");
            let detail = format!(
                "pod hostProcess value must be identical if both are specified, was {of_pod}"
            );
            let shown = if own { "true" } else { "false" };
            errors.push(FieldError::shown(Reason::Invalid, path, shown, &detail));
        }
        if own.or(of_pod) == Some(true) {
            of_host += 1;
        }
    }
    if of_host == 0 {
        return;
    }
    if of_host != count {
        let detail = "If pod contains any hostProcess containers then all containers must be \
                      HostProcess containers";
        errors.push(FieldError::invalid(path, "", detail));
    }
    if !spec.flag("hostNetwork") {
        let detail = "hostNetwork must be true if pod contains any hostProcess containers";
        let path = path.child("hostNetwork");
        errors.push(FieldError::shown(Reason::Invalid, path, "false", detail));
    }
}

/// A pod on Linux has no options for Windows.
pub(super) fn none_on_linux(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let detail = "windows options cannot be set for a linux pod";
    const WHERE: &str = "securityContext.windowsOptions";
    if spec.part("securityContext").has("windowsOptions") {
        errors.push(FieldError::forbidden(path.child(WHERE), detail));
    }
    for (name, at, container) in all_containers(spec) {
        if container.part("securityContext").has("windowsOptions") {
            let path = path.child(name);
            let path = path.index(at);
            errors.push(FieldError::forbidden(path.child(WHERE), detail));
        }
    }
}

/// What Windows does not know of a pod: whether it stands in the security context, and its name.
const UNKNOWN_OF_PODS: [(bool, &str); 15] = [
    (true, "appArmorProfile"),
    (true, "seLinuxOptions"),
    (false, "hostUsers"),
    (false, "hostPID"),
    (false, "hostIPC"),
    (true, "seccompProfile"),
    (true, "fsGroup"),
    (true, "fsGroupChangePolicy"),
    (true, "sysctls"),
    (false, "shareProcessNamespace"),
    (true, "runAsUser"),
    (true, "runAsGroup"),
    (true, "supplementalGroups"),
    (true, "supplementalGroupsPolicy"),
    (true, "seLinuxChangePolicy"),
];
const UNKNOWN_OF_CONTAINERS: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// A pod on Windows has nothing that only Linux knows.
pub(super) fn only_windows(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let detail = "cannot be set for a windows pod";
    for (in_context, name) in UNKNOWN_OF_PODS {
        let holder = if in_context { spec.part("securityContext") } else { spec };
        if holder.has(name) {
            let inner = path.child("securityContext");
            let path = if in_context { &inner } else { path };
            errors.push(FieldError::forbidden(path.child(name), detail));
        }
    }
    for (list, at, container) in all_containers(spec) {
        let path = path.child(list);
        let path = path.index(at);
        let path = path.child("securityContext");
        for name in UNKNOWN_OF_CONTAINERS {
            if container.part("securityContext").has(name) {
                errors.push(FieldError::forbidden(path.child(name), detail));
            }
        }
    }
}
