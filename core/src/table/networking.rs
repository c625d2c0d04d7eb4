//! Tables of `networking.k8s.io`.

use super::format::{NONE, joined, load_balancer, selector_or_none};
use super::kinds::{AGE, Doc, Kind, NAME, Row, string};

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "Ingress" => &INGRESS,
        "IngressClass" => &INGRESS_CLASS,
        "IPAddress" => &IP_ADDRESS,
        "NetworkPolicy" => &NETWORK_POLICY,
        "ServiceCIDR" => &SERVICE_CIDR,
        _ => return None,
    })
}

const INGRESS: Kind = Kind::new(
    &[
        NAME,
        string(
            "Class",
            Doc::Text(
                "The name of the IngressClass resource that should be used for additional configuration",
            ),
        ),
        string(
            "Hosts",
            Doc::Text("Hosts that incoming requests are matched against before the ingress rule"),
        ),
        string(
            "Address",
            Doc::Text("Address is a list containing ingress points for the load-balancer"),
        ),
        string("Ports", Doc::Text("Ports of TLS configurations that open")),
        AGE,
    ],
    |row, cells| {
        let class = row.at("spec.ingressClassName");
        cells
            .push(row.name())
            .push(if class.is_set() { class.text() } else { NONE })
            .push(hosts(row))
            .push(load_balancer(row.at("status.loadBalancer")))
            .push(if row.at("spec.tls").len() > 0 { "80, 443" } else { "80" })
            .push(row.age());
    },
);

/// The first three hosts; once there are so many, every further rule counts as one more.
fn hosts(row: &Row<'_>) -> String {
    const SHOWN: usize = 3;
    let rules = row.at("spec.rules").items();
    let total = rules.len();
    let (mut shown, mut more) = (Vec::new(), false);
    for rule in rules {
        let host = rule.at("host").text();
        more |= shown.len() == SHOWN;
        if !more && !host.is_empty() {
            shown.push(host);
        }
    }
    match shown.len() {
        0 => "*".to_owned(),
        _ if more => format!("{} + {} more...", shown.join(","), total - SHOWN),
        _ => shown.join(","),
    }
}

const INGRESS_CLASS: Kind = Kind::new(
    &[
        NAME,
        string("Controller", Doc::Text("Controller that is responsible for handling this class")),
        string("Parameters", Doc::Text("A reference to a resource with additional parameters")),
        AGE,
    ],
    |row, cells| {
        let parameters = row.at("spec.parameters");
        let text = match parameters.is_set() {
            false => NONE.to_owned(),
            true => {
                let group = parameters.at("apiGroup");
                let joint = if group.is_set() { "." } else { "" };
                let (kind, name) = (parameters.at("kind").text(), parameters.at("name").text());
                format!("{kind}{joint}{}/{name}", group.text())
            }
        };
        cells.push(row.name()).push(row.text("spec.controller")).push(text).push(row.age());
    },
);

/// Upstream fills a third cell, the age, for which it has no column.
const IP_ADDRESS: Kind = Kind::new(
    &[NAME, string("ParentRef", Doc::Field("k8s.io.api.networking.v1.IPAddressSpec", "parentRef"))],
    |row, cells| {
        let parent = row.at("spec.parentRef");
        let mut text = parent.at("resource").text().to_owned();
        let steps = [(".", "group"), ("/", "namespace"), ("/", "name")];
        for (joint, field) in steps {
            let part = parent.at(field).text();
            if !part.is_empty() || field == "name" {
                text = format!("{text}{joint}{part}");
            }
            if field == "group" {
                text = text.to_lowercase();
            }
        }
        let text = if parent.is_set() { text } else { NONE.to_owned() };
        cells.push(row.name()).push(text).push(row.age());
    },
);

const NETWORK_POLICY: Kind = Kind::new(
    &[
        NAME,
        string(
            "Pod-Selector",
            Doc::Field("k8s.io.api.networking.v1.NetworkPolicySpec", "podSelector"),
        ),
        AGE,
    ],
    |row, cells| {
        let selector = selector_or_none(row.at("spec.podSelector"));
        cells.push(row.name()).push(selector).push(row.age());
    },
);

const SERVICE_CIDR: Kind = Kind::new(
    &[NAME, string("CIDRs", Doc::Field("k8s.io.api.networking.v1.ServiceCIDRSpec", "cidrs")), AGE],
    |row, cells| {
        cells.push(row.name()).push(joined(row.at("spec.cidrs"), ",")).push(row.age());
    },
);
