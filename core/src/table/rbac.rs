//! Tables of `rbac.authorization.k8s.io`.

use super::kinds::{AGE, Cells, Doc, Kind, NAME, Row, string};
use super::tree::Tree;

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "ClusterRoleBinding" => &CLUSTER_ROLE_BINDING,
        "RoleBinding" => &ROLE_BINDING,
        _ => return None,
    })
}

const ROLE_BINDING: Kind = Kind::new(
    &[
        NAME,
        string("Role", Doc::Field("k8s.io.api.rbac.v1.RoleBinding", "roleRef")),
        AGE,
        string("Users", Doc::Text("Users in the roleBinding")).wide(),
        string("Groups", Doc::Text("Groups in the roleBinding")).wide(),
        string("ServiceAccounts", Doc::Text("ServiceAccounts in the roleBinding")).wide(),
    ],
    binding,
);

const CLUSTER_ROLE_BINDING: Kind = Kind::new(
    &[
        NAME,
        string("Role", Doc::Field("k8s.io.api.rbac.v1.ClusterRoleBinding", "roleRef")),
        AGE,
        string("Users", Doc::Text("Users in the clusterRoleBinding")).wide(),
        string("Groups", Doc::Text("Groups in the clusterRoleBinding")).wide(),
        string("ServiceAccounts", Doc::Text("ServiceAccounts in the clusterRoleBinding")).wide(),
    ],
    binding,
);

fn binding(row: &Row<'_>, cells: &mut Cells) {
    let role = row.at("roleRef");
    let name = |subject: Tree<'_>| subject.at("name").text().to_owned();
    cells
        .push(row.name())
        .push(format!("{}/{}", role.at("kind").text(), role.at("name").text()))
        .push(row.age())
        .push(subjects(row, "User", name))
        .push(subjects(row, "Group", name))
        .push(subjects(row, "ServiceAccount", |subject| {
            format!("{}/{}", subject.at("namespace").text(), subject.at("name").text())
        }));
}

fn subjects(row: &Row<'_>, kind: &str, show: impl Fn(Tree<'_>) -> String) -> String {
    let of_kind = row.at("subjects").items().filter(|one| one.at("kind").text() == kind);
    of_kind.map(show).collect::<Vec<_>>().join(", ")
}
