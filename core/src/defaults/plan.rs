//! [`Plan`]: what there is to complete in a message and below it, found out once for all of them.

use super::Rule;
use crate::schema::{Arity, BUILT_IN, Field, Kind, Message, MessageId, Shape};
use crate::value::Value;
use std::sync::LazyLock;

/// The plan of every message that has something to complete, by its place in the schema.
pub(super) static PLANS: LazyLock<Vec<Option<Plan>>> = LazyLock::new(build);

#[derive(Default)]
pub(super) struct Plan {
    pub rules: Vec<Rule>,
    pub fixed: Vec<Fixed>,
    /// Fields that are amounts of resources.
    pub amounts: Vec<&'static str>,
    pub children: Vec<Child>,
}

/// A field with a static default.
pub(super) struct Fixed {
    pub name: &'static str,
    pub pointer: bool,
    pub value: Value,
}

/// A field whose messages have something to complete.
pub(super) struct Child {
    pub name: &'static str,
    pub arity: Arity,
    pub message: MessageId,
}

impl Fixed {
    pub(super) fn counts_as_set(&self, held: &Value) -> bool {
        !held.is_null() && (self.pointer || !super::draft::is_zero(held))
    }
}

/// The rules by group, or group and version, and message.
const RULES: &[(&str, &[(&str, Rule)])] = &[
    ("admissionregistration", super::admission::RULES),
    ("admissionregistration.v1alpha1", super::admission::RULES_V1ALPHA1),
    ("apiextensions", super::others::APIEXTENSIONS),
    ("apiregistration", super::others::APIREGISTRATION),
    ("apps", super::apps::RULES),
    ("authentication", super::others::AUTHENTICATION),
    ("autoscaling.v1", super::autoscaling::RULES_V1),
    ("autoscaling.v2", super::autoscaling::RULES_V2),
    ("batch", super::batch::RULES),
    ("core", super::core::RULES),
    ("core", super::pod::RULES),
    ("core", super::service::RULES),
    ("core", super::volume::RULES),
    ("discovery", super::others::DISCOVERY),
    ("flowcontrol", super::flowcontrol::RULES),
    ("networking", super::networking::RULES),
    ("rbac", super::rbac::RULES),
    ("resource", super::resource::RULES),
    ("scheduling", super::others::SCHEDULING),
    ("storage", super::storage::RULES),
];

/// Go packages whose maps of quantities are upstream's `ResourceList`.
const RESOURCE_LISTS: [&str; 2] = ["core", "node"];

fn build() -> Vec<Option<Plan>> {
    let mut plans: Vec<Plan> = BUILT_IN.messages().map(|(_, message)| plan(message)).collect();
    let mut needed: Vec<bool> = plans.iter().map(Plan::has_own).collect();
    // A message is needed too where one below it is.
    loop {
        let reaches = |plan: &Plan| plan.children.iter().any(|it| needed[it.message.index()]);
        let now: Vec<bool> = plans.iter().map(|plan| plan.has_own() || reaches(plan)).collect();
        if now == needed {
            break;
        }
        needed = now;
    }
    for plan in &mut plans {
        plan.children.retain(|child| needed[child.message.index()]);
    }
    plans.into_iter().zip(needed).map(|(plan, needed)| needed.then_some(plan)).collect()
}

impl Plan {
    fn has_own(&self) -> bool {
        !(self.rules.is_empty() && self.fixed.is_empty() && self.amounts.is_empty())
    }
}

fn plan(message: &'static Message) -> Plan {
    let mut plan = Plan::default();
    extend(&mut plan, message);
    plan
}

/// What a message brings, those inlined into it included.
fn extend(plan: &mut Plan, message: &'static Message) {
    let (group, version, name) = parts(&message.name);
    let versioned = format!("{group}.{version}");
    let of_group = RULES.iter().filter(|(key, _)| *key == group || *key == versioned);
    let rules = of_group.flat_map(|(_, rules)| rules.iter());
    plan.rules.extend(rules.filter(|(of, _)| *of == name).map(|(_, rule)| *rule));
    for field in &message.fields {
        if let Some(value) = fixed(field) {
            plan.fixed.push(Fixed { name: &field.json, pointer: field.pointer, value });
        }
        match (field.kind, field.arity) {
            (Kind::Message(inner), _) if field.inline => extend(plan, BUILT_IN.message(inner)),
            (Kind::Message(inner), arity) if BUILT_IN.message(inner).shape == Shape::Object => {
                plan.children.push(Child { name: &field.json, arity, message: inner });
            }
            (Kind::Quantity, Arity::Map) if RESOURCE_LISTS.contains(&group) => {
                plan.amounts.push(&field.json);
            }
            _ => {}
        }
    }
}

/// Group, version and name of a message: `k8s.io.api.apps.v1.Deployment`.
fn parts(name: &str) -> (&str, &str, &str) {
    let mut parts = name.rsplitn(4, '.');
    let (name, version, group) = (parts.next(), parts.next(), parts.next());
    (group.unwrap_or_default(), version.unwrap_or_default(), name.unwrap_or_default())
}

/// The static default of a field, if it says more than the zero of the field.
fn fixed(field: &Field) -> Option<Value> {
    let value = match field.default.as_deref()? {
        "ref(AzureDataDiskCachingReadWrite)" => "ReadWrite".into(),
        "ref(AzureSharedBlobDisk)" => "Shared".into(),
        text => serde_json::from_str(text).expect("a test reads every default of the table"),
    };
    (field.pointer || !super::draft::is_zero(&value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_message() {
        for (key, rules) in RULES {
            for (name, _) in *rules {
                let found = BUILT_IN.messages().any(|(_, message)| {
                    let (group, version, of) = parts(&message.name);
                    of == *name && (*key == group || *key == format!("{group}.{version}"))
                });
                assert!(found, "no message {name} in {key}");
            }
        }
    }

    #[test]
    fn plans_stand_where_something_is_to_complete() {
        let has = |name: &str| PLANS[BUILT_IN.find(name).expect(name).index()].is_some();
        assert!(has("k8s.io.api.batch.v1.CronJob"));
        assert!(has("k8s.io.api.node.v1.RuntimeClass"));
        assert!(!has("k8s.io.api.core.v1.ServiceAccount"));
    }
}
