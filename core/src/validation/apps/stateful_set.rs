//! StatefulSets.

use super::rollout::{amount, not_above_all};
use super::selected::{self, Wording, at_most, counts};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::core_group::pvc;
use crate::validation::fields::{Fields, Seen, same};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::pod;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

const WORDING: Wording = Wording {
    empty: "empty selector is invalid for statefulset",
    unreadable: "",
    deadline: "activeDeadlineSeconds in StatefulSet is not Supported",
};

const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// What an update does not judge again.
#[derive(Clone, Copy, Default)]
struct Stored {
    /// Names and claims, which never change.
    fixed: bool,
    /// The template: what is stored would not pass.
    template: bool,
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::label, errors);
    spec(object.part("spec"), None, Stored::default(), errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        let path = Path::root("status");
        status(new.part("status"), &path, errors);
        meta::on_update(new, old, errors);
        selected::collisions(new.part("status"), old.part("status"), &path, errors);
        return;
    }
    meta::on_update(new, old, errors);
    let mut held = Errors::new();
    spec(old.part("spec"), None, Stored { fixed: true, template: false }, &mut held);
    let stored = Stored { fixed: true, template: !held.is_empty() };
    spec(new.part("spec"), Some(old.part("spec")), stored, errors);
    let (new, old) = (new.part("spec"), old.part("spec"));
    let fields = new.iter().chain(old.iter()).map(|(name, _)| name);
    let mut fixed = fields.filter(|name| !MUTABLE.contains(name));
    if fixed.any(|name| !same(new.value(name), old.value(name))) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                      'template', 'updateStrategy', 'revisionHistoryLimit', \
                      'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.push(FieldError::forbidden("spec", detail));
    }
}

fn spec(spec: &Object, old: Option<&Object>, stored: Stored, errors: &mut Errors) {
    let path = Path::root("spec");
    management(spec, &path, errors);
    update_strategy(spec.part("updateStrategy"), &path.child("updateStrategy"), errors);
    retention(spec, &path.child("persistentVolumeClaimRetentionPolicy"), errors);
    for name in ["replicas", "minReadySeconds"] {
        check::not_negative(errors, &path.child(name), spec.int(name));
    }
    let start = spec.part("ordinals").int("start");
    check::not_negative(errors, &path.child("ordinals.start"), start);
    let service = spec.text("serviceName");
    if !stored.fixed && !service.is_empty() {
        check::dns_label(errors, path.child("serviceName"), service);
    }
    if !stored.fixed {
        claims(spec, &path.child("volumeClaimTemplates"), errors);
    }
    selected::selector(spec, &WORDING, &path, errors);
    if selected::readable(spec, &WORDING, &path, errors) {
        selected::template_labels(spec, &path, errors);
        if !stored.template {
            let old = old.map(|old| old.part("template"));
            let (template, path) = (with_claims(spec), path.child("template"));
            pod::template(&template, old, &path, errors);
            // Upstream looks twice at these.
            pod::template_metadata(&template, old, &path, errors);
        }
    }
    selected::always_restarted(spec.part("template"), &WORDING, &path, errors);
}

fn claims(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, claim) in spec.objects("volumeClaimTemplates") {
        let path = path.index(at);
        pvc::inline(claim.part("spec"), &path.child("spec"), errors);
    }
}

/// The template of Pods with a volume for each claim, which takes the place of one of its name.
fn with_claims(spec: &Object) -> Object {
    let mut template = spec.part("template").clone();
    let mut volumes = Vec::new();
    for (_, claim) in spec.objects("volumeClaimTemplates") {
        let name = claim.part("metadata").text("name");
        let mut source = Object::new();
        source.push("claimName", name.into());
        let mut volume = Object::new();
        volume.push("name", name.into());
        volume.push("persistentVolumeClaim", Value::Object(source));
        volumes.push(Value::Object(volume));
    }
    if volumes.is_empty() {
        return template;
    }
    let mut claimed = Seen::default();
    for (_, claim) in spec.objects("volumeClaimTemplates") {
        claimed.again(claim.part("metadata").text("name"));
    }
    let mut pod = template.part("spec").clone();
    let own = pod.objects("volumes").filter(|(_, volume)| !claimed.has(volume.text("name")));
    volumes.extend(own.map(|(_, volume)| Value::Object(volume.clone())));
    pod.insert("volumes", Value::Array(volumes));
    template.insert("spec", Value::Object(pod));
    template
}

fn management(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("podManagementPolicy");
    match spec.text("podManagementPolicy") {
        "" => errors.push(FieldError::required(path, "")),
        "OrderedReady" | "Parallel" => {}
        other => {
            let detail = "must be 'OrderedReady' or 'Parallel'";
            errors.push(FieldError::invalid(path, other, detail));
        }
    }
}

fn update_strategy(strategy: &Object, path: &Path<'_>, errors: &mut Errors) {
    let rolling = strategy.object("rollingUpdate");
    match (strategy.text("type"), rolling) {
        ("", _) => errors.push(FieldError::required(path, "")),
        ("OnDelete", None) | ("RollingUpdate", None) => {}
        ("OnDelete", Some(rolling)) => {
            let value = Value::Object(rolling.clone());
            let message = "k8s.io.api.apps.v1.RollingUpdateStatefulSetStrategy";
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            let path = path.child("rollingUpdate");
            errors.push(internal::invalid(&path, message, Some(&value), detail));
        }
        ("RollingUpdate", Some(rolling)) => {
            rolling_update(rolling, &path.child("rollingUpdate"), errors);
        }
        _ => {
            let value = Value::Object(strategy.clone());
            let message = "k8s.io.api.apps.v1.StatefulSetUpdateStrategy";
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(internal::invalid(path, message, Some(&value), detail));
        }
    }
}

fn rolling_update(rolling: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::not_negative(errors, &path.child("partition"), rolling.int("partition"));
    let Some(unavailable) = rolling.value("maxUnavailable") else { return };
    let path = path.child("maxUnavailable");
    check::count_or_percent(errors, &path, Some(unavailable));
    if amount(Some(unavailable)) == 0 {
        errors.push(FieldError::invalid(path, unavailable, "cannot be 0"));
    }
    not_above_all(Some(unavailable), &path, errors);
}

fn retention(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(policy) = spec.object("persistentVolumeClaimRetentionPolicy") else { return };
    for name in ["whenDeleted", "whenScaled"] {
        check::one_of(errors, path.child(name), policy.text(name), &["Retain", "Delete"]);
    }
}

fn status(status: &Object, path: &Path<'_>, errors: &mut Errors) {
    let names = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    counts(status, &names, path, errors);
    let detail = "cannot be greater than status.replicas";
    for name in ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] {
        at_most(status, (name, "replicas"), detail, path, errors);
    }
    let detail = "cannot be greater than status.readyReplicas";
    at_most(status, ("availableReplicas", "readyReplicas"), detail, path, errors);
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    selected::warnings(target, new, old, found);
    let path = Path::root("spec.volumeClaimTemplates");
    for (at, claim) in new.part("spec").objects("volumeClaimTemplates") {
        if !target.subresource.is_empty() {
            break;
        }
        let path = path.index(at);
        // Upstream leaves this out at first, and miswrites it later.
        let spec = path.child("Spec");
        let path = if old.is_none() { &path } else { &spec };
        pvc::spec_warnings(claim.part("spec"), path, found);
    }
    let history = new.part("spec").int("revisionHistoryLimit");
    if target.subresource.is_empty() && history.is_some_and(|history| history < 0) {
        found.push(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value \
             >= 0 is recommended"
                .to_owned(),
        );
    }
}
