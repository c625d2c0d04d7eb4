//! ServiceAccount: a pod runs as a service account that exists, and finds its token where clients
//! look for it.

mod secrets;

use super::{Operation, Plugin, Review};
use crate::kube::clock;
use std::sync::Arc;
use xebec_core::codec::json;
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle;
use xebec_core::schema::BUILT_IN;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const ACCOUNTS: GroupName<'static> = GroupName { group: "", name: "serviceaccounts" };
const DEFAULT_ACCOUNT: &str = "default";
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";
const ENFORCE_ANNOTATION: &str = "kubernetes.io/enforce-mountable-secrets";

pub struct ServiceAccount;

impl Plugin for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if review.operation != Operation::Create || !review.is_of("", "Pod") {
            return Ok(());
        }
        if is_mirror(object) {
            return Ok(());
        }
        if edit::text(object, &["spec", "serviceAccountName"]).is_empty() {
            let mut pod = Edit::new(review.target, object);
            pod.set(&["spec", "serviceAccountName"], DEFAULT_ACCOUNT);
            pod.set(&["spec", "serviceAccount"], DEFAULT_ACCOUNT);
        }
        let account = self.account_of(review, object)?;
        if mounts_token(&account, object) {
            mount_token(review, object);
        }
        let secrets = edit::items(&account, &["imagePullSecrets"]);
        if edit::items(object, &["spec", "imagePullSecrets"]).is_empty() && !secrets.is_empty() {
            let secrets = Value::Array(secrets.to_vec());
            Edit::new(review.target, object).set(&["spec", "imagePullSecrets"], secrets);
        }
        Ok(())
    }

    fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        let Some(pod) = object.filter(|_| review.target.kind() == ("", "Pod")) else {
            return Ok(());
        };
        match (review.operation, review.target.subresource) {
            (Operation::Create, "") if is_mirror(pod) => self.check_mirror(review, pod),
            (Operation::Create, "") => {
                let account = self.account_of(review, pod)?;
                self.check(review, (pod, &account), secrets::refusal)
            }
            (Operation::Update, "ephemeralcontainers") => {
                if edit::text(pod, &["spec", "serviceAccountName"]).is_empty() {
                    let (namespace, name) = (review.namespace, lifecycle::name(pod));
                    let why = format!("no service account specified for pod {namespace}/{name}");
                    return Err(review.forbidden(why));
                }
                let account = self.account_of(review, pod)?;
                self.check(review, (pod, &account), secrets::ephemeral_refusal)
            }
            _ => Ok(()),
        }
    }
}

impl ServiceAccount {
    fn account_of(&self, review: &Review<'_>, pod: &Object) -> Result<Arc<Object>, Status> {
        let name = edit::text(pod, &["spec", "serviceAccountName"]);
        let namespace = review.namespace;
        let account = review.object(ACCOUNTS, namespace, name)?;
        account.ok_or_else(|| {
            review.forbidden(format!(
                "error looking up service account {namespace}/{name}: serviceaccount {name:?} \
                 not found"
            ))
        })
    }

    /// A mirror pod only shows what a node runs: it uses nothing of the API.
    fn check_mirror(&self, review: &Review<'_>, pod: &Object) -> Result<(), Status> {
        if !edit::text(pod, &["spec", "serviceAccountName"]).is_empty() {
            return Err(review.forbidden("a mirror pod may not reference service accounts"));
        }
        if secrets::are_named(pod) {
            return Err(review.forbidden("a mirror pod may not reference secrets"));
        }
        let projected = edit::items(pod, &["spec", "volumes"]).iter().any(|volume| {
            let sources = volume.get("projected").and_then(|one| one.get("sources"));
            let sources = sources.and_then(Value::as_array).unwrap_or_default();
            sources.iter().any(|source| source.get("serviceAccountToken").is_some())
        });
        if projected {
            let why = "a mirror pod may not use ServiceAccountToken volume projections";
            return Err(review.forbidden(why));
        }
        Ok(())
    }

    /// Refuses secrets that an account does not name, if it says that it names all.
    fn check(
        &self,
        review: &Review<'_>,
        (pod, account): (&Object, &Object),
        refusal: fn(&Object, &Object) -> Option<String>,
    ) -> Result<(), Status> {
        let annotations = lifecycle::metadata(account).get("annotations");
        let enforce = annotations.and_then(|all| all.get(ENFORCE_ANNOTATION));
        let enforce = enforce.and_then(Value::as_str).unwrap_or_default();
        let is_enforced = matches!(enforce, "1" | "t" | "T" | "true" | "TRUE" | "True");
        let refused = if is_enforced { refusal(pod, account) } else { None };
        refused.map_or(Ok(()), |why| Err(review.forbidden(why)))
    }
}

fn is_mirror(pod: &Object) -> bool {
    let annotations = lifecycle::metadata(pod).get("annotations");
    annotations.is_some_and(|all| all.get(MIRROR_ANNOTATION).is_some())
}

/// The pod's word counts before the account's.
fn mounts_token(account: &Object, pod: &Object) -> bool {
    let said = |object: &Object, path: &[&str]| edit::at(object, path).and_then(Value::as_bool);
    said(pod, &["spec", "automountServiceAccountToken"])
        .or_else(|| said(account, &["automountServiceAccountToken"]))
        .unwrap_or(true)
}

/// Mounts the token into every container that has nothing at its place.
fn mount_token(review: &Review<'_>, pod: &mut Object) {
    let held = edit::items(pod, &["spec", "volumes"]).iter();
    let held = held.filter_map(|volume| volume.get("name")?.as_str());
    let held = held.filter(|name| name.starts_with(VOLUME_PREFIX)).map(str::to_owned).next();
    let is_new = held.is_none();
    let name = held.unwrap_or_else(|| format!("{VOLUME_PREFIX}{}", clock::name_suffix()));
    let mut mounted = false;
    let mut edit = Edit::new(review.target, pod);
    for list in ["initContainers", "containers"] {
        edit.each(&["spec", list], |mut container| {
            let mut mounts = edit::items(container.object(), &["volumeMounts"]).to_vec();
            let taken =
                |mount: &Value| mount.get("mountPath").and_then(Value::as_str) == Some(TOKEN_PATH);
            if !mounts.iter().any(taken) {
                mounts.push(mount(&name));
                container.set(&["volumeMounts"], Value::Array(mounts));
                mounted = true;
            }
        });
    }
    if mounted && is_new {
        let mut volumes = edit::items(pod, &["spec", "volumes"]).to_vec();
        volumes.push(volume(&name));
        Edit::new(review.target, pod).set(&["spec", "volumes"], Value::Array(volumes));
    }
}

fn mount(name: &str) -> Value {
    let fields = [
        ("name", Value::from(name)),
        ("readOnly", Value::Bool(true)),
        ("mountPath", TOKEN_PATH.into()),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Token, authority and namespace, as clients inside a pod expect them.
fn volume(name: &str) -> Value {
    let text = format!(
        r#"{{"name":"{name}","projected":{{"defaultMode":420,"sources":[
        {{"serviceAccountToken":{{"expirationSeconds":3607,"path":"token"}}}},
        {{"configMap":{{"name":"kube-root-ca.crt","items":[{{"key":"ca.crt","path":"ca.crt"}}]}}}},
        {{"downwardAPI":{{"items":[{{"path":"namespace","fieldRef":{{"apiVersion":"v1",
        "fieldPath":"metadata.namespace"}}}}]}}}}]}}}}"#
    );
    let message = BUILT_IN.find("k8s.io.api.core.v1.Volume").expect("a message of the table");
    let decoded = json::decode(&BUILT_IN, message, text.as_bytes()).expect("a volume");
    Value::Object(decoded.object)
}
