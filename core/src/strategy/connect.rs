//! Connections into pods, nodes and services: what can be said of them without making them.

use crate::edit;
use crate::field_error::{FieldError, quoted};
use crate::lifecycle::name;
use crate::status::{GroupName, Status};
use crate::value::Object;
use std::net::IpAddr;

/// The types of a node's addresses, those first that are used rather.
const ADDRESS_TYPES: [&str; 5] =
    ["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"];

/// The name in the URL of a proxy: `name`, `name:port` or `scheme:name:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'u> {
    pub name: &'u str,
    /// A number or a name; empty where none is given.
    pub port: &'u str,
}

impl<'u> Reference<'u> {
    /// `kind` is for the failure: `pod`, say.
    pub fn parse(text: &'u str, kind: &str) -> Result<Self, Status> {
        let parts: Vec<&str> = text.split(':').collect();
        let (scheme, name, port) = match parts[..] {
            [name] => ("", name, ""),
            [name, port] => ("", name, port),
            [scheme, name, port] => (scheme, name, port),
            _ => ("", "", ""),
        };
        if name.is_empty() || !matches!(scheme, "" | "http" | "https") {
            let text = quoted(text);
            return Err(Status::bad_request(format!("invalid {kind} request {text}")));
        }
        Ok(Self { name, port })
    }
}

/// The container of a pod that a client means.
pub fn check_container(pod: &Object, wanted: &str) -> Result<(), Status> {
    let of = |list: &'static str| edit::at(pod, &["spec", list]).and_then(|list| list.as_array());
    let names = |list| {
        let all = of(list).into_iter().flatten().filter_map(|one| one.as_object());
        all.map(|container| edit::text(container, &["name"]))
    };
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    let pod_name = name(pod);
    if !wanted.is_empty() {
        return match kinds.into_iter().flat_map(names).any(|name| name == wanted) {
            true => Ok(()),
            false => Err(Status::bad_request(format!(
                "container {wanted} is not valid for pod {pod_name}"
            ))),
        };
    }
    let must = format!("a container name must be specified for pod {pod_name}");
    match of("containers").map_or(0, <[_]>::len) {
        1 => Ok(()),
        0 => Err(Status::bad_request(must)),
        _ => {
            let all: Vec<&str> = kinds.into_iter().flat_map(names).collect();
            Err(Status::bad_request(format!("{must}, choose one of: [{}]", all.join(" "))))
        }
    }
}

/// The node that a pod runs on; empty if there is none yet.
pub fn node(pod: &Object) -> &str {
    edit::text(pod, &["spec", "nodeName"])
}

/// The failure where a pod has no node yet.
pub fn no_node(pod_name: &str) -> Status {
    Status::bad_request(format!("pod {pod_name} does not have a host assigned"))
}

/// Whether requests may be forwarded to the address of a pod.
pub fn check_pod_address(pod: &Object) -> Result<(), Status> {
    let first = edit::at(pod, &["status", "podIPs"]).and_then(|all| all.as_array()?.first());
    let ip = first.and_then(|one| one.as_object()).map(|one| edit::text(one, &["ip"]));
    let local = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let ip = ip.and_then(|ip| ip.parse::<IpAddr>().ok());
    let allowed = ip.is_some_and(|ip| {
        !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !local(&ip)
    });
    if allowed { Ok(()) } else { Err(Status::bad_request("address not allowed")) }
}

/// Whether it is known where the agent of a node listens.
pub fn check_node_address(node: &Object) -> Result<(), Status> {
    let addresses = edit::at(node, &["status", "addresses"]).and_then(|all| all.as_array());
    let addresses = addresses.into_iter().flatten().filter_map(|one| one.as_object());
    let kind = |address: &Object| edit::text(address, &["type"]).to_owned();
    if addresses.clone().any(|address| ADDRESS_TYPES.contains(&&*kind(address))) {
        return Ok(());
    }
    let known: Vec<String> = addresses
        .map(|address| format!("{{{} {}}}", kind(address), edit::text(address, &["address"])))
        .collect();
    let known = known.join(" ");
    Err(Status::unclassified(format!("no preferred addresses found; known addresses: [{known}]")))
}

/// The name of the port of a service that a client names or numbers.
pub fn service_port<'o>(service: &'o Object, port: &'o str) -> Result<&'o str, Status> {
    let Ok(number) = port.parse::<i64>() else { return Ok(port) };
    let ports = edit::at(service, &["spec", "ports"]).and_then(|ports| ports.as_array());
    let mut ports = ports.into_iter().flatten().filter_map(|one| one.as_object());
    let found = ports.find(|one| edit::int(one, &["port"]) == Some(number));
    found.map(|one| edit::text(one, &["name"])).ok_or_else(|| {
        let service = quoted(name(service));
        Status::unavailable(format!("no service port {number} found for service {service}"))
    })
}

/// Whether anything serves a port of a service; `asked` is the name in the URL.
pub fn check_endpoints(endpoints: &Object, port: &str, asked: &str) -> Result<(), Status> {
    let none = |name: &str| {
        Status::unavailable(format!("no endpoints available for service {}", quoted(name)))
    };
    let subsets = edit::at(endpoints, &["subsets"]).and_then(|all| all.as_array());
    let subsets = subsets.filter(|all| !all.is_empty()).ok_or_else(|| none(name(endpoints)))?;
    let list = |subset: &Object, field: &str| {
        edit::at(subset, &[field])
            .and_then(|list| list.as_array())
            .map_or(&[][..], |list| list)
            .to_vec()
    };
    let serves = subsets.iter().filter_map(|subset| subset.as_object()).any(|subset| {
        let mut ports = list(subset, "ports").into_iter();
        !list(subset, "addresses").is_empty()
            && ports
                .any(|one| one.as_object().is_some_and(|one| edit::text(one, &["name"]) == port))
    });
    if serves { Ok(()) } else { Err(none(asked)) }
}

/// The options of a request for a container's log, by their names in the query.
pub fn check_log_options<'q>(
    pod_name: &str,
    option: impl Fn(&str) -> Option<&'q str>,
) -> Result<(), Status> {
    let number = |name: &str| match option(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| {
            let text = quoted(text);
            Status::bad_request(format!("strconv.ParseInt: parsing {text}: invalid syntax"))
        }),
    };
    let mut errors = Vec::new();
    let mut at_least = |name: &str, least: i64, why: &str| {
        let given = number(name)?;
        if let Some(given) = given.filter(|given| *given < least) {
            errors.push(FieldError::invalid(name, &given, why));
        }
        Ok::<_, Status>(given)
    };
    at_least("tailLines", 0, "must be greater than or equal to 0")?;
    at_least("limitBytes", 1, "must be greater than 0")?;
    let by_time = option("sinceTime").is_some_and(|time| !time.is_empty());
    if by_time && number("sinceSeconds")?.is_some() {
        let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        errors.push(FieldError::forbidden("", why));
    } else {
        at_least("sinceSeconds", 1, "must be greater than 0")?;
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(GroupName { group: "", name: "PodLogOptions" }, pod_name, &errors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::json;
    use crate::schema::BUILT_IN;

    fn object(kind: &str, text: &str) -> Object {
        let id = BUILT_IN.find(&format!("k8s.io.api.core.v1.{kind}")).expect("a kind");
        json::decode(&BUILT_IN, id, text.as_bytes()).expect("an object").object
    }

    fn message<T: std::fmt::Debug>(result: Result<T, Status>) -> (u16, String) {
        let status = result.expect_err("refused");
        (status.code, status.message)
    }

    #[test]
    fn references_have_ports_and_schemes() {
        let parse = |text| Reference::parse(text, "pod").map(|one| (one.name, one.port)).ok();
        assert_eq!(parse("a"), Some(("a", "")));
        assert_eq!(parse("a:80"), Some(("a", "80")));
        assert_eq!(parse("https:a:web"), Some(("a", "web")));
        for wrong in ["", ":80", "ftp:a:80", "http::80", "a:b:c:d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            message(Reference::parse("ftp:a:80", "pod")),
            (400, "invalid pod request \"ftp:a:80\"".to_owned())
        );
    }

    #[test]
    fn containers_are_named_where_there_are_several() {
        let one =
            object("Pod", r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"}]}}"#);
        assert!(check_container(&one, "").is_ok() && check_container(&one, "a").is_ok());
        assert_eq!(
            message(check_container(&one, "b")),
            (400, "container b is not valid for pod p".to_owned())
        );
        let text = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"},{"name":"b"}],
            "initContainers":[{"name":"i"}],"ephemeralContainers":[{"name":"e"}]}}"#;
        let many = object("Pod", text);
        assert!(check_container(&many, "e").is_ok());
        let must = "a container name must be specified for pod p, choose one of: [i a b e]";
        assert_eq!(message(check_container(&many, "")), (400, must.to_owned()));
    }

    #[test]
    fn addresses_of_pods_are_not_local() {
        let at = |ip: &str| {
            let text = format!(r#"{{"status":{{"podIPs":[{{"ip":"{ip}"}}]}}}}"#);
            check_pod_address(&object("Pod", &text)).is_ok()
        };
        assert!(at("10.1.2.3") && at("fd00::1"));
        for local in ["", "127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "224.0.0.1"]
        {
            assert!(!at(local), "{local}");
        }
        assert!(check_pod_address(&object("Pod", "{}")).is_err());
    }

    #[test]
    fn services_have_ports_and_endpoints() {
        let text = r#"{"metadata":{"name":"s"},"spec":{"ports":[{"name":"web","port":80}]}}"#;
        let service = object("Service", text);
        assert_eq!(service_port(&service, "80"), Ok("web"));
        assert_eq!(service_port(&service, "other"), Ok("other"));
        let none = "no service port 81 found for service \"s\"";
        assert_eq!(message(service_port(&service, "81")), (503, none.to_owned()));
        let none = |name: &str| (503, format!("no endpoints available for service \"{name}\""));
        let empty = object("Endpoints", r#"{"metadata":{"name":"s"}}"#);
        assert_eq!(message(check_endpoints(&empty, "web", "s:web")), none("s"));
        let text = r#"{"metadata":{"name":"s"},"subsets":[{"addresses":[{"ip":"10.0.0.1"}],
            "ports":[{"name":"web","port":80}]}]}"#;
        let endpoints = object("Endpoints", text);
        assert_eq!(check_endpoints(&endpoints, "web", "s:web"), Ok(()));
        assert_eq!(message(check_endpoints(&endpoints, "", "s")), none("s"));
    }

    #[test]
    fn nodes_without_addresses_are_not_found() {
        let text = r#"{"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}"#;
        assert_eq!(check_node_address(&object("Node", text)), Ok(()));
        let text = r#"{"status":{"addresses":[{"type":"Odd","address":"a"}]}}"#;
        let none = "no preferred addresses found; known addresses: [{Odd a}]";
        assert_eq!(message(check_node_address(&object("Node", text))), (500, none.to_owned()));
    }

    #[test]
    fn log_options_have_limits() {
        let check = |given: &'static [(&str, &str)]| {
            check_log_options("p", |name| {
                given.iter().find(|(one, _)| *one == name).map(|(_, value)| *value)
            })
        };
        assert_eq!(
            check(&[("tailLines", "0"), ("limitBytes", "1"), ("sinceSeconds", "1")]),
            Ok(())
        );
        let wrong = "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: must be greater \
                     than or equal to 0";
        assert_eq!(message(check(&[("tailLines", "-1")])), (422, wrong.to_owned()));
        assert_eq!(message(check(&[("sinceSeconds", "0")])).0, 422);
        let time = ("sinceTime", "2026-01-02T03:04:05Z");
        assert_eq!(message(check(&[("limitBytes", "0")])).0, 422);
        assert!(
            message(Err::<(), _>(
                check_log_options("p", |name| match name {
                    "sinceTime" => Some(time.1),
                    "sinceSeconds" => Some("5"),
                    _ => None,
                })
                .expect_err("refused")
            ))
            .1
            .contains("at most one of")
        );
        let wrong = "strconv.ParseInt: parsing \"x\": invalid syntax";
        assert_eq!(message(check(&[("tailLines", "x")])), (400, wrong.to_owned()));
    }
}
