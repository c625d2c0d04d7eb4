//! Compute resources: the names and amounts in requests, limits, quotas and capacities.

use super::Errors;
use super::check;
use super::fields::{Fields, Seen};
use super::path::Path;
use crate::field_error::{FieldError, Reason, quoted};
use crate::names;
use crate::quantity::Quantity;
use crate::value::{Lookup, Object, Value};
use std::cell::OnceCell;
use std::collections::HashMap;

const HUGE_PAGES: &str = "hugepages-";
const HUGE_PAGES_REQUESTS: &str = "requests.hugepages-";
const REQUESTS: &str = "requests.";
const NATIVE: &str = "kubernetes.io/";

/// Counted in whole objects.
const OBJECT_COUNTS: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const COMPUTE: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

pub fn is_huge_page(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

fn is_quota_huge_page(name: &str) -> bool {
    is_huge_page(name) || name.starts_with(HUGE_PAGES_REQUESTS)
}

/// Whether quotas know a name without a domain.
pub fn is_quota_name(name: &str) -> bool {
    OBJECT_COUNTS.contains(&name) || COMPUTE.contains(&name) || is_quota_huge_page(name)
}

fn is_standard(name: &str) -> bool {
    is_quota_name(name) || name == "storage"
}

fn is_container_name(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_huge_page(name)
}

/// In Kubernetes' own domain, said or not.
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains(NATIVE)
}

/// Of somebody else's domain, as devices are.
pub fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with(REQUESTS)
        && names::label_key(&format!("{REQUESTS}{name}")).is_empty()
}

/// Requests may be below limits.
pub fn may_overcommit(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// A resource's name: standard, or with a domain.
pub fn name(name: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = names::label_key(name);
    if !messages.is_empty() {
        return check::each(errors, path, name, messages);
    }
    if !name.contains('/') && !is_standard(name) {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(path, name, detail));
    }
}

/// A resource that containers may ask for.
pub fn container_name(value: &str, path: &Path<'_>, errors: &mut Errors) {
    name(value, path, errors);
    if !value.contains('/') {
        if !is_container_name(value) {
            let detail = "must be a standard resource for containers";
            errors.push(FieldError::invalid(path, value, detail));
        }
    } else if !is_native(value) && !is_extended(value) {
        let detail = "doesn't follow extended resource name standard";
        errors.push(FieldError::invalid(path, value, detail));
    }
}

/// A resource that whole pods may ask for.
fn pod_name(value: &str, path: &Path<'_>, errors: &mut Errors) {
    let before = errors.len();
    name(value, path, errors);
    if errors.len() == before && !matches!(value, "cpu" | "memory") && !is_huge_page(value) {
        let supported = ["cpu", "hugepages-", "memory"];
        errors.push(FieldError::not_supported(path, value, &supported));
    }
}

/// A resource that a quota may bound.
pub fn quota_name(value: &str, path: &Path<'_>, errors: &mut Errors) {
    name(value, path, errors);
    if !value.contains('/') && !is_quota_name(value) {
        errors.push(FieldError::invalid(path, value, "must be a standard resource for quota"));
    }
}

/// An amount of a resource: not below zero, and whole where things are counted.
pub fn amount(name: &str, value: &Value, path: &Path<'_>, errors: &mut Errors) {
    check::quantity_not_negative(errors, path, Some(value));
    let whole = OBJECT_COUNTS.contains(&name) || is_extended(name);
    if whole && check::quantity(Some(value)).milli_value() % 1_000 != 0 {
        errors.push(FieldError::invalid(path, value, "must be an integer"));
    }
}

/// An amount that is not below zero, shown as a number.
pub fn basic_amount(value: &Value, path: &Path<'_>, errors: &mut Errors) {
    let amount = check::quantity(Some(value)).value();
    if amount < 0 {
        errors.push(FieldError::invalid(path, &amount, "must be a valid resource quantity"));
    }
}

/// A share of whole pages.
fn huge_pages(name: &str, value: &Value, path: &Path<'_>, errors: &mut Errors) {
    let size = name.strip_prefix(HUGE_PAGES).and_then(|size| Quantity::parse(size).ok());
    let size = size.map_or(0, |size| size.value());
    let amount = check::quantity(Some(value)).value();
    if size <= 0 || amount % size != 0 {
        let text = check::text_of(Some(value));
        let detail = format!("{text} is not positive integer multiple of {name}");
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// How requirements are judged.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    /// Of a whole pod, not of a container.
    pub pod_level: bool,
    /// Parts of huge pages were stored before and may stay.
    pub any_huge_pages: bool,
    /// What the pod's `resourceClaims` name.
    pub claims: &'r Seen<'r>,
}

/// `ResourceRequirements`: requests, limits and claims.
pub fn requirements(requirements: &Object, rules: Rules<'_>, path: &Path<'_>, errors: &mut Errors) {
    let limits = requirements.part("limits");
    let requests = requirements.part("requests");
    for (name, value) in limits.iter() {
        let path = path.child("limits");
        one(name, value, rules, &path.key(name), errors);
    }
    let mut limit = Lookup::new(limits);
    for (name, value) in requests.iter() {
        let list = path.child("requests");
        let key = list.key(name);
        one_name(name, rules, &key, errors);
        amount(name, value, &key, errors);
        against_limit(name, value, limit.get(name), path, errors);
        if is_huge_page(name) && !rules.any_huge_pages {
            huge_pages(name, value, &key, errors);
        }
    }
    let names = || limits.iter().chain(requests.iter()).map(|(name, _)| name);
    let has_compute = names().any(|name| matches!(name, "cpu" | "memory"));
    if !has_compute && names().any(is_huge_page) {
        errors.push(FieldError::forbidden(path, "HugePages require cpu or memory"));
    }
    claims(requirements, rules.claims, &path.child("claims"), errors);
}

fn one_name(name: &str, rules: Rules<'_>, path: &Path<'_>, errors: &mut Errors) {
    if rules.pod_level {
        pod_name(name, path, errors);
    } else {
        container_name(name, path, errors);
    }
}

fn one(name: &str, value: &Value, rules: Rules<'_>, path: &Path<'_>, errors: &mut Errors) {
    one_name(name, rules, path, errors);
    amount(name, value, path, errors);
    if is_huge_page(name) && !rules.any_huge_pages {
        huge_pages(name, value, path, errors);
    }
}

fn against_limit(
    name: &str,
    value: &Value,
    limit: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(limit) = limit else {
        if !may_overcommit(name) {
            let detail = "Limit must be set for non overcommitable resources";
            errors.push(FieldError::required(path.child("limits"), detail));
        }
        return;
    };
    let (asked, most) = (check::quantity(Some(value)), check::quantity(Some(limit)));
    let (text, limit) = (check::text_of(Some(value)), check::text_of(Some(limit)));
    let path = path.child("requests");
    let order = asked.partial_cmp(&most);
    if order != Some(std::cmp::Ordering::Equal) && !may_overcommit(name) {
        let detail = format!("must be equal to {name} limit of {limit}");
        errors.push(FieldError::invalid(path, text, &detail));
    } else if order == Some(std::cmp::Ordering::Greater) {
        let detail = format!("must be less than or equal to {name} limit of {limit}");
        errors.push(FieldError::invalid(path, text, &detail));
    }
}

/// The claims that a container uses: each once, each one of the pod's.
fn claims(requirements: &Object, known: &Seen<'_>, path: &Path<'_>, errors: &mut Errors) {
    let (names, mut listed) = (OnceCell::<String>::new(), 0);
    let list = || match known.sorted().as_slice() {
        [] => " which is empty".to_owned(),
        names => format!(": {}", names.join(", ")),
    };
    let keys: Vec<String> = requirements
        .objects("claims")
        .map(|(_, claim)| match claim.text("request") {
            "" => claim.text("name").to_owned(),
            request => format!("{}/{request}", claim.text("name")),
        })
        .collect();
    let mut seen = Seen::default();
    // Of how many requests of a claim were named apart.
    let mut parts: HashMap<&str, usize> = HashMap::new();
    for ((at, claim), key) in requirements.objects("claims").zip(&keys) {
        let path = path.index(at);
        let (name, request) = (claim.text("name"), claim.text("request"));
        if name.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        if seen.has(name) {
            errors.push(FieldError::duplicate(path, name));
        } else {
            if !request.is_empty() {
                check::dns_label(errors, path.child("request"), request);
            }
            if seen.has(key) {
                errors.push(FieldError::duplicate(path, key));
            }
            let parts = parts.entry(name).or_insert(0);
            if request.is_empty() {
                (0..*parts).for_each(|_| errors.push(FieldError::duplicate(path, name)));
            } else {
                *parts += 1;
            }
            seen.again(key);
        }
        if !known.has(name) {
            // Who names too much reads no list of all that is there with every error.
            let names = if listed > NAMES_BYTES_MAX { ": …" } else { names.get_or_init(list) };
            listed += names.len();
            let detail = format!("must be one of the names in pod.spec.resourceClaims{names}");
            errors.push(FieldError::shown(Reason::NotFound, path, &quoted(name), &detail));
        }
    }
}

/// How much of names the errors of one container list.
const NAMES_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(text).expect("valid JSON");
        let mut errors = Errors::new();
        let claims = Seen::from_iter(["gpu"]);
        let rules = Rules { pod_level: false, any_huge_pages: false, claims: &claims };
        let object = value.as_object().expect("an object");
        requirements(object, rules, &Path::root("r"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn requests_stay_below_limits() {
        assert!(found(r#"{"requests":{"cpu":"1"},"limits":{"cpu":"2"}}"#).is_empty());
        assert_eq!(
            found(r#"{"requests":{"cpu":"3"},"limits":{"cpu":"2"}}"#),
            [r#"r.requests: Invalid value: "3": must be less than or equal to cpu limit of 2"#]
        );
        assert_eq!(
            found(r#"{"requests":{"a.b/gpu":"1"}}"#),
            ["r.limits: Required value: Limit must be set for non overcommitable resources"]
        );
    }

    #[test]
    fn huge_pages_come_whole_and_with_memory() {
        let text = r#"{"limits":{"hugepages-2Mi":"3Mi"}}"#;
        assert_eq!(found(text).len(), 2, "{:?}", found(text));
    }

    #[test]
    fn claims_are_the_pods_and_named_once() {
        let text = r#"{"claims":[{"name":"gpu","request":"a"},{"name":"gpu"},{"name":"x"}]}"#;
        assert_eq!(
            found(text),
            [
                r#"r.claims[1]: Duplicate value: "gpu""#,
                r#"r.claims[2]: Not found: "x": must be one of the names in pod.spec.resourceClaims: gpu"#,
            ]
        );
    }
}
