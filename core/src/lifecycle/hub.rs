//! What upstream's way through its internal versions does to an object: fields that are two forms
//! of one thing are brought in step. Before managed fields are settled and after defaults.

use crate::edit::{self, Edit};
use crate::lifecycle::{metadata, set_metadata};
use crate::strategy::pod_spec_path;
use crate::target::Target;
use crate::value::{Object, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Brings an object in normal form of its stored version into the form that upstream's conversion
/// leaves. Doing it twice changes nothing.
pub fn settle(target: Target<'_>, object: &mut Object) {
    match target.kind() {
        ("", "Secret") => merge_texts(target, object),
        ("", "Node") => settle_lists(target, object, &["spec"], "podCIDR", "podCIDRs"),
        ("", "Pod") => {
            settle_addresses(target, object);
            settle_pod_spec(target, object, &["spec"]);
            drop_old_annotations(object);
        }
        ("apps", "DaemonSet") => count_template(object),
        ("apps", "StatefulSet") => name_claims(target, object),
        _ => {}
    }
    if let Some(path) = pod_spec_path(target).filter(|path| path.len() > 1) {
        settle_pod_spec(target, object, path);
    }
}

/// `stringData` is another way to write `data`.
fn merge_texts(target: Target<'_>, secret: &mut Object) {
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    let mut data = edit::object(secret, &["data"]).cloned().unwrap_or_default();
    for (key, text) in texts.iter() {
        let text = text.as_str().unwrap_or_default();
        edit::set_entry(&mut data, key, STANDARD.encode(text));
    }
    Edit::new(target, secret).set(&["data"], Value::Object(data));
}

/// The list holds the single value first; where they differ, the single one counts.
fn settle_lists(target: Target<'_>, object: &mut Object, holder: &[&str], one: &str, all: &str) {
    let (Some(held), path) = (edit::object(object, holder), |name| {
        holder.iter().copied().chain([name]).collect::<Vec<_>>()
    }) else {
        return;
    };
    let single = edit::text(held, &[one]);
    let first = edit::items(held, &[all]).first().and_then(Value::as_str).unwrap_or_default();
    if single.is_empty() && !first.is_empty() {
        let first = first.to_owned();
        Edit::new(target, object).set(&path(one), first);
    } else if single != first {
        let list = Value::Array(vec![single.into()]);
        Edit::new(target, object).set(&path(all), list);
    }
}

fn settle_addresses(target: Target<'_>, pod: &mut Object) {
    let single = edit::text(pod, &["status", "podIP"]);
    let first = edit::items(pod, &["status", "podIPs"]).first();
    let first = first.and_then(|one| one.get("ip")).and_then(Value::as_str).unwrap_or_default();
    if single.is_empty() && !first.is_empty() {
        let first = first.to_owned();
        Edit::new(target, pod).set(&["status", "podIP"], first);
    } else if single != first {
        let address: Object = std::iter::once(("ip".into(), single.into())).collect();
        let list = Value::Array(vec![Value::Object(address)]);
        Edit::new(target, pod).set(&["status", "podIPs"], list);
    }
}

/// `serviceAccount` is the older name of `serviceAccountName`.
fn settle_pod_spec(target: Target<'_>, object: &mut Object, path: &[&str]) {
    let Some(spec) = edit::object(object, path) else { return };
    let (name, alias) =
        (edit::text(spec, &["serviceAccountName"]), edit::text(spec, &["serviceAccount"]));
    if name == alias {
        return;
    }
    let name = if name.is_empty() { alias } else { name }.to_owned();
    if let Some(mut spec) = Edit::new(target, object).at(path) {
        spec.set(&["serviceAccountName"], name.as_str());
        spec.set(&["serviceAccount"], name.as_str());
    }
}

/// Init containers were annotations once.
fn drop_old_annotations(pod: &mut Object) {
    const OLD: [&str; 4] = [
        "pod.beta.kubernetes.io/init-containers",
        "pod.alpha.kubernetes.io/init-containers",
        "pod.beta.kubernetes.io/init-container-statuses",
        "pod.alpha.kubernetes.io/init-container-statuses",
    ];
    let Some(annotations) = edit::object(metadata(pod), &["annotations"]) else { return };
    if !annotations.iter().any(|(name, _)| OLD.contains(&name)) {
        return;
    }
    let mut kept = annotations.clone();
    kept.retain(|name, _| !OLD.contains(&name));
    let kept = (!kept.is_empty()).then_some(Value::Object(kept));
    set_metadata(pod, "annotations", kept);
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// A DaemonSet always tells the generation of its template.
fn count_template(object: &mut Object) {
    let annotations = edit::object(metadata(object), &["annotations"]);
    if annotations.is_some_and(|annotations| annotations.get(TEMPLATE_GENERATION).is_some()) {
        return;
    }
    let mut annotations = annotations.cloned().unwrap_or_default();
    edit::set_entry(&mut annotations, TEMPLATE_GENERATION, "0");
    set_metadata(object, "annotations", Some(Value::Object(annotations)));
}

/// The templates of claims say what they are.
fn name_claims(target: Target<'_>, object: &mut Object) {
    Edit::new(target, object).each(&["spec", "volumeClaimTemplates"], |mut claim| {
        if edit::text(claim.object(), &["kind"]) != "PersistentVolumeClaim" {
            claim.name("PersistentVolumeClaim", "v1");
        }
    });
}
