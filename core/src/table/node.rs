//! Tables of `node.k8s.io`.

use super::kinds::{AGE, Doc, Kind, NAME, string};

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    (kind == "RuntimeClass").then_some(&RUNTIME_CLASS)
}

const RUNTIME_CLASS: Kind = Kind::new(
    &[NAME, string("Handler", Doc::Field("k8s.io.api.node.v1.RuntimeClass", "handler")), AGE],
    |row, cells| {
        cells.push(row.name()).push(row.text("handler")).push(row.age());
    },
);
