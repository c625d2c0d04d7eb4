//! `SubjectAccessReview` and its kin: may somebody do something?

use super::attributes;
use crate::kube::access::Access;
use crate::kube::authz::Decision;
use crate::kube::user::User;
use xebec_core::edit;
use xebec_core::field_error::{FieldError, Reason};
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

/// About whom, and about where.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    Anybody,
    /// Anybody, in the namespace of the request.
    Inside(&'a str),
    /// Whoever asks.
    Own(&'a User),
}

/// The status of a review.
pub fn review(access: &Access, asked: Asked<'_>, review: &Object) -> Result<Object, Status> {
    let nothing = Object::EMPTY;
    let spec = edit::object(review, &["spec"]).unwrap_or(&nothing);
    let errors = validate(&asked, review, spec);
    if !errors.is_empty() {
        // Upstream knows no kind here.
        let of = GroupName { group: "authorization.k8s.io", name: "" };
        return Err(Status::invalid(of, "", &errors));
    }
    if let Asked::Inside(namespace) = asked
        && namespace != lifecycle::namespace(review)
    {
        return Err(Status::bad_request(format!(
            "spec.resourceAttributes.namespace must match namespace: {namespace}"
        )));
    }
    let named;
    let user = match asked {
        Asked::Own(user) => user,
        Asked::Anybody | Asked::Inside(_) => {
            named = subject(spec);
            &named
        }
    };
    let attributes = attributes::of(spec, user);
    let (decision, reason) = access.authorization.explain(&attributes);
    let mut status = Object::new();
    status.push("allowed", (decision == Decision::Allow).into());
    if decision == Decision::Deny {
        status.push("denied", true.into());
    }
    if !reason.is_empty() {
        status.push("reason", reason.into());
    }
    let ignored = attributes::ignored_selectors(spec);
    if !ignored.is_empty() {
        status.push("evaluationError", ignored.join("; ").into());
    }
    Ok(status)
}

/// The user that a specification describes.
fn subject(spec: &Object) -> User {
    let texts = |values: &[Value]| -> Vec<String> {
        values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let extra = edit::object(spec, &["extra"]).into_iter().flat_map(Object::iter);
    User {
        name: edit::text(spec, &["user"]).to_owned(),
        uid: edit::text(spec, &["uid"]).to_owned(),
        groups: texts(edit::items(spec, &["groups"])),
        extra: extra
            .map(|(key, values)| (key.to_owned(), texts(values.as_array().unwrap_or_default())))
            .collect(),
    }
}

fn validate(asked: &Asked<'_>, review: &Object, spec: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    attributes::validate(spec, &mut errors);
    if !matches!(asked, Asked::Own(_))
        && edit::text(spec, &["user"]).is_empty()
        && edit::items(spec, &["groups"]).is_empty()
    {
        let why = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", why));
    }
    attributes::validate_selectors(spec, &mut errors);
    let inside = matches!(asked, Asked::Inside(_));
    if let Some(metadata) = review.get("metadata").filter(|metadata| has_more(metadata, inside)) {
        let why = if inside { "must be empty except for namespace" } else { "must be empty" };
        errors.push(FieldError::invalid("metadata", metadata, why));
    }
    if inside {
        let namespace = edit::text(spec, &["resourceAttributes", "namespace"]);
        let resource = edit::object(spec, &["resourceAttributes"]).is_some();
        if resource && namespace != lifecycle::namespace(review) {
            let at = "spec.resourceAttributes.namespace";
            errors.push(FieldError::invalid(at, namespace, "must match metadata.namespace"));
        }
        if let Some(path) = edit::object(spec, &["nonResourceAttributes"]) {
            let shown = attributes::as_internal(path);
            let at = "spec.nonResourceAttributes";
            let why = "disallowed on this kind of request";
            errors.push(FieldError::shown(Reason::Invalid, at, &shown, why));
        }
    }
    errors
}

/// True if there is metadata beside what the server itself has put in.
fn has_more(metadata: &Value, inside: bool) -> bool {
    metadata.as_object().is_some_and(|metadata| {
        metadata.iter().any(|(name, _)| name != "managedFields" && !(inside && name == "namespace"))
    })
}
