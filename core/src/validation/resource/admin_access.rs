//! Devices that are in use by others: only claims of some namespaces may have them.

use crate::edit;
use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::{Object, Value};

/// A namespace whose claims may have such devices says `true` here.
pub const ADMIN_ACCESS: &str = "resource.kubernetes.io/admin-access";

/// What is wrong with a claim, or a template of claims, if its namespace does not have the label.
pub fn admin_access(target: Target<'_>, new: &Object, old: Option<&Object>) -> Option<FieldError> {
    let ("resource.k8s.io", kind) = target.kind() else { return None };
    let field = match (kind, target.subresource, old) {
        ("ResourceClaim", "", None) => requested(new, &["spec", "devices", "requests"])?,
        ("ResourceClaimTemplate", "", None) => {
            requested(new, &["spec", "spec", "devices", "requests"])?
        }
        ("ResourceClaim", "status", Some(old)) if granted(old).is_none() => granted(new)?,
        _ => return None,
    };
    let why = format!(
        "admin access to devices requires the `{ADMIN_ACCESS}: true` label on the containing namespace"
    );
    Some(FieldError::forbidden(field, &why))
}

/// The field of the first request for it; upstream names it the same in templates.
fn requested(object: &Object, path: &[&str]) -> Option<String> {
    let asks = |request: &Value| {
        request.as_object().is_some_and(|request| edit::flag(request, &["exactly", "adminAccess"]))
    };
    let at = edit::items(object, path).iter().position(asks)?;
    Some(format!("spec.devices.requests[{at}].adminAccess"))
}

/// The field of the first device that was given so.
fn granted(claim: &Object) -> Option<String> {
    let results = edit::items(claim, &["status", "allocation", "devices", "results"]);
    let is_so = |result: &Value| {
        result.as_object().is_some_and(|result| edit::flag(result, &["adminAccess"]))
    };
    let at = results.iter().position(is_so)?;
    Some(format!("status.allocation.devices.results[{at}].adminAccess"))
}
