//! Tables of `scheduling.k8s.io`.

use super::kinds::{AGE, Doc, Kind, NAME, boolean, integer, string};

const CLASS: &str = "k8s.io.api.scheduling.v1.PriorityClass";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    (kind == "PriorityClass").then_some(&PRIORITY_CLASS)
}

const PRIORITY_CLASS: Kind = Kind::new(
    &[
        NAME,
        integer("Value", Doc::Field(CLASS, "value")),
        boolean("Global-Default", Doc::Field(CLASS, "globalDefault")),
        AGE,
        string("PreemptionPolicy", Doc::Field(CLASS, "preemptionPolicy")),
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.at("value").int())
            .push(row.at("globalDefault").flag())
            .push(row.age())
            .push(row.text("preemptionPolicy"));
    },
);
