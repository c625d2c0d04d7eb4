//! Before an update.

use super::metadata::{
    complete, finalizers, metadata, name, object_namespace_matches, open, resource_version, settle,
    uid,
};
use super::rules::allows_unconditional_update;
use crate::custom;
use crate::edit;
use crate::field_error::FieldError;
use crate::status::Status;
use crate::strategy::{self, Context};
use crate::target::Target;
use crate::value::{Object, Value};

/// What is stored where an update goes.
#[derive(Debug, Clone, Copy)]
pub struct Existing<'e> {
    pub object: &'e Object,
    /// The revision in which it was written.
    pub version: u64,
}

/// The object must carry the name and the namespace of its URL.
pub fn check_name(object: &Object, wanted: &str, namespace: Option<&str>) -> Result<(), Status> {
    let given = name(object);
    if given.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be \
             provided"
        )));
    }
    if given != wanted {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({wanted})"
        )));
    }
    let given = edit::text(metadata(object), &["namespace"]);
    match namespace {
        Some(wanted) if !given.is_empty() && given != wanted => Err(Status::bad_request(format!(
            "the namespace of the object ({given}) does not match the namespace on the request \
             ({wanted})"
        ))),
        _ => Ok(()),
    }
}

/// A replacement that names a uid is meant for that object and no other. `existing` is absent
/// where the update would create the object. Not asked of patches.
pub fn check_uid(
    target: Target<'_>,
    object: &Object,
    existing: Option<&Object>,
) -> Result<(), Status> {
    let (wanted, held) = (uid(object), existing.map_or("", uid));
    if wanted.is_empty() || wanted == held {
        return Ok(());
    }
    let name = name(object);
    let namespace = super::metadata::namespace(object);
    let namespace = Some(namespace).filter(|_| target.resource.namespaced);
    let key = target.resource.key(namespace, name);
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object \
         meta: {held}"
    );
    Err(Status::conflict(target.group_resource(), name, why))
}

/// The version that an update replaces must be the stored one; `object` still carries what the
/// client gave.
pub fn check_version(
    target: Target<'_>,
    object: &Object,
    existing: Existing<'_>,
) -> Result<(), Status> {
    let given = resource_version(object)?;
    let name = name(existing.object);
    if given == 0 && allows_unconditional_update(target) {
        return Ok(());
    }
    if given == 0 {
        let error = FieldError::invalid(
            "metadata.resourceVersion",
            &Value::Int(0),
            "must be specified for an update",
        );
        return Err(Status::invalid(target.group_resource(), name, &[error]));
    }
    if given != existing.version {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        return Err(Status::conflict(target.group_resource(), name, why));
    }
    Ok(())
}

/// Carries over what an update cannot change, and prepares the object as its kind does. Managed
/// fields and mutating admission come before, validation after.
pub fn before_update(
    target: Target<'_>,
    new: &mut Object,
    old: &Object,
    context: &Context<'_>,
) -> Result<(), Status> {
    let namespace = context.namespace.filter(|_| target.resource.namespaced);
    object_namespace_matches(new, namespace)?;
    let before = metadata(old);
    let kept = |name: &str| before.get(name).cloned();
    let meta = open(new);
    settle(meta, "generation", kept("generation"));
    complete(meta);
    strategy::prepare_for_update(target, new, old, context);
    let meta = open(new);
    if meta.get("uid").is_none() {
        settle(meta, "uid", kept("uid"));
    }
    for name in ["creationTimestamp", "deletionTimestamp"] {
        if before.get(name).is_some_and(|time| !time.is_null()) {
            settle(meta, name, kept(name));
        }
    }
    if meta.get("deletionGracePeriodSeconds").is_none() {
        settle(meta, "deletionGracePeriodSeconds", kept("deletionGracePeriodSeconds"));
    }
    complete(meta);
    if target.resource.custom {
        custom::arrange(new);
    }
    Ok(())
}

/// Whether an update is the end of an object: it was deleted before, and now nothing holds it.
pub fn deletes_now(target: Target<'_>, new: &Object, old: &Object) -> bool {
    let before = metadata(old);
    let has_grace =
        edit::int(before, &["deletionGracePeriodSeconds"]).is_some_and(|left| left != 0);
    let is_held_by_spec =
        target.kind() == ("", "Namespace") && !edit::items(new, &["spec", "finalizers"]).is_empty();
    edit::at(before, &["deletionTimestamp"]).is_some()
        && finalizers(new).is_empty()
        && !has_grace
        && !is_held_by_spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Registry, Selection};

    fn parse(text: &str) -> Object {
        match serde_json::from_str(text).expect("valid JSON") {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    fn refused(group: &str, plural: &str, object: &str) -> (String, String) {
        let registry = Registry::built_in(Selection::All);
        let resource = registry.find_resource(group, plural).expect("a built-in resource");
        let target = Target::stored(resource);
        let (object, old) = (parse(object), parse(r#"{"metadata":{"name":"a","uid":"u"}}"#));
        let text =
            |outcome: Result<(), Status>| outcome.map_or_else(|s| s.message, |()| "ok".into());
        let existing = Existing { object: &old, version: 7 };
        (
            text(check_uid(target, &object, Some(&old))),
            text(check_version(target, &object, existing)),
        )
    }

    #[test]
    fn an_update_says_what_it_replaces() {
        let (uid, version) =
            refused("", "configmaps", r#"{"metadata":{"name":"a","namespace":"n","uid":"x"}}"#);
        assert_eq!(
            uid,
            r#"Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: /registry/configmaps/n/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: u"#
        );
        assert_eq!(version, "ok");
        let (uid, version) =
            refused("coordination.k8s.io", "leases", r#"{"metadata":{"name":"a"}}"#);
        assert_eq!(uid, "ok");
        assert_eq!(
            version,
            r#"leases.coordination.k8s.io "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"#
        );
        let stale = r#"{"metadata":{"name":"a","resourceVersion":"6"}}"#;
        assert_eq!(
            refused("", "pods", stale).1,
            r#"Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again"#
        );
    }

    #[test]
    fn the_last_finalizer_is_the_end_of_what_was_deleted() {
        let registry = Registry::built_in(Selection::All);
        let deletes = |plural: &str, new: &str, old: &str| {
            let resource = registry.find_resource("", plural).expect("a built-in resource");
            deletes_now(Target::stored(resource), &parse(new), &parse(old))
        };
        let dying = r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":0,"finalizers":["a"]}}"#;
        let waiting = dying.replace(":0,", ":30,");
        let free = r#"{"metadata":{}}"#;
        assert!(deletes("configmaps", free, dying));
        assert!(!deletes("configmaps", dying, dying));
        assert!(!deletes("configmaps", free, free));
        assert!(!deletes("pods", free, &waiting));
        assert!(!deletes("namespaces", r#"{"spec":{"finalizers":["kubernetes"]}}"#, dying));
    }
}
