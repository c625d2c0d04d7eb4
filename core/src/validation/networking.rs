//! The group `networking.k8s.io`.

mod address;
mod ingress;
mod ingress_class;
mod network_policy;
mod service_cidr;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "IPAddress" => address::RULES,
        "Ingress" => ingress::RULES,
        "IngressClass" => ingress_class::RULES,
        "NetworkPolicy" => network_policy::RULES,
        "ServiceCIDR" => service_cidr::RULES,
        _ => return None,
    })
}
