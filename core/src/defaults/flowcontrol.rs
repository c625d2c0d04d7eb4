//! Flow schemas and priority levels.

use super::Rule;
use super::draft::Draft;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("ExemptPriorityLevelConfiguration", exempt),
    ("FlowSchemaSpec", flow_schema),
    ("LimitedPriorityLevelConfiguration", limited),
    ("QueuingConfiguration", queues),
];

const PRECEDENCE: i64 = 1_000;
const SHARES: i64 = 30;

fn flow_schema(spec: &mut Draft<'_>) {
    spec.default("matchingPrecedence", PRECEDENCE);
}

fn exempt(level: &mut Draft<'_>) {
    level.default("nominalConcurrencyShares", 0);
    level.default("lendablePercent", 0);
}

fn limited(level: &mut Draft<'_>) {
    level.default("nominalConcurrencyShares", SHARES);
    level.default("lendablePercent", 0);
}

fn queues(queues: &mut Draft<'_>) {
    queues.default("handSize", 8);
    queues.default("queues", 64);
    queues.default("queueLengthLimit", 50);
}
