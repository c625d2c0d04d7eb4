//! Groups of the Kubernetes community: their APIs are reviewed, and say so in an annotation.

use crate::custom::conditions::{APPROVAL, approval};
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::fields::{Fields, metadata};
use crate::validation::path::Path;
use crate::value::Object;

/// An approval that did not change is not judged again.
pub fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let Some((_, reason, message)) = approval(new) else { return };
    let before = old.and_then(approval).map(|(_, reason, _)| reason);
    if before == Some(reason) {
        return;
    }
    let path = Path::root("metadata.annotations");
    let path = path.key(APPROVAL);
    match reason {
        "MissingAnnotation" => errors.push(FieldError::required(path, &message)),
        "InvalidAnnotation" => {
            let given = metadata(new).part("annotations").text(APPROVAL);
            errors.push(FieldError::invalid(path, given, &message));
        }
        _ => {}
    }
}
