//! [`Status`]: what a client is told of a failure, with upstream's reasons and texts.

use crate::field_error::{FieldError, quoted};
use crate::value::{Object, Value};
use std::fmt;

/// A failure as `metav1.Status` carries it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Box<Details>>,
    /// The token with which a list may go on though its state is gone; empty for all but that.
    pub continues: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    pub name: String,
    pub group: String,
    /// The resource, or for some reasons the kind.
    pub kind: String,
    pub uid: String,
    pub causes: Vec<Cause>,
    pub retry_after_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    pub reason: String,
    pub message: String,
    pub field: String,
}

/// A group and a resource (or kind) in it; written `deployments.apps`, or `pods` in the core group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupName<'a> {
    pub group: &'a str,
    pub name: &'a str,
}

impl fmt::Display for GroupName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

impl GroupName<'_> {
    fn details(&self, name: &str) -> Option<Box<Details>> {
        Some(Box::new(Details {
            name: name.to_owned(),
            group: self.group.to_owned(),
            kind: self.name.to_owned(),
            ..Details::default()
        }))
    }
}

impl Status {
    fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, continues: "".into() }
    }

    fn on(code: u16, reason: &'static str, of: GroupName<'_>, name: &str, message: String) -> Self {
        Self { details: of.details(name), ..Self::plain(code, reason, message) }
    }

    pub fn not_found(of: GroupName<'_>, name: &str) -> Self {
        let message = format!("{of} {} not found", quoted(name));
        Self::on(404, "NotFound", of, name, message)
    }

    /// No such path or resource at all.
    pub fn no_such_resource() -> Self {
        Self::plain(404, "NotFound", "the server could not find the requested resource")
            .with_details(Details::default())
    }

    pub fn already_exists(of: GroupName<'_>, name: &str) -> Self {
        let message = format!("{of} {} already exists", quoted(name));
        Self::on(409, "AlreadyExists", of, name, message)
    }

    pub fn generate_name_conflict(of: GroupName<'_>, name: &str) -> Self {
        let message = format!(
            "{of} {} already exists, the server was not able to generate a unique name for the \
             object",
            quoted(name)
        );
        Self::on(409, "AlreadyExists", of, name, message).retry_after(1)
    }

    pub fn conflict(of: GroupName<'_>, name: &str, why: impl fmt::Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {of} {}: {why}", quoted(name));
        Self::on(409, "Conflict", of, name, message)
    }

    pub fn apply_conflict(causes: Vec<Cause>, message: String) -> Self {
        Self::plain(409, "Conflict", message).with_details(Details { causes, ..Details::default() })
    }

    pub fn unauthorized() -> Self {
        Self::plain(401, "Unauthorized", "Unauthorized")
    }

    pub fn forbidden(of: GroupName<'_>, name: &str, why: impl fmt::Display) -> Self {
        let message = match (of.name, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{of} is forbidden: {why}"),
            _ => format!("{of} {} is forbidden: {why}", quoted(name)),
        };
        Self::on(403, "Forbidden", of, name, message)
    }

    /// `of` names the kind here, not the resource.
    pub fn invalid(of: GroupName<'_>, name: &str, errors: &[FieldError]) -> Self {
        let texts = distinct(errors);
        let message = match texts.as_slice() {
            [] => format!("{of} {} is invalid", quoted(name)),
            [one] => format!("{of} {} is invalid: {one}", quoted(name)),
            many => format!("{of} {} is invalid: [{}]", quoted(name), many.join(", ")),
        };
        let mut status = Self::on(422, "Invalid", of, name, message);
        if let Some(details) = &mut status.details {
            details.causes = errors.iter().map(Cause::from).collect();
        }
        status
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    pub fn method_not_allowed(of: GroupName<'_>, action: &str) -> Self {
        let kind = quoted(&of.to_string());
        let message = format!("{action} is not supported on resources of kind {kind}");
        Self::on(405, "MethodNotAllowed", of, "", message)
    }

    pub fn not_acceptable(accepted: &[&str]) -> Self {
        let message =
            format!("only the following media types are accepted: {}", accepted.join(", "));
        Self::plain(406, "NotAcceptable", message)
    }

    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::plain(415, "UnsupportedMediaType", message)
    }

    pub fn too_large(message: impl fmt::Display) -> Self {
        Self::plain(413, "RequestEntityTooLarge", format!("Request entity too large: {message}"))
    }

    /// A version that compaction has taken away (`410 Gone`, reason `Expired`).
    pub fn expired(message: impl Into<String>) -> Self {
        Self::plain(410, "Expired", message)
    }

    pub fn gone(message: impl Into<String>) -> Self {
        Self::plain(410, "Gone", message)
    }

    pub fn too_many_requests(message: impl Into<String>, retry_after_s: u32) -> Self {
        Self::plain(429, "TooManyRequests", message).retry_after(retry_after_s)
    }

    pub fn internal(why: impl fmt::Display) -> Self {
        let cause = Cause { message: why.to_string(), ..Cause::default() };
        Self::plain(500, "InternalError", format!("Internal error occurred: {why}"))
            .with_details(Details { causes: vec![cause], ..Details::default() })
    }

    pub fn server_timeout(of: GroupName<'_>, operation: &str, retry_after_s: u32) -> Self {
        let message = format!(
            "The {operation} operation against {of} could not be completed at this time, please \
             try again."
        );
        Self::on(500, "ServerTimeout", of, operation, message).retry_after(retry_after_s)
    }

    /// A failure that upstream does not classify: 500 without a reason.
    pub fn unclassified(message: impl Into<String>) -> Self {
        Self::plain(500, "", message)
    }

    /// A request that was understood and cannot be carried out; upstream keeps the details to
    /// itself.
    pub fn unprocessable() -> Self {
        Self::plain(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with_details(Details::default())
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::plain(503, "ServiceUnavailable", message)
    }

    pub fn timeout(message: impl fmt::Display, retry_after_s: u32) -> Self {
        Self::plain(504, "Timeout", format!("Timeout: {message}")).retry_after(retry_after_s)
    }

    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_s = seconds;
        self
    }

    #[must_use]
    pub fn continuing(self, token: String) -> Self {
        Self { continues: token.into(), ..self }
    }

    /// The object that a client receives.
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.push("kind", "Status".into());
        object.push("apiVersion", "v1".into());
        let mut metadata = Object::new();
        push_text(&mut metadata, "continue", &self.continues);
        object.push("metadata", Value::Object(metadata));
        object.push("status", "Failure".into());
        push_text(&mut object, "message", &self.message);
        push_text(&mut object, "reason", self.reason);
        if let Some(details) = &self.details {
            object.push("details", Value::Object(details.to_object()));
        }
        object.push("code", Value::Int(self.code.into()));
        object
    }
}

impl Details {
    fn to_object(&self) -> Object {
        let mut object = Object::new();
        for (name, text) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            push_text(&mut object, name, text);
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| Value::Object(cause.to_object()));
            object.push("causes", Value::Array(causes.collect()));
        }
        if self.retry_after_s > 0 {
            object.push("retryAfterSeconds", Value::Int(self.retry_after_s.into()));
        }
        object
    }
}

impl Cause {
    fn to_object(&self) -> Object {
        let mut object = Object::new();
        push_text(&mut object, "reason", &self.reason);
        push_text(&mut object, "message", &self.message);
        push_text(&mut object, "field", &self.field);
        object
    }
}

impl From<&FieldError> for Cause {
    fn from(error: &FieldError) -> Self {
        Self {
            reason: error.reason.as_str().to_owned(),
            message: error.body.clone(),
            field: error.field.clone(),
        }
    }
}

fn push_text(object: &mut Object, name: &str, text: &str) {
    if !text.is_empty() {
        object.push(name, text.into());
    }
}

/// The texts of the errors, each once, in order.
fn distinct(errors: &[FieldError]) -> Vec<String> {
    let mut texts = Vec::with_capacity(errors.len());
    let mut seen = std::collections::HashSet::new();
    for error in errors {
        let text = error.to_string();
        if seen.insert(text.clone()) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENTS: GroupName<'_> = GroupName { group: "apps", name: "deployments" };
    const PODS: GroupName<'_> = GroupName { group: "", name: "pods" };

    fn json(status: &Status) -> String {
        serde_json::to_string(&Value::Object(status.to_object())).expect("serializable")
    }

    #[test]
    fn not_found_names_the_resource_with_its_group() {
        assert_eq!(
            json(&Status::not_found(DEPLOYMENTS, "a")),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"deployments.apps \"a\" not found","reason":"NotFound","details":{"name":"a","group":"apps","kind":"deployments"},"code":404}"#
        );
    }

    #[test]
    fn invalid_lists_every_error_once_and_every_cause() {
        let one = FieldError::required("spec.a", "");
        let two = FieldError::invalid("spec.b", &Value::Int(-1), "must be positive");
        let of = GroupName { group: "", name: "Pod" };
        let status = Status::invalid(of, "p", &[one.clone(), two, one.clone()]);
        assert_eq!(
            status.message,
            r#"Pod "p" is invalid: [spec.a: Required value, spec.b: Invalid value: -1: must be positive]"#
        );
        assert_eq!(status.details.expect("details").causes.len(), 3);
        let single = Status::invalid(of, "p", &[one]);
        assert_eq!(single.message, r#"Pod "p" is invalid: spec.a: Required value"#);
    }

    #[test]
    fn forbidden_says_what_it_can() {
        let nothing = GroupName { group: "", name: "" };
        assert_eq!(Status::forbidden(nothing, "", "no").message, "forbidden: no");
        assert_eq!(Status::forbidden(PODS, "", "no").message, "pods is forbidden: no");
        assert_eq!(Status::forbidden(PODS, "x", "no").message, r#"pods "x" is forbidden: no"#);
    }
}
