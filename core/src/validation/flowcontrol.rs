//! The group `flowcontrol.apiserver.k8s.io`: FlowSchemas and PriorityLevelConfigurations.

mod flow_schema;
mod mandatory;
mod priority_level;

use super::check;
use super::fields::{Fields, Seen};
use super::path::Path;
use super::{Errors, Rules};
use crate::field_error::FieldError;
use crate::value::Object;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "FlowSchema" => flow_schema::RULES,
        "PriorityLevelConfiguration" => priority_level::RULES,
        _ => return None,
    })
}

/// A status is a list of conditions, each of a type of its own.
fn status(object: &Object, errors: &mut Errors) {
    let path = Path::root("status.conditions");
    let mut seen = Seen::default();
    for (at, condition) in object.part("status").objects("conditions") {
        let path = path.index(at);
        let path = path.child("type");
        let kind = condition.text("type");
        if seen.again(kind) {
            errors.push(FieldError::duplicate(path, kind));
        }
        check::required(errors, path, kind, "must not be empty");
    }
}
