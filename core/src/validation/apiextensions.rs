//! The group `apiextensions.k8s.io`: definitions of custom resources.
//!
//! Upstream judges its internal form, in which what all versions have in common stands once, above
//! them: errors name fields as that form does. See [`form`].

mod approval;
mod conversion;
mod defaults;
mod definition;
mod field_path;
mod form;
mod names;
mod schema;
mod structural;
mod tree;
mod version;

use super::Rules;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    (kind == "CustomResourceDefinition").then_some(definition::RULES)
}
