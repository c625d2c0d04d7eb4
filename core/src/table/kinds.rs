//! What a built-in kind's table is made of, and where each kind's is.

use super::tree::Tree;
use crate::human;
use crate::time::Timestamp;
use crate::value::Value;
use std::cmp::Ordering;

/// The table of one kind.
#[derive(Debug)]
pub(super) struct Kind {
    pub columns: &'static [Column],
    /// Fills one cell for each column.
    pub cells: fn(&Row<'_>, &mut Cells),
    /// `conditions` of a row.
    pub conditions: Option<fn(&Row<'_>) -> Option<Value>>,
    /// How rows of a list stand, where that is not the order of the list.
    pub order: Option<fn(&Value, &Value) -> Ordering>,
}

impl Kind {
    pub const fn new(columns: &'static [Column], cells: fn(&Row<'_>, &mut Cells)) -> Self {
        Self { columns, cells, conditions: None, order: None }
    }
}

#[derive(Debug)]
pub(super) struct Column {
    pub name: &'static str,
    pub kind: &'static str,
    pub format: &'static str,
    pub priority: i64,
    pub doc: Doc,
}

/// Where the description of a column comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doc {
    Text(&'static str),
    /// The description of a message's field.
    Field(&'static str, &'static str),
}

const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";

pub(super) const NAME: Column = Column {
    name: "Name",
    kind: "string",
    format: "name",
    priority: 0,
    doc: Doc::Field(META, "name"),
};
pub(super) const AGE: Column = string("Age", Doc::Field(META, "creationTimestamp"));
pub(super) const CONTAINERS: Column =
    string("Containers", Doc::Text("Names of each container in the template.")).wide();
pub(super) const IMAGES: Column =
    string("Images", Doc::Text("Images referenced by each container in the template.")).wide();

pub(super) const fn string(name: &'static str, doc: Doc) -> Column {
    Column { name, kind: "string", format: "", priority: 0, doc }
}

pub(super) const fn integer(name: &'static str, doc: Doc) -> Column {
    Column { name, kind: "integer", format: "", priority: 0, doc }
}

pub(super) const fn boolean(name: &'static str, doc: Doc) -> Column {
    Column { name, kind: "boolean", format: "", priority: 0, doc }
}

impl Column {
    /// Shown with `-o wide` alone.
    pub const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }
}

/// One object, as cells are filled from it.
pub(super) struct Row<'r> {
    pub object: Tree<'r>,
    pub now: Timestamp,
}

impl<'r> Row<'r> {
    pub fn new(value: &'r Value, now: Timestamp) -> Self {
        Self { object: Tree::new(value), now }
    }

    pub fn at(&self, path: &str) -> Tree<'r> {
        self.object.at(path)
    }

    pub fn text(&self, path: &str) -> &'r str {
        self.at(path).text()
    }

    pub fn name(&self) -> &'r str {
        self.text("metadata.name")
    }

    pub fn age(&self) -> String {
        self.since(self.at("metadata.creationTimestamp"))
    }

    /// How long ago the time of a field was.
    pub fn since(&self, time: Tree<'_>) -> String {
        match Timestamp::parse(time.text()) {
            Some(then) => human::since(then, self.now),
            None => human::UNKNOWN.to_owned(),
        }
    }

    pub fn deleted(&self) -> bool {
        self.at("metadata.deletionTimestamp").is_set()
    }

    /// The text of a field, or what stands for none.
    pub fn text_or(&self, path: &str, none: &'r str) -> &'r str {
        self.at(path).text_or(none)
    }
}

/// The cells of a row while it is filled.
#[derive(Default)]
pub(super) struct Cells(Vec<Value>);

impl Cells {
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub fn push(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(value.into());
        self
    }

    pub fn into_values(self) -> Vec<Value> {
        self.0
    }
}

const CREATED: Column = Column {
    name: "Created At",
    kind: "date",
    format: "",
    priority: 0,
    doc: Doc::Field(META, "creationTimestamp"),
};

/// Kinds that upstream gives no columns.
const DEFAULT: Kind = Kind::new(&[NAME, CREATED], |row, cells| {
    cells.push(row.name()).push(row.text_or("metadata.creationTimestamp", "0001-01-01T00:00:00Z"));
});

/// Kinds that show their name and age alone.
pub(super) const NAME_AND_AGE: Kind = Kind::new(&[NAME, AGE], |row, cells| {
    cells.push(row.name()).push(row.age());
});

/// The table of a kind; the default one where it has none of its own.
pub(super) fn find(group: &str, kind: &str) -> &'static Kind {
    let found = match group {
        "" => super::core::find(kind),
        "apps" => super::apps::find(kind),
        "batch" => super::batch::find(kind),
        "autoscaling" => super::hpa::find(kind),
        "policy" => super::policy::find(kind),
        "networking.k8s.io" => super::networking::find(kind),
        "discovery.k8s.io" => super::discovery::find(kind),
        "storage.k8s.io" => super::storage::find(kind),
        "rbac.authorization.k8s.io" => super::rbac::find(kind),
        "certificates.k8s.io" => super::certificates::find(kind),
        "coordination.k8s.io" => super::coordination::find(kind),
        "events.k8s.io" => super::core::find(kind),
        "scheduling.k8s.io" => super::scheduling::find(kind),
        "node.k8s.io" => super::node::find(kind),
        "admissionregistration.k8s.io" => super::admission::find(kind),
        "flowcontrol.apiserver.k8s.io" => super::flowcontrol::find(kind),
        "resource.k8s.io" => super::resource::find(kind),
        "apiregistration.k8s.io" | "internal.apiserver.k8s.io" | "storagemigration.k8s.io" => {
            super::apiserver::find(kind)
        }
        _ => None,
    };
    found.unwrap_or(&DEFAULT)
}
