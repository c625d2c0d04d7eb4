//! DeviceClasses.

use super::shared::{self, CONFIGURATIONS_MAX, bounded, selectors};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, same};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_create(target, new, meta::subdomain, errors);
    meta::on_update(new, old, errors);
    spec(new.part("spec"), Some(old.part("spec")), errors);
}

fn spec(spec: &Object, old: Option<&Object>, errors: &mut Errors) {
    let path = Path::root("spec");
    selectors(spec, &path, errors);
    let stored = old.is_some_and(|old| same(spec.value("config"), old.value("config")));
    let config = path.child("config");
    if bounded(spec.list("config").len(), CONFIGURATIONS_MAX, &config, errors) {
        for (at, one) in spec.objects("config") {
            shared::configuration(one, stored, &config.index(at), errors);
        }
    }
    if let Some(name) = spec.value("extendedResourceName").and_then(Value::as_str)
        && !is_extended_resource(name)
    {
        let detail = "must be a valid extended resource name";
        errors.push(FieldError::invalid(path.child("extendedResourceName"), name, detail));
    }
}

/// A resource with a domain that is not Kubernetes' own, short enough for a quota to name it.
fn is_extended_resource(name: &str) -> bool {
    let domain = name.split_once('/').map(|(domain, _)| domain);
    let native =
        domain.is_none_or(|domain| domain == "kubernetes.io" || domain.ends_with(".kubernetes.io"));
    !native
        && !name.starts_with("requests.")
        && names::label_key(&format!("requests.{name}")).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_resources() {
        assert!(is_extended_resource("example.com/gpu"));
        for bad in ["gpu", "kubernetes.io/gpu", "x.kubernetes.io/gpu", "requests.a.com/gpu"] {
            assert!(!is_extended_resource(bad), "{bad}");
        }
    }
}
