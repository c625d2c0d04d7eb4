//! `PodSpec`: the order in which its parts are judged, and the small ones.

use super::super::Errors;
use super::super::check;
use super::super::fields::{Fields, Seen};
use super::super::ip;
use super::super::labels;
use super::super::path::Path;
use super::super::resources;
use super::super::selectors;
use super::super::volume;
use super::{Options, annotations, containers, security, windows};
use crate::field_error::FieldError;
use crate::names;
use crate::quantity::Quantity;
use crate::value::{Lookup, Object, Value};
use std::collections::HashMap;

const NAMESERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;
const SEARCHES_MAX_CHARACTERS: usize = 2_048;
const HOSTNAME_OVERRIDE_MAX_BYTES: usize = 64;

/// What the parts of a specification must know of the whole.
pub(super) struct Scope<'s> {
    pub spec: &'s Object,
    /// Volumes that are right, by name.
    volumes: HashMap<&'s str, &'s Object>,
    /// Names of `resourceClaims`.
    pub claims: Seen<'s>,
    pub grace_s: Option<i64>,
    pub os: Option<&'s str>,
    /// The pod has no users of its own.
    pub host_users: bool,
    pub options: &'s Options,
}

impl Scope<'_> {
    pub fn volume(&self, name: &str) -> Option<&Object> {
        self.volumes.get(name).copied()
    }
}

/// A specification; the metadata is that of a pod, and absent for templates.
pub(super) fn check(
    spec: &Object,
    meta: Option<&Object>,
    options: &Options,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let grace_s = spec.int("terminationGracePeriodSeconds");
    if grace_s.is_none() {
        errors.push(FieldError::required(path.child("terminationGracePeriodSeconds"), ""));
    }
    let pod_name = meta.map_or("", |meta| meta.text("name"));
    let claims = spec.objects("resourceClaims").map(|(_, claim)| claim.text("name"));
    let volumes = volume::list(spec, pod_name, &path.child("volumes"), options, errors);
    let scope = Scope {
        spec,
        volumes: volumes.into_iter().collect(),
        claims: claims.filter(|name| !name.is_empty()).collect(),
        grace_s,
        os: spec.object("os").map(|os| os.text("name")),
        host_users: spec.set_flag("hostUsers").unwrap_or(true),
        options,
    };
    resource_claims(spec, meta, &path.child("resourceClaims"), errors);
    containers::regular(&scope, path, errors);
    containers::init(&scope, path, errors);
    containers::ephemeral(&scope, path, errors);
    pod_resources(&scope, path, errors);
    host_ports(&scope, path, errors);
    policies(spec, path, errors);
    labels::of(spec.part("nodeSelector"), &path.child("nodeSelector"), errors);
    security::of_pod(&scope, &path.child("securityContext"), errors);
    if let Some(affinity) = spec.object("affinity") {
        selectors::affinity(affinity, options.lenient, &path.child("affinity"), errors);
    }
    dns(spec, &path.child("dnsConfig"), errors);
    gates(spec, path, errors);
    let spread = path.child("topologySpreadConstraints");
    selectors::spread(spec, options.lenient, &spread, errors);
    windows::host_process(spec, path, errors);
    host_users(&scope, path, errors);
    hostname_override(spec, path, errors);
    own_names(spec, path, errors);
    rest(&scope, path, errors);
}

fn resource_claims(spec: &Object, meta: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let mut seen = Seen::default();
    let is_static = meta.is_some_and(|meta| meta.part("annotations").has(annotations::MIRROR));
    for (at, claim) in spec.objects("resourceClaims") {
        if is_static {
            errors.push(FieldError::forbidden("", "static pods do not support resource claims"));
            continue;
        }
        let path = path.index(at);
        let name = claim.text("name");
        if name.is_empty() {
            errors.push(FieldError::required(path.child("name"), ""));
        } else if seen.again(name) {
            errors.push(FieldError::duplicate(path.child("name"), name));
        } else {
            check::dns_label(errors, path.child("name"), name);
        }
        let (own, template) =
            (claim.has("resourceClaimName"), claim.has("resourceClaimTemplateName"));
        if own == template {
            let detail = if own {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be \
                 specified"
            } else {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            };
            let claim = Value::Object(claim.clone());
            let message = "k8s.io.api.core.v1.PodResourceClaim";
            let error = super::super::internal::invalid(&path, message, Some(&claim), detail);
            errors.push(error);
        }
        for name in ["resourceClaimName", "resourceClaimTemplateName"] {
            if claim.has(name) {
                check::dns_subdomain(errors, path.child(name), claim.text(name));
            }
        }
    }
}

/// Requests and limits of the whole pod, and what its containers take of them.
fn pod_resources(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let Some(own) = scope.spec.object("resources") else { return };
    let path = path.child("resources");
    if scope.os == Some("windows") {
        errors.push(FieldError::forbidden(path, "may not be set for a windows pod"));
        return;
    }
    if own.has("claims") {
        let detail = "claims may not be set for Resources at pod-level";
        errors.push(FieldError::forbidden(path.child("claims"), detail));
    }
    let rules = resources::Rules {
        pod_level: true,
        any_huge_pages: scope.options.any_huge_pages,
        claims: &scope.claims,
    };
    resources::requirements(own, rules, &path, errors);
    let asked = aggregates(scope.spec, "requests");
    for (name, most) in own.part("requests").iter() {
        let asked = asked.get(name).copied().unwrap_or_default();
        if asked > check::quantity(Some(most)) {
            let path = path.child("requests");
            let detail =
                format!("must be greater than or equal to aggregate container requests of {asked}");
            let path = path.key(name);
            errors.push(FieldError::invalid(path, check::text_of(Some(most)), &detail));
        }
    }
    let taken = aggregates(scope.spec, "limits");
    for (name, most) in own.part("limits").iter().filter(|(name, _)| resources::is_huge_page(name))
    {
        let taken = taken.get(name).copied().unwrap_or_default();
        if taken > check::quantity(Some(most)) {
            let path = path.child("limits");
            let detail =
                format!("must be greater than or equal to aggregate container limits of {taken}");
            let path = path.key(name);
            errors.push(FieldError::invalid(path, check::text_of(Some(most)), &detail));
        }
    }
    let mut limits = Lookup::new(own.part("limits"));
    for (at, container) in scope.spec.objects("containers") {
        for (name, limit) in container.part("resources").part("limits").iter() {
            let Some(most) = limits.get(name) else { continue };
            if check::quantity(Some(limit)) > check::quantity(Some(most)) {
                let path = path.child("containers");
                let path = path.index(at);
                let path = path.key(name);
                let most = check::text_of(Some(most));
                let detail = format!("must be less than or equal to pod limits of {most}");
                let limit = check::text_of(Some(limit));
                errors.push(FieldError::invalid(path.child("limits"), limit, &detail));
            }
        }
    }
}

/// What containers take of each resource at the moment when they take most of it: init containers
/// run one by one, beside those before them that stay.
fn aggregates<'s>(spec: &'s Object, list: &str) -> HashMap<&'s str, Quantity> {
    #[derive(Default)]
    struct Taken {
        total: Quantity,
        staying: Quantity,
        peak: Quantity,
    }
    let mut all: HashMap<&str, Taken> = HashMap::new();
    for (_, container) in spec.objects("containers") {
        for (name, amount) in container.part("resources").part(list).iter() {
            let taken = all.entry(name).or_default();
            taken.total = taken.total.plus(check::quantity(Some(amount)));
        }
    }
    for (_, container) in spec.objects("initContainers") {
        let stays = container.text("restartPolicy") == "Always";
        for (name, amount) in container.part("resources").part(list).iter() {
            let taken = all.entry(name).or_default();
            let own = check::quantity(Some(amount));
            let now = taken.staying.plus(own);
            if stays {
                taken.staying = now;
                taken.total = taken.total.plus(own);
            }
            if now > taken.peak {
                taken.peak = now;
            }
        }
    }
    let most = |taken: Taken| if taken.peak > taken.total { taken.peak } else { taken.total };
    all.into_iter().map(|(name, taken)| (name, most(taken))).collect()
}

/// On the host's network a port is the host's.
fn host_ports(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    if !scope.spec.flag("hostNetwork") {
        return;
    }
    for (at, container) in scope.spec.objects("containers") {
        for (port_at, port) in container.objects("ports") {
            let host = port.int("hostPort").unwrap_or(0);
            let own = port.int("containerPort").unwrap_or(0);
            if (scope.options.is_pod || host != 0) && host != own {
                let path = path.child("containers");
                let path = path.index(at);
                let path = path.child("ports");
                let path = path.index(port_at);
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid(path.child("hostPort"), &host, detail));
            }
        }
    }
}

fn policies(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let mut word = |name: &str, words: &[&str]| match spec.text(name) {
        "" => errors.push(FieldError::required(path.child(name), "")),
        text => check::one_of(errors, path.child(name), text, words),
    };
    word("restartPolicy", &["Always", "OnFailure", "Never"]);
    word("dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
}

fn dns(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let config = spec.object("dnsConfig");
    if spec.text("dnsPolicy") == "None" {
        let Some(config) = config else {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(path, detail));
            return;
        };
        if config.list("nameservers").is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(FieldError::required(path.child("nameservers"), detail));
            return;
        }
    }
    let Some(config) = config else { return };
    let (servers, searches) = (path.child("nameservers"), path.child("searches"));
    let mut too_many = |path: &Path<'_>, name: &str, what: String| {
        let list = volume::shown(config.list(name));
        errors.push(FieldError::invalid(path, &list, &format!("must not have more than {what}")));
    };
    if config.list("nameservers").len() > NAMESERVERS_MAX {
        too_many(&servers, "nameservers", format!("{NAMESERVERS_MAX} nameservers"));
    }
    let count = config.list("searches").len();
    let characters = config.texts("searches").map(|one| one.len() + 1).sum::<usize>();
    if count > SEARCHES_MAX {
        too_many(&searches, "searches", format!("{SEARCHES_MAX} search paths"));
    }
    if characters.saturating_sub(1) > SEARCHES_MAX_CHARACTERS {
        let what =
            format!("{SEARCHES_MAX_CHARACTERS} characters (including spaces) in the search list");
        too_many(&searches, "searches", what);
    }
    for (at, server) in config.texts("nameservers").enumerate() {
        ip::legacy_address(server, &Seen::default(), &servers.index(at), errors);
    }
    for (at, search) in config.texts("searches").enumerate().filter(|(_, one)| *one != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        let messages = names::dns_1123_subdomain_underscored(search);
        check::each(errors, searches.index(at), search, messages);
    }
    for (at, option) in config.objects("options") {
        let path = path.child("options");
        check::required(errors, path.index(at), option.text("name"), "must not be empty");
    }
}

fn gates(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, gate) in spec.objects("readinessGates") {
        let path = path.child("readinessGates");
        let path = path.index(at);
        check::label_key(errors, path.child("conditionType"), gate.text("conditionType"));
    }
    let mut seen = Seen::default();
    for (at, gate) in spec.objects("schedulingGates") {
        let path = path.child("schedulingGates");
        let name = gate.text("name");
        check::label_key(errors, path.index(at), name);
        if seen.again(name) {
            errors.push(FieldError::duplicate(path.index(at), name));
        }
    }
}

/// A pod with users of its own shares nothing else with the host.
fn host_users(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    if scope.host_users {
        return;
    }
    let detail = "when `hostUsers` is false";
    let mut forbid = |flag: &str, name: &str| {
        if scope.spec.flag(flag) {
            errors.push(FieldError::forbidden(path.child(name), detail));
        }
    };
    if !scope.options.host_network_users {
        forbid("hostNetwork", "hostNetwork");
    }
    forbid("hostPID", "HostPID");
    forbid("hostIPC", "HostIPC");
    if scope.options.devices_with_users {
        return;
    }
    for (name, at, container) in super::all_containers(scope.spec) {
        if !container.list("volumeDevices").is_empty() {
            let path = path.child(name);
            let path = path.index(at);
            errors.push(FieldError::forbidden(path.child("volumeDevices"), detail));
        }
    }
}

fn hostname_override(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !spec.has("hostnameOverride") {
        return;
    }
    let path = path.child("hostnameOverride");
    for flag in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec.flag(flag) {
            let detail = format!("may not be specified when {flag} is true");
            errors.push(FieldError::forbidden(path, &detail));
        }
    }
    let name = spec.text("hostnameOverride");
    if name.len() > HOSTNAME_OVERRIDE_MAX_BYTES {
        errors.push(FieldError::too_long(path, HOSTNAME_OVERRIDE_MAX_BYTES));
    }
    check::dns_subdomain(errors, path, name);
}

fn own_names(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for name in ["serviceAccountName", "nodeName"] {
        if !spec.text(name).is_empty() {
            check::dns_subdomain(errors, path.child(name), spec.text(name));
        }
    }
    let deadline_s = spec.int("activeDeadlineSeconds");
    let deadline = path.child("activeDeadlineSeconds");
    check::in_range(errors, &deadline, deadline_s, 1..=i32::MAX.into());
    for name in ["hostname", "subdomain"] {
        if !spec.text(name).is_empty() {
            check::dns_label(errors, path.child(name), spec.text(name));
        }
    }
}

fn rest(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let spec = scope.spec;
    selectors::tolerations(spec, &path.child("tolerations"), errors);
    host_aliases(spec, &path.child("hostAliases"), errors);
    if !spec.text("priorityClassName").is_empty() {
        let name = spec.text("priorityClassName");
        check::dns_subdomain(errors, path.child("priorityClassName"), name);
    }
    if spec.has("runtimeClassName") {
        let name = spec.text("runtimeClassName");
        check::dns_subdomain(errors, path.child("runtimeClassName"), name);
    }
    if spec.has("preemptionPolicy") {
        let path = path.child("preemptionPolicy");
        preemption_policy(spec.text("preemptionPolicy"), &path, errors);
    }
    if let Some(overhead) = spec.value("overhead") {
        let path = path.child("overhead");
        overhead_of(overhead, scope.options, &path, errors);
    }
    if let Some(name) = scope.os {
        os(name, scope, path, errors);
    }
    file_keys(scope, path, errors);
}

pub(crate) fn preemption_policy(policy: &str, path: &Path<'_>, errors: &mut Errors) {
    match policy {
        "" => errors.push(FieldError::required(path, "")),
        policy => check::one_of(errors, path, policy, &["PreemptLowerPriority", "Never"]),
    }
}

/// What a pod costs beside its containers: judged as limits.
pub(super) fn overhead_of(
    overhead: &Value,
    options: &Options,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let mut limits = Object::new();
    limits.push("limits", overhead.clone());
    let rules = resources::Rules {
        pod_level: false,
        any_huge_pages: options.any_huge_pages,
        claims: &Seen::default(),
    };
    resources::requirements(&limits, rules, path, errors);
}

fn host_aliases(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, alias) in spec.objects("hostAliases") {
        let path = path.index(at);
        ip::legacy_address(alias.text("ip"), &Seen::default(), &path.child("ip"), errors);
        for (at, name) in alias.texts("hostnames").enumerate() {
            let path = path.child("hostnames");
            check::dns_subdomain(errors, path.index(at), name);
        }
    }
}

fn os(name: &str, scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    match name {
        "" => errors.push(FieldError::required(path.child("os.name"), "")),
        "linux" => windows::none_on_linux(scope.spec, path, errors),
        "windows" => windows::only_windows(scope.spec, path, errors),
        _ => check::one_of(errors, path.child("os"), name, &["linux", "windows"]),
    }
}

/// Values from files need a directory that containers write to.
fn file_keys(scope: &Scope<'_>, path: &Path<'_>, errors: &mut Errors) {
    let mut volumes: HashMap<&str, &Object> = HashMap::new();
    for (_, volume) in scope.spec.objects("volumes") {
        volumes.entry(volume.text("name")).or_insert(volume);
    }
    for (name, at, container) in super::all_containers(scope.spec) {
        for (env_at, variable) in container.objects("env") {
            let Some(file) = variable.part("valueFrom").object("fileKeyRef") else { continue };
            let path = path.child(name);
            let path = path.index(at);
            let path = path.child("env");
            let path = path.index(env_at);
            let path = path.child("valueFrom.fileKeyRef.volumeName");
            let volume = file.text("volumeName");
            match volumes.get(volume) {
                None => errors.push(FieldError::not_found(path, volume)),
                Some(found) if !found.has("emptyDir") => {
                    let detail = "referenced volume must be of type emptyDir";
                    errors.push(FieldError::invalid(path, volume, detail));
                }
                Some(_) => {}
            }
        }
    }
}
