//! Options of writes, and their validation.

use super::call::Call;
use xebec_core::field_error::FieldError;
use xebec_core::patch::FieldValidation;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Value;

/// Which options a request has, as errors name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsKind {
    Create,
    Update,
    Patch,
    Apply,
}

impl OptionsKind {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch | Self::Apply => "PatchOptions",
        }
    }
}

/// Options of a create, update or patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    pub dry_run: bool,
    /// Empty if not given.
    pub field_manager: String,
    pub validation: FieldValidation,
    /// An apply takes fields from their owners.
    pub force: bool,
}

/// The longest name of a field manager.
const FIELD_MANAGER_BYTES_MAX: usize = 128;

impl WriteOptions {
    /// Reads the parameters of a request; 422 for a value that is not allowed.
    pub fn parse(call: &Call, kind: OptionsKind) -> Result<Self, Status> {
        let mut errors = Vec::new();
        let manager = call.query.get("fieldManager").unwrap_or_default();
        if kind == OptionsKind::Apply {
            if manager.is_empty() {
                errors.push(FieldError::required("fieldManager", "is required for apply patch"));
            }
        } else if kind == OptionsKind::Patch && call.query.has("force") {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        check_manager(manager, &mut errors);
        let dry_run = dry_run(call, &mut errors);
        let given = call.query.get("fieldValidation").unwrap_or_default();
        let validation = match given {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let allowed = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    "fieldValidation",
                    &Value::from(other),
                    &allowed,
                ));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            return Err(invalid(kind.name(), &errors));
        }
        let force = call.query.flag("force");
        Ok(Self { dry_run, field_manager: manager.to_owned(), validation, force })
    }
}

/// 422 about options.
pub fn invalid(kind: &str, errors: &[FieldError]) -> Status {
    Status::invalid(GroupName { group: "meta.k8s.io", name: kind }, "", errors)
}

/// Whether nothing is to be changed; `All` is the one value.
pub fn dry_run(call: &Call, errors: &mut Vec<FieldError>) -> bool {
    let given: Vec<&str> = call.query.all("dryRun").collect();
    if given.iter().any(|value| *value != "All") {
        let shown = Value::Array(given.iter().map(|value| Value::from(*value)).collect());
        errors.push(FieldError::not_supported("dryRun", &shown, &["All"]));
    }
    !given.is_empty()
}

fn check_manager(manager: &str, errors: &mut Vec<FieldError>) {
    if manager.len() > FIELD_MANAGER_BYTES_MAX {
        errors.push(FieldError::too_long("fieldManager", FIELD_MANAGER_BYTES_MAX));
    }
    for (at, c) in manager.char_indices().filter(|(_, c)| c.is_control()) {
        let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
        errors.push(FieldError::invalid("fieldManager", &Value::from(manager), &detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;

    fn parse(query: &str, kind: OptionsKind) -> Result<WriteOptions, String> {
        let call = call("POST", &format!("/api/v1/namespaces/a/pods?{query}"), "");
        WriteOptions::parse(&call, kind).map_err(|status| status.message)
    }

    #[test]
    fn options_are_read() {
        let options =
            parse("dryRun=All&fieldManager=m&fieldValidation=Strict", OptionsKind::Create);
        let options = options.expect("allowed");
        assert!(options.dry_run);
        assert_eq!(options.field_manager, "m");
        assert_eq!(options.validation, FieldValidation::Strict);
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        for (query, kind, expected) in [
            ("dryRun=x", OptionsKind::Create, "dryRun: Unsupported value"),
            ("", OptionsKind::Apply, "fieldManager: Required value: is required for apply patch"),
            ("force=true", OptionsKind::Patch, "force: Forbidden"),
            ("fieldValidation=x", OptionsKind::Update, "fieldValidation: Unsupported value: \"x\""),
        ] {
            let message = parse(query, kind).expect_err(query);
            assert!(message.contains(expected), "{message}");
        }
    }
}
