//! [`Options`]: where a pod is judged less strictly, because what it replaces was stored before a
//! rule came.

use super::super::fields::{Fields, metadata};
use super::super::selectors::{self, Lenient};
use super::super::{check, labels};
use super::{all_containers, security};
use crate::quantity::Quantity;
use crate::value::Object;

/// How one pod, or template, is judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A pod, not a template of pods.
    pub is_pod: bool,
    /// The cost of deletion may be no number.
    pub any_deletion_cost: bool,
    pub any_huge_pages: bool,
    pub any_token_path: bool,
    /// Sysctls of namespaces that the pod shares with the host.
    pub host_sysctls: bool,
    /// The policy that needs a feature not enabled.
    pub any_selinux_policy: bool,
    pub host_network_users: bool,
    pub devices_with_users: bool,
    /// Init containers that end may ask to be restarted by a resize.
    pub init_restarts: bool,
    pub lenient: Lenient,
}

impl Options {
    /// `old` is the pod or template that is replaced.
    pub fn new(is_pod: bool, old: Option<&Object>) -> Self {
        let Some(old) = old else { return Self { is_pod, ..Self::default() } };
        let spec = old.part("spec");
        let cost = metadata(old).part("annotations");
        let shares_users = spec.set_flag("hostUsers").unwrap_or(true);
        let has_devices =
            all_containers(spec).any(|(_, _, one)| !one.list("volumeDevices").is_empty());
        let security = spec.part("securityContext");
        let mut sysctls = security.objects("sysctls");
        Self {
            is_pod,
            any_deletion_cost: !super::annotations::is_deletion_cost(cost),
            any_huge_pages: has_odd_huge_pages(spec),
            any_token_path: has_odd_token_path(spec),
            host_sysctls: sysctls
                .any(|(_, one)| security::host_sysctl(spec, one.text("name")).is_some()),
            any_selinux_policy: security.has("seLinuxChangePolicy"),
            host_network_users: spec.flag("hostNetwork") && !shares_users,
            devices_with_users: !shares_users && has_devices,
            init_restarts: has_init_restarts(spec),
            lenient: lenient(spec),
        }
    }
}

fn lenient(spec: &Object) -> Lenient {
    let affinity = spec.part("affinity");
    let required = affinity
        .part("nodeAffinity")
        .object("requiredDuringSchedulingIgnoredDuringExecution")
        .is_some_and(selectors::has_bad_value);
    let mut spread = spec.objects("topologySpreadConstraints").map(|(_, one)| one);
    Lenient {
        node_values: required,
        pod_values: ["podAffinity", "podAntiAffinity"]
            .iter()
            .any(|name| has_bad_pod_term(affinity.part(name))),
        spread_selectors: spread
            .clone()
            .any(|one| labels::has_bad_value(one.object("labelSelector"))),
        old_label_keys: spread.any(selectors::breaks_label_keys),
    }
}

fn has_bad_pod_term(affinity: &Object) -> bool {
    let required = affinity.objects("requiredDuringSchedulingIgnoredDuringExecution");
    let preferred = affinity.objects("preferredDuringSchedulingIgnoredDuringExecution");
    let wished = preferred.map(|(at, wish)| (at, wish.part("podAffinityTerm")));
    let mut terms = required.chain(wished).map(|(_, term)| term);
    terms.any(|term| {
        labels::has_bad_value(term.object("labelSelector"))
            || labels::has_bad_value(term.object("namespaceSelector"))
    })
}

fn has_odd_huge_pages(spec: &Object) -> bool {
    let lists = all_containers(spec).flat_map(|(_, _, container)| {
        let resources = container.part("resources");
        [resources.part("limits"), resources.part("requests")]
    });
    let mut all = lists.chain([spec.part("overhead")]).flat_map(Object::iter);
    all.any(|(name, value)| {
        let size = name.strip_prefix("hugepages-").map(Quantity::parse);
        let Some(Ok(size)) = size else { return false };
        let amount = check::quantity(Some(value)).value();
        size.value() <= 0 || amount % size.value() != 0
    })
}

fn has_odd_token_path(spec: &Object) -> bool {
    let sources =
        spec.objects("volumes").flat_map(|(_, volume)| volume.part("projected").objects("sources"));
    let mut paths = sources.map(|(_, source)| source.part("serviceAccountToken").text("path"));
    paths.any(|path| path.starts_with('/') || path.split('/').any(|step| step == ".."))
}

fn has_init_restarts(spec: &Object) -> bool {
    spec.objects("initContainers").any(|(_, one)| {
        one.text("restartPolicy") != "Always"
            && one
                .objects("resizePolicy")
                .any(|(_, policy)| policy.text("restartPolicy") == "RestartContainer")
    })
}
