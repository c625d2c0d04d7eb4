//! The group `authentication.k8s.io`: questions of who somebody is, and requests for tokens. They
//! are never stored.

use super::fields::Fields;
use super::path::Path;
use super::{Errors, Rules};
use crate::field_error::FieldError;
use crate::value::{Object, Value};

const TOKEN_MIN_S: i64 = 600;
const TOKEN_MAX_S: i64 = 1 << 32;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    matches!(kind, "TokenReview" | "SelfSubjectReview").then_some(NOTHING)
}

const NOTHING: Rules =
    Rules { create: |_, _, _| {}, update: |_, _, _, _| {}, warnings: |_, _, _, _| {} };

/// A TokenRequest, which is posted to a ServiceAccount.
pub(super) const TOKEN_REQUEST: Rules =
    Rules { create: |_, request, errors| token_request(request, errors), ..NOTHING };

fn token_request(request: &Object, errors: &mut Errors) {
    let Some(expiration_s) = request.part("spec").int("expirationSeconds") else { return };
    let detail = if expiration_s < TOKEN_MIN_S {
        "may not specify a duration less than 10 minutes"
    } else if expiration_s > TOKEN_MAX_S {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return;
    };
    let path = Path::root("spec.expirationSeconds");
    errors.push(FieldError::invalid(path, &Value::Int(expiration_s), detail));
}
