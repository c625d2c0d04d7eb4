//! Reviews: questions about access, asked by creating an object that is answered and not stored.

mod attributes;
mod identity;
mod rules;
mod subject;

use super::api::Api;
use super::call::Call;
use super::found::Found;
use super::reply::{Answer, Reply};
use super::user::User;
use std::sync::Arc;
use xebec_core::codec::normal;
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

/// Answers a review that came in, completed with its defaults and managed fields.
pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found, mut object: Object) -> Answer {
    let access = &api.access;
    let status = match found.target().kind().1 {
        "SubjectAccessReview" => subject::review(access, subject::Asked::Anybody, &object)?,
        "LocalSubjectAccessReview" => {
            subject::review(access, subject::Asked::Inside(&call.info.namespace), &object)?
        }
        "SelfSubjectAccessReview" => {
            subject::review(access, subject::Asked::Own(&call.user), &object)?
        }
        "SelfSubjectRulesReview" => {
            let status = rules::review(access, &call.user, &object)?;
            object = blank(&object);
            object.push("spec", Value::Object(Object::new()));
            status
        }
        "SelfSubjectReview" => {
            object = blank(&object);
            let mut metadata = Object::new();
            metadata.push("creationTimestamp", call.now.to_seconds_text().into());
            object.insert("metadata", Value::Object(metadata));
            identity::own(&call.user)
        }
        "TokenReview" => identity::of_token(access, &object).await?,
        _ => return Err(Status::internal("no such review")),
    };
    object.insert("status", Value::Object(status));
    let target = found.target();
    normal::complete(target.schema(), target.message(), &mut object);
    Ok(Reply::Object { code: 201, object })
}

/// An answer that shows nothing of what was asked.
fn blank(asked: &Object) -> Object {
    let mut object = Object::new();
    for name in ["kind", "apiVersion"] {
        if let Some(value) = asked.get(name) {
            object.push(name, value.clone());
        }
    }
    object.push("metadata", Value::Object(Object::new()));
    object
}

/// A user as reviews show it.
fn user_info(user: &User) -> Object {
    let mut info = Object::new();
    for (name, text) in [("username", &user.name), ("uid", &user.uid)] {
        if !text.is_empty() {
            info.push(name, text.as_str().into());
        }
    }
    if !user.groups.is_empty() {
        info.push("groups", texts(&user.groups));
    }
    if !user.extra.is_empty() {
        let mut extra = Object::new();
        for (key, values) in &user.extra {
            extra.push(key.as_str(), texts(values));
        }
        info.push("extra", Value::Object(extra));
    }
    info
}

fn texts(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(|text| text.as_str().into()).collect())
}
