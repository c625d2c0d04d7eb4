//! The group `coordination.k8s.io`: Leases and LeaseCandidates.

use super::check;
use super::fields::Fields;
use super::path::Path;
use super::{Errors, Rules, meta};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::value::{Object, Value};

const OLDEST: &str = "OldestEmulationVersion";

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "Lease" => Rules { create, update, warnings: |_, _, _, _| {} },
        "LeaseCandidate" => {
            Rules { create: candidate_create, update: candidate_update, warnings: |_, _, _, _| {} }
        }
        _ => return None,
    })
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), errors);
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::common_on_update(new, old, errors);
    spec(new.part("spec"), errors);
}

fn spec(spec: &Object, errors: &mut Errors) {
    let path = Path::root("spec");
    if let Some(duration_s) = spec.int("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        let path = path.child("leaseDurationSeconds");
        errors.push(FieldError::invalid(path, &Value::Int(duration_s), "must be greater than 0"));
    }
    check::not_negative(errors, &path.child("leaseTransitions"), spec.int("leaseTransitions"));
    let strategy = spec.value("strategy").and_then(Value::as_str);
    if let Some(strategy) = strategy {
        self::strategy(strategy, &path.child("strategy"), errors);
    }
    if !spec.text("preferredHolder").is_empty() && strategy.unwrap_or_default().is_empty() {
        let detail = "may only be specified if `strategy` is defined";
        errors.push(FieldError::forbidden(path.child("preferredHolder"), detail));
    }
}

/// A name of Kubernetes' own, or one with a domain.
fn strategy(strategy: &str, path: &Path<'_>, errors: &mut Errors) {
    let path = path.child("strategy");
    if strategy.contains('/') {
        check::label_key(errors, path, strategy);
    } else {
        check::one_of(errors, path, strategy, &[OLDEST]);
    }
}

fn candidate_name(name: &str, _: bool) -> Vec<String> {
    names::config_key(name)
}

fn candidate_create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::plain_on_create(target, object, candidate_name, errors);
    candidate(object.part("spec"), errors);
}

fn candidate_update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::common_on_update(new, old, errors);
    candidate(new.part("spec"), errors);
    let (new, old) = (new.part("spec"), old.part("spec"));
    let path = Path::root("spec.leaseName");
    check::immutable(errors, &path, new.value("leaseName"), old.value("leaseName"), "\"\"");
}

fn candidate(spec: &Object, errors: &mut Errors) {
    let path = Path::root("spec");
    check::required(errors, path.child("leaseName"), spec.text("leaseName"), "");
    let mut version = |name: &str| {
        let text = spec.text(name);
        if !text.is_empty() && semantic_version(text).is_none() {
            let detail = "must be a valid semantic version";
            errors.push(FieldError::invalid(path.child(name), text, detail));
        }
        semantic_version(text)
    };
    let (emulation, binary) = (version("emulationVersion"), version("binaryVersion"));
    if let (Some(emulation), Some(binary)) = (&emulation, &binary)
        && binary < emulation
    {
        let detail = "must be greater than or equal to `emulationVersion`";
        let path = path.child("binaryVersion");
        errors.push(FieldError::invalid(path, spec.text("binaryVersion"), detail));
    }
    let strategy_text = spec.text("strategy");
    if strategy_text == OLDEST {
        for (name, version) in [("binaryVersion", &binary), ("emulationVersion", &emulation)] {
            if version.as_ref().is_none_or(|version| *version == [0; 3]) {
                let detail = "must be specified when `strategy` is 'OldestEmulationVersion'";
                errors.push(FieldError::required(path.child(name), detail));
            }
        }
    }
    if strategy_text.is_empty() {
        errors.push(FieldError::required(path.child("strategy"), ""));
    } else {
        strategy(strategy_text, &path.child("strategy"), errors);
    }
}

/// The three numbers of a version; what follows a `-` or a `+` does not matter here.
fn semantic_version(text: &str) -> Option<[u64; 3]> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = [0; 3];
    let mut parts = core.split('.');
    for number in &mut numbers {
        let part = parts.next()?;
        let padded = part.len() > 1 && part.starts_with('0');
        *number = part.parse().ok().filter(|_| !padded && !part.starts_with('+'))?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(semantic_version("1.36.0-alpha.1+x"), Some([1, 36, 0]));
        for bad in ["", "1.36", "1.36.01", "v1.36.0", "1.36.0.1"] {
            assert_eq!(semantic_version(bad), None, "{bad}");
        }
    }
}
