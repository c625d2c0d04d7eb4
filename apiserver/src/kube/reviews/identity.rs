//! `SelfSubjectReview` and `TokenReview`: who is it?

use super::{texts, user_info};
use crate::kube::access::Access;
use crate::kube::authn::known;
use crate::kube::user::User;
use xebec_core::edit;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

/// Who asks, as the server knows them.
pub fn own(user: &User) -> Object {
    let mut status = Object::new();
    status.push("userInfo", Value::Object(user_info(user)));
    status
}

/// Whose a token is.
pub async fn of_token(access: &Access, review: &Object) -> Result<Object, Status> {
    let token = edit::text(review, &["spec", "token"]);
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let audiences = edit::items(review, &["spec", "audiences"]);
    let audiences: Vec<String> =
        audiences.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut status = Object::new();
    match access.authentication.tokens().authenticate(token, &audiences).await {
        Ok(bearer) => {
            status.push("authenticated", true.into());
            status.push("user", Value::Object(user_info(&known(bearer.user))));
            if !bearer.audiences.is_empty() {
                status.push("audiences", texts(&bearer.audiences));
            }
        }
        Err(why) => {
            status.push("user", Value::Object(Object::new()));
            status.push("error", why.into());
        }
    }
    Ok(status)
}
