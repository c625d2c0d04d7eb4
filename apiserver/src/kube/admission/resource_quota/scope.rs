//! [`Scope`]: a condition under which an object counts in a quota.

use xebec_core::edit;
use xebec_core::value::{Object, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub name: String,
    operator: String,
    values: Vec<String>,
}

impl Scope {
    /// All of a quota, in both the ways in which it can name them.
    pub fn all(quota: &Object) -> Vec<Self> {
        let plain = edit::items(quota, &["spec", "scopes"]).iter().filter_map(Value::as_str);
        let plain = plain.map(|name| Self {
            name: name.to_owned(),
            operator: "Exists".to_owned(),
            values: Vec::new(),
        });
        let selected = edit::items(quota, &["spec", "scopeSelector", "matchExpressions"]);
        let text = |one: &Value, name| {
            one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let selected = selected.iter().map(|one| {
            let values = one.get("values").and_then(Value::as_array).unwrap_or_default();
            Self {
                name: text(one, "scopeName"),
                operator: text(one, "operator"),
                values: values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            }
        });
        plain.chain(selected).collect()
    }

    /// Whether the names that an object carries are among those asked for.
    pub fn selects(&self, held: &[&str]) -> bool {
        let is_listed = |name: &&str| self.values.iter().any(|value| value == name);
        match self.operator.as_str() {
            "Exists" => !held.is_empty(),
            "DoesNotExist" => held.is_empty(),
            "In" => held.iter().any(is_listed),
            // Of several names one that is not listed is enough.
            "NotIn" => held.is_empty() || !held.iter().all(is_listed),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_select_by_their_operators() {
        let scope = |operator: &str| Scope {
            name: String::new(),
            operator: operator.to_owned(),
            values: vec!["high".to_owned()],
        };
        for (operator, none, high, low) in [
            ("Exists", false, true, true),
            ("DoesNotExist", true, false, false),
            ("In", false, true, false),
            ("NotIn", true, false, true),
            ("?", false, false, false),
        ] {
            let scope = scope(operator);
            let selected = [scope.selects(&[]), scope.selects(&["high"]), scope.selects(&["low"])];
            assert_eq!(selected, [none, high, low], "{operator}");
        }
    }
}
