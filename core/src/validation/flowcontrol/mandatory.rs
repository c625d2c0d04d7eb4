//! What the server itself keeps: objects whose specification is fixed.

use crate::validation::fields::Fields;
use crate::value::{Object, Value};
use std::sync::LazyLock;

const SCHEMAS: &str = r#"{
  "exempt": {
    "priorityLevelConfiguration": {"name": "exempt"},
    "matchingPrecedence": 1,
    "rules": [{
      "subjects": [{"kind": "Group", "group": {"name": "system:masters"}}],
      "resourceRules": [{
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
        "clusterScope": true, "namespaces": ["*"]
      }],
      "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    }]
  },
  "catch-all": {
    "priorityLevelConfiguration": {"name": "catch-all"},
    "matchingPrecedence": 10000,
    "distinguisherMethod": {"type": "ByUser"},
    "rules": [{
      "subjects": [
        {"kind": "Group", "group": {"name": "system:unauthenticated"}},
        {"kind": "Group", "group": {"name": "system:authenticated"}}
      ],
      "resourceRules": [{
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
        "clusterScope": true, "namespaces": ["*"]
      }],
      "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    }]
  }
}"#;

const LEVELS: &str = r#"{
  "exempt": {"type": "Exempt"},
  "catch-all": {
    "type": "Limited",
    "limited": {
      "nominalConcurrencyShares": 5,
      "limitResponse": {"type": "Reject"},
      "lendablePercent": 0
    }
  }
}"#;

static MANDATORY: LazyLock<[Value; 2]> = LazyLock::new(|| {
    [SCHEMAS, LEVELS].map(|text| serde_json::from_str(text).expect("a test reads the constants"))
});

/// The specification that a FlowSchema of a name must have.
pub fn schema(name: &str) -> Option<&'static Object> {
    MANDATORY[0].as_object()?.object(name)
}

/// The specification that a PriorityLevelConfiguration of a name must have.
pub fn level(name: &str) -> Option<&'static Object> {
    MANDATORY[1].as_object()?.object(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_objects() {
        for name in ["exempt", "catch-all"] {
            assert!(schema(name).is_some() && level(name).is_some(), "{name}");
        }
        assert!(schema("other").is_none());
    }
}
