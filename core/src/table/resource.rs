//! Tables of `resource.k8s.io`.

use super::kinds::{AGE, Doc, Kind, NAME, NAME_AND_AGE, Row, string};

const SLICE_SPEC: &str = "k8s.io.api.resource.v1.ResourceSliceSpec";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "DeviceClass" | "ResourceClaimTemplate" => &NAME_AND_AGE,
        "ResourceClaim" => &CLAIM,
        "ResourceSlice" => &SLICE,
        _ => return None,
    })
}

const CLAIM: Kind = Kind::new(
    &[
        NAME,
        string(
            "State",
            Doc::Text("A summary of the current state (allocated, pending, reserved, etc.)."),
        ),
        AGE,
    ],
    |row, cells| {
        cells.push(row.name()).push(claim_state(row)).push(row.age());
    },
);

fn claim_state(row: &Row<'_>) -> String {
    let allocated = row.at("status.allocation").is_set();
    let states = [
        (row.deleted(), "deleted"),
        (!allocated && !row.deleted(), "pending"),
        (allocated, "allocated"),
        (allocated && row.at("status.reservedFor").len() > 0, "reserved"),
    ];
    let states: Vec<&str> =
        states.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect();
    states.join(",")
}

const SLICE: Kind = Kind::new(
    &[
        NAME,
        string("Node", Doc::Field(SLICE_SPEC, "nodeName")),
        string("Driver", Doc::Field(SLICE_SPEC, "driver")),
        string("Pool", Doc::Field("k8s.io.api.resource.v1.ResourcePool", "name")),
        AGE,
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.text("spec.nodeName"))
            .push(row.text("spec.driver"))
            .push(row.text("spec.pool.name"))
            .push(row.age());
    },
);
