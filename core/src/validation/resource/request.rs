//! What a claim asks for (`spec.devices`): requests, constraints between them, configuration.

use super::shared::{
    self, CONFIGURATIONS_MAX, bounded, fully_qualified_name, repeated, selectors, tolerations,
};
use crate::field_error::{FieldError, Reason};
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::{Object, Value};

pub const REQUESTS_MAX: usize = 32;
const CONSTRAINTS_MAX: usize = 32;
const ALTERNATIVES_MAX: usize = 8;

/// A `DeviceClaim`.
pub fn claim(claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    let requests = path.child("requests");
    if bounded(claim.list("requests").len(), REQUESTS_MAX, &requests, errors) {
        for (at, request) in claim.objects("requests") {
            self::request(request, &requests.index(at), errors);
        }
        repeated(claim.objects("requests").map(|(_, one)| one.text("name")), &requests, errors);
    }
    let constraints = path.child("constraints");
    if bounded(claim.list("constraints").len(), CONSTRAINTS_MAX, &constraints, errors) {
        for (at, constraint) in claim.objects("constraints") {
            self::constraint(constraint, claim, &constraints.index(at), errors);
        }
    }
    let config = path.child("config");
    if bounded(claim.list("config").len(), CONFIGURATIONS_MAX, &config, errors) {
        for (at, one) in claim.objects("config") {
            let path = config.index(at);
            references(one, claim, &path.child("requests"), errors);
            shared::configuration(one, false, &path, errors);
        }
    }
}

fn request(request: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::dns_label(errors, path.child("name"), request.text("name"));
    let some = !request.list("firstAvailable").is_empty();
    match (request.object("exactly"), some) {
        (None, false) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required";
            errors.push(FieldError::required(path, detail));
        }
        (Some(_), true) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required, but multiple \
                          fields are set";
            errors.push(FieldError::shown(Reason::Invalid, path, "null", detail));
        }
        (Some(exactly), false) => devices(exactly, &path.child("exactly"), errors),
        (None, true) => {
            let path = path.child("firstAvailable");
            let count = request.list("firstAvailable").len();
            if !bounded(count, ALTERNATIVES_MAX, &path, errors) {
                return;
            }
            for (at, one) in request.objects("firstAvailable") {
                let path = path.index(at);
                check::dns_label(errors, path.child("name"), one.text("name"));
                devices(one, &path, errors);
            }
            let names = request.objects("firstAvailable").map(|(_, one)| one.text("name"));
            repeated(names, &path, errors);
        }
    }
}

fn devices(request: &Object, path: &Path<'_>, errors: &mut Errors) {
    let class = request.text("deviceClassName");
    if class.is_empty() {
        errors.push(FieldError::required(path.child("deviceClassName"), ""));
    } else {
        check::dns_subdomain(errors, path.child("deviceClassName"), class);
    }
    selectors(request, path, errors);
    let count = request.int("count").unwrap_or(0);
    let detail = match request.text("allocationMode") {
        "All" if count != 0 => "must not be specified when allocationMode is 'All'",
        "ExactCount" if count <= 0 => "must be greater than zero",
        "All" | "ExactCount" => "",
        other => {
            let path = path.child("allocationMode");
            errors.push(FieldError::not_supported(path, other, &["All", "ExactCount"]));
            ""
        }
    };
    if !detail.is_empty() {
        errors.push(FieldError::invalid(path.child("count"), &Value::Int(count), detail));
    }
    tolerations(request, path, errors);
}

fn constraint(constraint: &Object, claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    references(constraint, claim, &path.child("requests"), errors);
    let attribute = |name: &str| constraint.value(name).and_then(Value::as_str);
    if let Some(name) = attribute("matchAttribute") {
        fully_qualified_name(name, &path.child("matchAttribute"), errors);
    } else if let Some(name) = attribute("distinctAttribute") {
        fully_qualified_name(name, &path.child("distinctAttribute"), errors);
    } else {
        let detail = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but \
                      multiple fields are set";
        errors.push(FieldError::required(path, detail));
    }
}

/// Names of requests in the claim, by which something applies to those alone.
pub fn references(parent: &Object, claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    if !bounded(parent.list("requests").len(), REQUESTS_MAX, path, errors) {
        return;
    }
    for (at, name) in parent.texts("requests").enumerate() {
        reference(name, claim, &path.index(at), errors);
    }
    repeated(parent.texts("requests"), path, errors);
}

/// The name of a request, or of a request and one of its alternatives.
pub fn reference(name: &str, claim: &Object, path: &Path<'_>, errors: &mut Errors) {
    let detail = "must be the name of a request in the claim or the name of a request and a \
                  subrequest separated by '/'";
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() > 2 {
        errors.push(FieldError::invalid(path, name, detail));
        return;
    }
    for part in &parts {
        check::dns_label(errors, path, part);
    }
    let mut requests = claim.objects("requests").map(|(_, request)| request);
    let found = requests.find(|request| request.text("name") == parts[0]);
    let known = found.is_some_and(|request| {
        parts.get(1).is_none_or(|part| {
            request.objects("firstAvailable").any(|(_, one)| one.text("name") == *part)
        })
    });
    if !known {
        errors.push(FieldError::invalid(path, name, detail));
    }
}
