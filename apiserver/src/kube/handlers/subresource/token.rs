//! A token for a service account, made on request.

use crate::kube::api::Api;
use crate::kube::authn::jwt;
use crate::kube::authn::service_account::ServiceAccounts;
use crate::kube::call::Call;
use crate::kube::clock;
use crate::kube::decode::{BodyKind, Decoded};
use crate::kube::found::Found;
use crate::kube::handlers::managed::{name_of, writer};
use crate::kube::object::{meta, metadata_mut};
use crate::kube::options::{OptionsKind, WriteOptions};
use crate::kube::reply::{Answer, Reply};
use crate::kube::storage::Storage;
use std::sync::Arc;
use xebec_core::apply::{Filter, Manager};
use xebec_core::codec::normal;
use xebec_core::edit;
use xebec_core::field_error::{FieldError, quoted};
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_store::View;

const KIND: GroupName<'_> = GroupName { group: "authentication.k8s.io", name: "TokenRequest" };
const EXPIRATION_S: i64 = 3_600;
const EXPIRATION_S_MIN: i64 = 600;
const EXPIRATION_S_MAX: i64 = 1 << 32;

/// What the kubelet asks for where a pod's author did not say: upstream's mark of tokens that hold
/// longer than they say, so that clients which never read them again go on.
const USUAL_EXPIRATION_S: i64 = 3_607;
const EXTENDED_EXPIRATION_S: i64 = 365 * 24 * 3_600;

pub async fn create(api: &Arc<Api>, call: &mut Call, found: &Found) -> Answer {
    let Some(accounts) = api.access.authentication.tokens().accounts() else {
        return Err(Status::no_such_resource());
    };
    let options = WriteOptions::parse(call, OptionsKind::Create)?;
    let kind = BodyKind::of(found);
    let decoded = kind.decode(call, options.validation)?;
    let mut request = receive(call, &kind, decoded, &options)?;
    check_place(call, &request)?;
    let view = api.storage.view().await?;
    let account = get(&view, ("", "serviceaccounts"), &call.info.namespace, &call.info.name)?;
    complete(call, accounts, &mut request);
    let seconds = edit::int(&request, &["spec", "expirationSeconds"]).unwrap_or_default();
    check_expiration(seconds)?;
    let bound = bound(&view, call, &request)?;
    let seconds = shorten(call, accounts, &mut request, seconds);
    let claims = claims(call, accounts, (&account, &bound), (&request, seconds));
    let token = jwt::sign(&accounts.signer, &claims);
    let mut status = Object::new();
    status.push("token", token.into());
    let expires = Timestamp { seconds: call.now.seconds + seconds, nanos: 0 };
    status.push("expirationTimestamp", expires.to_seconds_text().into());
    request.insert("status", Value::Object(status));
    normal::complete(kind.schema, kind.message, &mut request);
    Ok(Reply::Object { code: 201, object: request })
}

/// The request with its managed fields and without what the system sets.
fn receive(
    call: &Call,
    kind: &BodyKind<'_>,
    decoded: Decoded,
    options: &WriteOptions,
) -> Result<Object, Status> {
    let Decoded { object: mut request, resets_managed_fields } = decoded;
    if matches!(request.get("metadata"), Some(Value::Object(_))) {
        metadata_mut(&mut request).retain(|name, _| {
            !matches!(
                name,
                "creationTimestamp"
                    | "uid"
                    | "deletionTimestamp"
                    | "deletionGracePeriodSeconds"
                    | "selfLink"
            )
        });
    }
    let spec = request.get_mut("spec").and_then(Value::as_object_mut);
    match spec {
        Some(spec) if spec.get("expirationSeconds").is_none_or(Value::is_null) => {
            spec.insert("expirationSeconds", Value::Int(EXPIRATION_S));
        }
        _ => {}
    }
    let manager = name_of(call, &options.field_manager);
    let versions = [(kind.api_version.as_str(), kind.message)];
    let fields = Manager {
        schema: kind.schema,
        id: kind.message,
        api_version: &kind.api_version,
        kind: kind.kind,
        subresource: "token",
        filter: &Filter::default(),
        versions: &versions,
    };
    fields.on_update(None, &mut request, resets_managed_fields, writer(&manager, call));
    Ok(request)
}

/// A name and a namespace in the body must be those of the URL.
fn check_place(call: &Call, request: &Object) -> Result<(), Status> {
    for (field, wanted, what) in
        [("name", &call.info.name, "name"), ("namespace", &call.info.namespace, "namespace")]
    {
        let given = meta(request, field);
        if !given.is_empty() && given != wanted {
            let why = format!("must match the service account {what} if specified");
            let error = FieldError::invalid(format!("metadata.{field}"), given, &why);
            return Err(Status::invalid(KIND, &call.info.name, &[error]));
        }
    }
    Ok(())
}

/// Fills in what the request left open.
fn complete(call: &Call, accounts: &ServiceAccounts, request: &mut Object) {
    if edit::items(request, &["spec", "audiences"]).is_empty() {
        let audiences = accounts.options().audiences.iter();
        let audiences = Value::Array(audiences.map(|one| one.as_str().into()).collect());
        if let Some(spec) = request.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("audiences", audiences);
        }
    }
    let metadata = metadata_mut(request);
    let mut given = std::mem::take(metadata);
    given.remove("name");
    given.remove("namespace");
    metadata.push("name", call.info.name.as_str().into());
    metadata.push("namespace", call.info.namespace.as_str().into());
    metadata.push("creationTimestamp", call.now.to_seconds_text().into());
    for (name, value) in given {
        metadata.push(name, value);
    }
}

fn check_expiration(seconds: i64) -> Result<(), Status> {
    let why = match seconds {
        ..EXPIRATION_S_MIN => "may not specify a duration less than 10 minutes",
        EXPIRATION_S_MIN..=EXPIRATION_S_MAX => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = FieldError::invalid("spec.expirationSeconds", &Value::Int(seconds), why);
    Err(Status::invalid(KIND, "", &[error]))
}

/// The life of the token as it will be told.
fn shorten(call: &mut Call, accounts: &ServiceAccounts, request: &mut Object, seconds: i64) -> i64 {
    let Some(most) = accounts.options().expiration_s_max.filter(|most| seconds > *most) else {
        return seconds;
    };
    call.warn([format!("requested expiration of {seconds} seconds shortened to {most} seconds")]);
    if let Some(spec) = request.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("expirationSeconds", Value::Int(most));
    }
    most
}

/// What a token depends on beside its service account.
#[derive(Default)]
struct Bound {
    pod: Option<Object>,
    secret: Option<Object>,
    /// Name and uid; a node may be gone.
    node: Option<(String, String)>,
}

fn bound(view: &View, call: &Call, request: &Object) -> Result<Bound, Status> {
    let Some(reference) = edit::object(request, &["spec", "boundObjectRef"]) else {
        return Ok(Bound::default());
    };
    let text = |name: &str| edit::text(reference, &[name]);
    let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
    let (kind, name, namespace) = (text("kind"), text("name"), &call.info.namespace);
    let mut bound = Bound::default();
    let held = match (group, kind) {
        ("", "Pod") => {
            let pod = get(view, ("", "pods"), namespace, name)?;
            if edit::text(&pod, &["spec", "serviceAccountName"]) != call.info.name {
                return Err(Status::bad_request(format!(
                    "cannot bind token for serviceaccount {} to pod running with different \
                     serviceaccount name.",
                    quoted(&call.info.name)
                )));
            }
            let node = edit::text(&pod, &["spec", "nodeName"]);
            if !node.is_empty() {
                let object = get(view, ("", "minions"), "", node).ok();
                let uid = object.as_ref().map(|node| meta(node, "uid")).unwrap_or_default();
                bound.node = Some((node.to_owned(), uid.to_owned()));
            }
            bound.pod.insert(pod)
        }
        ("", "Secret") => bound.secret.insert(get(view, ("", "secrets"), namespace, name)?),
        ("", "Node") => {
            let node = get(view, ("", "minions"), "", name)?;
            let uid = meta(&node, "uid").to_owned();
            check_uid(&uid, text("uid"), kind, name)?;
            bound.node = Some((name.to_owned(), uid));
            return Ok(bound);
        }
        _ => {
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    check_uid(meta(held, "uid"), text("uid"), kind, name)?;
    Ok(bound)
}

fn check_uid(held: &str, asked: &str, kind: &str, name: &str) -> Result<(), Status> {
    if asked.is_empty() || asked == held {
        return Ok(());
    }
    let why = format!(
        "the UID in the bound object reference ({asked}) does not match the UID in record. The \
         object might have been deleted and then recreated"
    );
    Err(Status::conflict(GroupName { group: "", name: kind }, name, why))
}

/// An object by the name of its keys; 404 if it is not there.
fn get(
    view: &View,
    (group, keys): (&str, &str),
    namespace: &str,
    name: &str,
) -> Result<Object, Status> {
    let slash = if namespace.is_empty() { "" } else { "/" };
    let stored = Storage::read(view, &format!("/registry/{keys}/{namespace}{slash}{name}"))?;
    let resource = if keys == "minions" { "nodes" } else { keys };
    stored.ok_or_else(|| Status::not_found(GroupName { group, name: resource }, name))?.object()
}

/// What the token says, in the order of names: upstream's.
fn claims(
    call: &Call,
    accounts: &ServiceAccounts,
    (account, bound): (&Object, &Bound),
    (request, seconds): (&Object, i64),
) -> Value {
    let options = accounts.options();
    let audiences = edit::items(request, &["spec", "audiences"]);
    let for_us = audiences
        .iter()
        .filter_map(Value::as_str)
        .all(|one| options.audiences.iter().any(|own| own == one));
    let extends =
        options.extend_expiration && bound.pod.is_some() && seconds == USUAL_EXPIRATION_S && for_us;
    let now = call.now.seconds;
    let life = if extends { EXTENDED_EXPIRATION_S } else { seconds };
    let reference = |name: &str, uid: &str| {
        let mut reference = Object::new();
        reference.push("name", name.into());
        if !uid.is_empty() {
            reference.push("uid", uid.into());
        }
        Value::Object(reference)
    };
    let to = |object: &Object| reference(lifecycle::name(object), meta(object, "uid"));
    let mut private = Object::new();
    private.push("namespace", call.info.namespace.as_str().into());
    if let Some((name, uid)) = &bound.node {
        private.push("node", reference(name, uid));
    }
    for (name, object) in [("pod", &bound.pod), ("secret", &bound.secret)] {
        if let Some(object) = object {
            private.push(name, to(object));
        }
    }
    private.push("serviceaccount", to(account));
    if extends {
        private.push("warnafter", Value::Int(now + seconds));
    }
    let mut claims = Object::new();
    claims.push("aud", Value::Array(audiences.to_vec()));
    claims.push("exp", Value::Int(now + life));
    claims.push("iat", Value::Int(now));
    claims.push("iss", options.issuers[0].as_str().into());
    claims.push("jti", clock::uid().into());
    claims.push("kubernetes.io", Value::Object(private));
    claims.push("nbf", Value::Int(now));
    let subject =
        crate::kube::user::User::service_account_name(&call.info.namespace, &call.info.name);
    claims.push("sub", subject.into());
    Value::Object(claims)
}
