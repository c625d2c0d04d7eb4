//! Tables of `coordination.k8s.io`.

use super::kinds::{AGE, Doc, Kind, NAME, string};

const LEASE_SPEC: &str = "k8s.io.api.coordination.v1.LeaseSpec";
const CANDIDATE_SPEC: &str = "k8s.io.api.coordination.v1beta1.LeaseCandidateSpec";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "Lease" => &LEASE,
        "LeaseCandidate" => &LEASE_CANDIDATE,
        _ => return None,
    })
}

const LEASE: Kind = Kind::new(
    &[NAME, string("Holder", Doc::Field(LEASE_SPEC, "holderIdentity")), AGE],
    |row, cells| {
        cells.push(row.name()).push(row.text("spec.holderIdentity")).push(row.age());
    },
);

const LEASE_CANDIDATE: Kind = Kind::new(
    &[
        NAME,
        string("LeaseName", Doc::Field(CANDIDATE_SPEC, "leaseName")),
        string("BinaryVersion", Doc::Field(CANDIDATE_SPEC, "binaryVersion")),
        string("EmulationVersion", Doc::Field(CANDIDATE_SPEC, "emulationVersion")),
        AGE,
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.text("spec.leaseName"))
            .push(row.text("spec.binaryVersion"))
            .push(row.text("spec.emulationVersion"))
            .push(row.age());
    },
);
