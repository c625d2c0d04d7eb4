//! Ingresses.

use super::ingress_class::local_reference;
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen, metadata};
use crate::validation::ip;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
const BAD_SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_ENDS: [&str; 2] = ["/..", "/."];

/// What was stored before it was checked, and may stay.
#[derive(Clone, Copy, Default)]
struct Held {
    secret_names: bool,
    wildcard_rules: bool,
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(object.part("spec"), Held::default(), errors);
    let annotated = metadata(object).part("annotations").value(CLASS_ANNOTATION);
    let class = object.part("spec").value("ingressClassName");
    if let (Some(annotated), Some(class)) = (annotated, class)
        && annotated != class
    {
        let path = Path::root("annotations");
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid(path.child(CLASS_ANNOTATION), annotated, detail));
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource == "status" {
        let ingresses = |object: &Object| object.part("status").part("loadBalancer").clone();
        let old = ingresses(old);
        let held: Seen<'_> = old.objects("ingress").map(|(_, one)| one.text("ip")).collect();
        load_balancer(&ingresses(new), &held, errors);
        return;
    }
    meta::on_create(target, new, meta::subdomain, errors);
    spec(new.part("spec"), held(old.part("spec")), errors);
}

fn held(old: &Object) -> Held {
    let bad_secret = |(_, tls): (usize, &Object)| {
        let name = tls.text("secretName");
        !name.is_empty() && !names::dns_1123_subdomain(name).is_empty()
    };
    let bad_wildcard = |(_, rule): (usize, &Object)| {
        let mut found = Errors::new();
        rule_value(rule, &Path::root(""), &mut found);
        rule.text("host").contains('*') && !found.is_empty()
    };
    Held {
        secret_names: old.objects("tls").any(bad_secret),
        wildcard_rules: old.objects("rules").any(bad_wildcard),
    }
}

fn spec(spec: &Object, held: Held, errors: &mut Errors) {
    let path = Path::root("spec");
    if spec.list("rules").is_empty() && !spec.has("defaultBackend") {
        let rules = spec.value("rules").unwrap_or(&Value::Null);
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(path, rules, detail));
    }
    if let Some(backend) = spec.object("defaultBackend") {
        self::backend(backend, &path.child("defaultBackend"), errors);
    }
    for (at, rule) in spec.objects("rules") {
        self::rule(rule, held, &path.child("rules").index(at), errors);
    }
    for (at, tls) in spec.objects("tls") {
        self::tls(tls, held, &path.child("tls").index(at), errors);
    }
    if let Some(class) = spec.value("ingressClassName").and_then(Value::as_str) {
        check::dns_subdomain(errors, path.child("ingressClassName"), class);
    }
}

fn host_messages(host: &str) -> Vec<String> {
    if host.contains('*') {
        names::dns_1123_subdomain_wildcard(host)
    } else {
        names::dns_1123_subdomain(host)
    }
}

fn tls(tls: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    for (at, host) in tls.texts("hosts").enumerate() {
        let path = path.child("hosts");
        check::each(errors, path.index(at), host, host_messages(host));
    }
    let secret = tls.text("secretName");
    if !held.secret_names && !secret.is_empty() {
        check::dns_subdomain(errors, path.child("secretName"), secret);
    }
}

fn rule(rule: &Object, held: Held, path: &Path<'_>, errors: &mut Errors) {
    let host = rule.text("host");
    if !host.is_empty() {
        let path = path.child("host");
        not_an_address(host, &path, errors);
        check::each(errors, path, host, host_messages(host));
    }
    if !(host.contains('*') && held.wildcard_rules) {
        rule_value(rule, path, errors);
    }
}

fn not_an_address(host: &str, path: &Path<'_>, errors: &mut Errors) {
    if ip::parse_sloppy(host).is_some() {
        let detail = "must be a DNS name, not an IP address";
        errors.push(FieldError::invalid(path, host, detail));
    }
}

fn rule_value(rule: &Object, path: &Path<'_>, errors: &mut Errors) {
    let Some(http) = rule.object("http") else { return };
    let path = path.child("http.paths");
    if http.list("paths").is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    for (at, one) in http.objects("paths") {
        http_path(one, &path.index(at), errors);
    }
}

fn http_path(one: &Object, path: &Path<'_>, errors: &mut Errors) {
    let text = one.text("path");
    let Some(kind) = one.value("pathType").and_then(Value::as_str) else {
        errors.push(FieldError::required(path.child("pathType"), "pathType must be specified"));
        return;
    };
    let mut refuse = |detail: &str| {
        errors.push(FieldError::invalid(path.child("path"), text, detail));
    };
    match kind {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                refuse("must be an absolute path");
            }
            for part in BAD_SEQUENCES.iter().filter(|part| text.contains(**part)) {
                refuse(&format!("must not contain '{part}'"));
            }
            for end in BAD_ENDS.iter().filter(|end| text.ends_with(**end)) {
                refuse(&format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                refuse("must be an absolute path");
            }
        }
        _ => check::one_of(errors, path.child("pathType"), kind, &PATH_TYPES),
    }
    backend(one.part("backend"), &path.child("backend"), errors);
}

fn backend(backend: &Object, path: &Path<'_>, errors: &mut Errors) {
    match (backend.object("resource"), backend.object("service")) {
        (Some(_), Some(_)) => {
            let detail = "cannot set both resource and service backends";
            errors.push(FieldError::invalid(path, "", detail));
        }
        (Some(resource), None) => local_reference(resource, &path.child("resource"), errors),
        (None, Some(service)) => self::service(service, path, errors),
        (None, None) => {
            let detail = "resource or service backend is required";
            errors.push(FieldError::invalid(path, "", detail));
        }
    }
}

fn service(service: &Object, path: &Path<'_>, errors: &mut Errors) {
    let name = service.text("name");
    if name.is_empty() {
        errors.push(FieldError::required(path.child("service.name"), ""));
    } else {
        check::dns_label(errors, path.child("service.name"), name);
    }
    let port = service.part("port");
    let (name, number) = (port.text("name"), port.int("number").unwrap_or(0));
    match (name.is_empty(), number) {
        (false, 0) => {
            let path = path.child("service.port.name");
            check::each(errors, path, name, names::port_name(name));
        }
        (false, _) => {
            let detail = "cannot set both port name & port number";
            errors.push(FieldError::invalid(path, "", detail));
        }
        (true, 0) => {
            errors.push(FieldError::required(path, "port name or number is required"));
        }
        (true, number) => check::port(errors, path.child("service.port.number"), number),
    }
}

fn load_balancer(status: &Object, held: &Seen<'_>, errors: &mut Errors) {
    let path = Path::root("status.loadBalancer.ingress");
    for (at, ingress) in status.objects("ingress") {
        let path = path.index(at);
        let (address, host) = (ingress.text("ip"), ingress.text("hostname"));
        if !address.is_empty() {
            ip::legacy_address(address, held, &path.child("ip"), errors);
        }
        if !host.is_empty() {
            let path = path.child("hostname");
            check::dns_subdomain(errors, path, host);
            not_an_address(host, &path, errors);
        }
    }
}

fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if old.is_none()
        && target.subresource.is_empty()
        && metadata(new).part("annotations").has(CLASS_ANNOTATION)
    {
        found.push(
            "annotation \"kubernetes.io/ingress.class\" is deprecated, please use \
             'spec.ingressClassName' instead"
                .to_owned(),
        );
    }
    if target.subresource == "status" {
        let path = Path::root("status.loadBalancer.ingress");
        for (at, ingress) in new.part("status").part("loadBalancer").objects("ingress") {
            let path = path.index(at);
            if !ingress.text("ip").is_empty() {
                ip::address_warnings(ingress.text("ip"), &path.child("ip"), found);
            }
        }
    }
}
