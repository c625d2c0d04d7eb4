//! Pods, and the templates of pods that other kinds carry.

pub(super) mod annotations;
pub(super) mod containers;
pub(super) mod env;
pub(super) mod handlers;
pub(super) mod mounts;
pub(super) mod options;
pub(super) mod resize;
pub(super) mod security;
pub(super) mod spec;
pub(super) mod status;
pub(super) mod update;
pub(super) mod warnings;
pub(super) mod windows;

#[cfg(test)]
mod tests;

pub(super) use options::Options;

use super::fields::{Fields, metadata};
use super::path::Path;
use super::{Errors, Rules, check, labels, meta};
use crate::field_error::FieldError;
use crate::target::Target;
use crate::value::Object;

pub(super) const RULES: Rules =
    Rules { create: on_create, update: on_update, warnings: pod_warnings };

fn on_create(target: Target<'_>, pod: &Object, errors: &mut Errors) {
    if target.subresource == "binding" {
        return binding(pod, errors);
    }
    let options = Options::new(true, None);
    metadata_and_spec(target, pod, &options, errors);
    let spec = pod.part("spec");
    let path = Path::root("spec");
    if !spec.list("ephemeralContainers").is_empty() {
        let path = path.child("ephemeralContainers");
        errors.push(FieldError::forbidden(path, "cannot be set on create"));
    }
    if !spec.text("nodeName").is_empty() && !spec.list("schedulingGates").is_empty() {
        let detail = "cannot be set until all schedulingGates have been cleared";
        errors.push(FieldError::forbidden(path.child("nodeName"), detail));
    }
    annotations::match_fields(metadata(pod), spec, &path, errors);
}

fn on_update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    let options = Options::new(true, Some(old));
    match target.subresource {
        "status" => status::update(new, old, &options, errors),
        "ephemeralcontainers" => update::ephemeral(target, new, old, errors),
        "resize" => resize::update(target, new, old, errors),
        _ => update::update(target, new, old, errors),
    }
}

/// What holds for a pod whenever it is written: metadata and specification.
fn metadata_and_spec(target: Target<'_>, pod: &Object, options: &Options, errors: &mut Errors) {
    meta::on_create(target, pod, meta::subdomain, errors);
    let (meta, spec) = (metadata(pod), pod.part("spec"));
    annotations::of(meta, spec, options, &Path::root("metadata").child("annotations"), errors);
    let path = Path::root("spec");
    spec::check(spec, Some(meta), options, &path, errors);
    if spec.text("serviceAccountName").is_empty() {
        no_tokens(spec, &path, errors);
    }
    for name in ["containers", "initContainers"] {
        for (at, container) in spec.objects(name) {
            let path = path.child(name);
            containers::only_in_pods(container, &path.index(at), errors);
        }
    }
}

/// Without an account there is nothing to make tokens for.
fn no_tokens(spec: &Object, path: &Path<'_>, errors: &mut Errors) {
    for (at, volume) in spec.objects("volumes") {
        for (source_at, source) in volume.part("projected").objects("sources") {
            if source.has("serviceAccountToken") {
                let path = path.child("volumes");
                let path = path.index(at);
                let path = path.child("projected.sources");
                let path = path.index(source_at);
                let detail = "must not be specified when serviceAccountName is not set";
                errors.push(FieldError::forbidden(path.child("serviceAccountToken"), detail));
            }
        }
    }
}

/// A `Binding`: which node a pod is bound to.
pub(super) fn binding(binding: &Object, errors: &mut Errors) {
    let target = binding.part("target");
    let kind = target.text("kind");
    if !kind.is_empty() {
        check::one_of(errors, "target.kind", kind, &["Node", "<empty>"]);
    }
    check::required(errors, "target.name", target.text("name"), "");
}

/// A `PodTemplateSpec`; `old` is the one it replaces, of which some odd values may stay.
pub fn template(new: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    template_metadata(new, old, path, errors);
    let options = Options::new(false, old);
    let (meta, spec) = (metadata(new), new.part("spec"));
    let path = path.child("spec");
    spec::check(spec, None, &options, &path, errors);
    annotations::match_fields(meta, spec, &path, errors);
    if !spec.list("ephemeralContainers").is_empty() {
        let detail = "ephemeral containers not allowed in pod template";
        errors.push(FieldError::forbidden(path.child("ephemeralContainers"), detail));
    }
}

/// The labels and annotations of a `PodTemplateSpec`.
pub fn template_metadata(new: &Object, old: Option<&Object>, path: &Path<'_>, errors: &mut Errors) {
    let options = Options::new(false, old);
    let (meta, spec) = (metadata(new), new.part("spec"));
    // Upstream leaves `metadata` out of these paths.
    labels::of(meta.part("labels"), &path.child("labels"), errors);
    meta::annotations(meta.part("annotations"), &path.child("annotations"), errors);
    annotations::of(meta, spec, &options, &path.child("annotations"), errors);
}

/// Warnings about a `PodTemplateSpec`.
pub fn template_warnings(
    new: &Object,
    _old: Option<&Object>,
    path: &Path<'_>,
    warnings: &mut Vec<String>,
) {
    warnings::of(new, Some(path), warnings);
}

fn pod_warnings(
    target: Target<'_>,
    new: &Object,
    old: Option<&Object>,
    warnings: &mut Vec<String>,
) {
    match (target.subresource, old) {
        ("binding", _) => {}
        (_, None) => warnings::on_create(new, warnings),
        ("status", Some(_)) => warnings::on_status(new, warnings),
        // Pods are updated often, and seldom by people.
        _ => {}
    }
}

/// The containers of a specification of all kinds, with their paths' ends.
pub(super) fn all_containers(
    spec: &Object,
) -> impl Iterator<Item = (&'static str, usize, &Object)> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(move |name| spec.objects(name).map(move |(at, container)| (name, at, container)))
}
