//! Tables of `discovery.k8s.io`.

use super::format::some_of;
use super::kinds::{AGE, Doc, Kind, NAME, string};

const SLICE: &str = "k8s.io.api.discovery.v1.EndpointSlice";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    (kind == "EndpointSlice").then_some(&ENDPOINT_SLICE)
}

const ENDPOINT_SLICE: Kind = Kind::new(
    &[
        NAME,
        string("AddressType", Doc::Field(SLICE, "addressType")),
        string("Ports", Doc::Field(SLICE, "ports")),
        string("Endpoints", Doc::Field(SLICE, "endpoints")),
        AGE,
    ],
    |row, cells| {
        let ports = row.at("ports").items().map(|port| match port.at("port") {
            number if number.is_set() => number.printed(),
            _ if port.at("name").is_set() => port.at("name").text().to_owned(),
            _ => "*".to_owned(),
        });
        let ports: Vec<String> = ports.collect();
        let endpoints = row.at("endpoints").items();
        let addresses = endpoints.flat_map(|endpoint| {
            endpoint.at("addresses").items().map(|address| address.text().to_owned())
        });
        let addresses: Vec<String> = addresses.collect();
        cells
            .push(row.name())
            .push(row.text("addressType"))
            .push(some_of(&ports, 3))
            .push(some_of(&addresses, 3))
            .push(row.age());
    },
);
