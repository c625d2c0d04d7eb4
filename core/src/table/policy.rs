//! Tables of `policy`.

use super::kinds::{AGE, Doc, Kind, NAME, integer, string};
use super::tree::Tree;

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    (kind == "PodDisruptionBudget").then_some(&BUDGET)
}

const BUDGET: Kind = Kind::new(
    &[
        NAME,
        string("Min Available", Doc::Text("The minimum number of pods that must be available.")),
        string("Max Unavailable", Doc::Text("The maximum number of pods that may be unavailable.")),
        integer(
            "Allowed Disruptions",
            Doc::Text("Calculated number of pods that may be disrupted at this time."),
        ),
        AGE,
    ],
    |row, cells| {
        let or_none = |value: Tree<'_>| match value.is_set() {
            true => value.printed(),
            false => "N/A".to_owned(),
        };
        cells
            .push(row.name())
            .push(or_none(row.at("spec.minAvailable")))
            .push(or_none(row.at("spec.maxUnavailable")))
            .push(row.at("status.disruptionsAllowed").int())
            .push(row.age());
    },
);
