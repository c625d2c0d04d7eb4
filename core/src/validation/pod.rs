//! Pods, and the templates of pods that other kinds carry.

use super::Errors;
use super::path::Path;
use crate::value::Object;

/// A `PodTemplateSpec`; `old` is the one it replaces, of which some odd values may stay.
pub fn template(_new: &Object, _old: Option<&Object>, _path: &Path<'_>, _errors: &mut Errors) {}

/// Warnings about a `PodTemplateSpec`.
pub fn template_warnings(
    _new: &Object,
    _old: Option<&Object>,
    _path: &Path<'_>,
    _warnings: &mut Vec<String>,
) {
}
