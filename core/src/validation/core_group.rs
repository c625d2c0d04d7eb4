//! The core group: which rules each of its kinds has.

use super::{Rules, meta};

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "Namespace" => Rules {
            create: |target, object, errors| meta::on_create(target, object, meta::label, errors),
            ..Rules::NONE
        },
        _ => return None,
    })
}
