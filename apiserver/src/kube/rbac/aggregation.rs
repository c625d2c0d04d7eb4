//! Aggregated ClusterRoles: their rules are those of the roles that their selectors match.
//!
//! Upstream's controllers do this; a server does it where there are none. One replica does, the
//! leader; should two, they do the same.

use super::GROUP;
use crate::kube::follow::Settled;
use crate::kube::loopback::{Loopback, Refused};
use crate::kube::object::Stored;
use crate::kube::rbac::index::Kind;
use crate::kube::storage::Storage;
use tokio_util::sync::CancellationToken;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::selector::LabelSelector as Selector;
use xebec_core::value::{Object, Value};

const COLLECTION: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const MANAGER: &str = "fieldManager=clusterrole-aggregation-controller&force=true";

/// Gathers whenever roles have changed, until `stop`.
pub async fn run(loopback: &Loopback, mut changes: Settled, stop: &CancellationToken) {
    loop {
        if loopback.api().storage.replica().leadership().own_term().is_some()
            && let Err(refused) = settle(loopback).await
        {
            tracing::warn!(error = %refused, "aggregated roles");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            follows = changes.changed() => if !follows { return },
        }
    }
}

async fn settle(loopback: &Loopback) -> Result<(), Refused> {
    let view = loopback.api().storage.local_view();
    let roles: Vec<Object> = Storage::under(&view, Kind::ClusterRole.key_prefix())
        .filter_map(|stored: Stored| stored.object().ok())
        .collect();
    drop(view);
    for (name, rules) in gather(&roles) {
        let mut metadata = Object::new();
        metadata.push("name", name.as_str().into());
        let mut role = Object::new();
        role.push("kind", "ClusterRole".into());
        role.push("apiVersion", format!("{GROUP}/v1").into());
        role.push("metadata", Value::Object(metadata));
        role.push("rules", Value::Array(rules));
        loopback.apply(&format!("{COLLECTION}/{name}?{MANAGER}"), &role).await?;
    }
    Ok(())
}

/// The roles whose rules are not what they should be, and what they should be. Roles come in the
/// order of their names, and so do the rules that are gathered.
fn gather(roles: &[Object]) -> Vec<(String, Vec<Value>)> {
    let mut wrong = Vec::new();
    for role in roles {
        let Some(aggregation) = edit::object(role, &["aggregationRule"]) else { continue };
        let mut rules: Vec<Value> = Vec::new();
        for selector in edit::items(aggregation, &["clusterRoleSelectors"]) {
            let chosen = roles.iter().filter(|other| {
                lifecycle::name(other) != lifecycle::name(role) && selects(selector, other)
            });
            for rule in chosen.flat_map(|other| edit::items(other, &["rules"])) {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        if edit::items(role, &["rules"]) != rules {
            wrong.push((lifecycle::name(role).to_owned(), rules));
        }
    }
    wrong
}

/// A selector of labels; one that cannot be read selects nothing.
fn selects(selector: &Value, role: &Object) -> bool {
    let Some(Ok(selector)) = selector.as_object().map(Selector::from_object) else { return false };
    let labels = edit::object(role, &["metadata", "labels"]);
    selector.matches(|key| labels?.get(key).and_then(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> Vec<Object> {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let roles = value.as_array().expect("a list").iter();
        roles.map(|role| role.as_object().expect("a role").clone()).collect()
    }

    #[test]
    fn rules_are_gathered_once_in_the_order_of_names() {
        let all = roles(
            r#"[{"metadata":{"name":"a","labels":{"to":"x"}},"rules":[1,2]},
                {"metadata":{"name":"b","labels":{"to":"x"}},"rules":[2,3]},
                {"metadata":{"name":"c","labels":{"to":"y"}},"rules":[4]},
                {"metadata":{"name":"x"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"to":"x"}}]},"rules":[9]},
                {"metadata":{"name":"y"},"aggregationRule":{"clusterRoleSelectors":[{"matchExpressions":[{"key":"to","operator":"In","values":["y"]}]}]},"rules":[4]}]"#,
        );
        let expected = vec![Value::Int(1), Value::Int(2), Value::Int(3)];
        assert_eq!(gather(&all), [("x".to_owned(), expected)]);
    }
}
