//! [`DeleteOptions`]: how a client wants an object deleted.

use crate::edit;
use crate::field_error::FieldError;
use crate::status::{GroupName, Status};
use crate::value::{Object, Value};

/// `metav1.DeleteOptions`, from a body or a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    pub grace_period_s: Option<i64>,
    pub preconditions: Preconditions,
    /// `Foreground`, `Background` or `Orphan`, once validated.
    pub propagation: Option<Box<str>>,
    /// The older form of `propagation`.
    pub orphan_dependents: Option<bool>,
    /// `All`, once validated.
    pub dry_run: Vec<Box<str>>,
}

/// What must be true of the object that is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    pub uid: Option<Box<str>>,
    pub resource_version: Option<Box<str>>,
}

impl DeleteOptions {
    /// From a decoded `DeleteOptions`.
    pub fn from_object(object: &Object) -> Self {
        let text = |path: &[&str]| edit::at(object, path)?.as_str().map(Box::from);
        let dry_run = edit::items(object, &["dryRun"]);
        Self {
            grace_period_s: edit::int(object, &["gracePeriodSeconds"]),
            preconditions: Preconditions {
                uid: text(&["preconditions", "uid"]),
                resource_version: text(&["preconditions", "resourceVersion"]),
            },
            propagation: text(&["propagationPolicy"]),
            orphan_dependents: edit::at(object, &["orphanDependents"]).and_then(Value::as_bool),
            dry_run: dry_run.iter().filter_map(Value::as_str).map(Box::from).collect(),
        }
    }

    pub fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    pub fn validate(&self) -> Result<(), Status> {
        let mut errors = Vec::new();
        if let Some(policy) = &self.propagation {
            let value = Value::from(&**policy);
            if self.orphan_dependents.is_some() {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                errors.push(FieldError::invalid("propagationPolicy", &value, why));
            }
            let known = ["Foreground", "Background", "Orphan", "nil"];
            if !known[..3].contains(&&**policy) {
                errors.push(FieldError::not_supported("propagationPolicy", &value, &known));
            }
        }
        if self.dry_run.iter().any(|stage| &**stage != "All") {
            let given = self.dry_run.iter().map(|stage| Value::from(&**stage)).collect();
            let given = Value::Array(given);
            errors.push(FieldError::not_supported("dryRun", &given, &["All"]));
        }
        if errors.is_empty() {
            return Ok(());
        }
        let of = GroupName { group: "meta.k8s.io", name: "DeleteOptions" };
        Err(Status::invalid(of, "", &errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_propagation_are_one_too_many() {
        let options = DeleteOptions {
            propagation: Some("Orphan".into()),
            orphan_dependents: Some(true),
            ..DeleteOptions::default()
        };
        assert_eq!(
            options.validate().expect_err("both are set").message,
            r#"DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set"#
        );
    }
}
