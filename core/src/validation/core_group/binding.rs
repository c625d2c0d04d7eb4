//! `Binding` as a resource of its own: the old way to bind a pod to a node.

use crate::validation::{Rules, pod};

pub(super) const RULES: Rules = Rules {
    create: |_, object, errors| pod::binding(object, errors),
    update: |_, _, _, _| {},
    warnings: |_, _, _, _| {},
};
