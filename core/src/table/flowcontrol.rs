//! Tables of `flowcontrol.apiserver.k8s.io`.

use super::format::{NONE, condition};
use super::kinds::{AGE, Doc, Kind, NAME, Row, string};
use super::tree::Tree;
use crate::value::Value;
use std::cmp::Ordering;

macro_rules! flow {
    ($name:literal) => {
        concat!("k8s.io.api.flowcontrol.v1.", $name)
    };
}

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "FlowSchema" => &FLOW_SCHEMA,
        "PriorityLevelConfiguration" => &PRIORITY_LEVEL,
        _ => return None,
    })
}

const FLOW_SCHEMA: Kind = Kind {
    columns: &[
        NAME,
        string("PriorityLevel", Doc::Field(flow!("PriorityLevelConfigurationReference"), "name")),
        string("MatchingPrecedence", Doc::Field(flow!("FlowSchemaSpec"), "matchingPrecedence")),
        string("DistinguisherMethod", Doc::Field(flow!("FlowSchemaSpec"), "distinguisherMethod")),
        AGE,
        string(
            "MissingPL",
            Doc::Text("references a broken or non-existent PriorityLevelConfiguration"),
        ),
    ],
    cells: |row, cells| {
        let dangling = condition(row.at("status.conditions"), "Dangling");
        cells
            .push(row.name())
            .push(row.text("spec.priorityLevelConfiguration.name"))
            .push(row.at("spec.matchingPrecedence").int())
            .push(distinguisher(row))
            .push(row.age())
            .push(dangling.map_or("?", |one| one.at("status").text()));
    },
    conditions: None,
    order: Some(by_precedence),
};

fn distinguisher<'r>(row: &Row<'r>) -> &'r str {
    let method = row.at("spec.distinguisherMethod");
    if method.is_set() { method.at("type").text() } else { NONE }
}

/// Schemas stand in the order in which they are tried.
fn by_precedence(a: &Value, b: &Value) -> Ordering {
    let key = |value| {
        let tree = Tree::new(value);
        (tree.at("spec.matchingPrecedence").int(), tree.at("metadata.name").text())
    };
    key(a).cmp(&key(b))
}

const PRIORITY_LEVEL: Kind = Kind::new(
    &[
        NAME,
        string("Type", Doc::Field(flow!("PriorityLevelConfigurationSpec"), "type")),
        string(
            "NominalConcurrencyShares",
            Doc::Field(flow!("LimitedPriorityLevelConfiguration"), "nominalConcurrencyShares"),
        ),
        string("Queues", Doc::Field(flow!("QueuingConfiguration"), "queues")),
        string("HandSize", Doc::Field(flow!("QueuingConfiguration"), "handSize")),
        string("QueueLengthLimit", Doc::Field(flow!("QueuingConfiguration"), "queueLengthLimit")),
        AGE,
    ],
    |row, cells| {
        let limited = row.at("spec.limited");
        let queuing = limited.at("limitResponse.queuing");
        let within = |of: Tree<'_>, name: &str| match of.is_set() {
            true => Value::Int(of.at(name).int()),
            false => Value::from(NONE),
        };
        cells
            .push(row.name())
            .push(row.text("spec.type"))
            .push(within(limited, "nominalConcurrencyShares"))
            .push(within(queuing, "queues"))
            .push(within(queuing, "handSize"))
            .push(within(queuing, "queueLengthLimit"))
            .push(row.age());
    },
);
