//! Bindings of roles.

use super::Rule;
use super::draft::Draft;

pub(super) const RULES: &[(&str, Rule)] =
    &[("ClusterRoleBinding", binding), ("RoleBinding", binding), ("Subject", subject)];

const GROUP: &str = "rbac.authorization.k8s.io";

fn binding(binding: &mut Draft<'_>) {
    binding.child("roleRef").default("apiGroup", GROUP);
}

fn subject(subject: &mut Draft<'_>) {
    if matches!(subject.text("kind"), "User" | "Group") {
        subject.default("apiGroup", GROUP);
    }
}
