//! References to objects of any kind (`CrossVersionObjectReference`).

use crate::field_error::FieldError;
use crate::names;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::Object;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A version that was stored before versions were checked.
    pub any_version: bool,
    /// Objects of the core group may be meant.
    pub core_group: bool,
}

pub fn of(reference: &Object, options: Options, path: &Path<'_>, errors: &mut Errors) {
    for name in ["kind", "name"] {
        let text = reference.text(name);
        if text.is_empty() {
            errors.push(FieldError::required(path.child(name), ""));
        } else {
            check::each(errors, path.child(name), text, names::path_segment(text));
        }
    }
    if options.any_version {
        return;
    }
    let version = reference.text("apiVersion");
    if let Some(detail) = bad_version(version, options.core_group) {
        errors.push(FieldError::invalid(path.child("apiVersion"), version, &detail));
    }
}

/// What is wrong with a group and version.
pub fn bad_version(version: &str, core_group: bool) -> Option<String> {
    let group = match version.matches('/').count() {
        0 => "",
        1 => version.split('/').next().unwrap_or_default(),
        _ => return Some(format!("unexpected GroupVersion string: {version}")),
    };
    let missing = group.is_empty() && !core_group;
    missing.then(|| "apiVersion must specify API group".to_owned())
}
