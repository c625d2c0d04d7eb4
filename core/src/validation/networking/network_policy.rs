//! NetworkPolicies.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::addresses;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::ip;
use crate::validation::labels::{self, Options};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

/// What was stored before it was checked, and may stay.
struct Held<'o> {
    options: Options,
    cidrs: Seen<'o>,
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    spec(
        object.part("spec"),
        &Held { options: Options::default(), cidrs: Seen::default() },
        errors,
    );
}

fn update(_: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    let before = old.part("spec");
    let mut found = Errors::new();
    let selector = before.object("podSelector");
    labels::selector(selector, Options::default(), &Path::root(""), &mut found);
    let options = Options { any_value: !found.is_empty(), ..Options::default() };
    let blocks = blocks(before);
    let cidrs = blocks
        .flat_map(|(_, block)| std::iter::once(block.text("cidr")).chain(block.texts("except")));
    spec(new.part("spec"), &Held { options, cidrs: cidrs.collect() }, errors);
}

/// Directions, and how they call those on the other side.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// All blocks of addresses, with the text of where they are.
fn blocks(spec: &Object) -> impl Iterator<Item = (String, &Object)> {
    DIRECTIONS.iter().flat_map(move |(direction, side)| {
        spec.objects(direction).flat_map(move |(at, rule)| {
            rule.objects(side).filter_map(move |(peer_at, peer)| {
                let path = format!("spec.{direction}[{at}].{side}[{peer_at}].ipBlock");
                Some((path, peer.object("ipBlock")?))
            })
        })
    })
}

fn spec(spec: &Object, held: &Held<'_>, errors: &mut Errors) {
    let path = Path::root("spec");
    let selector = spec.object("podSelector");
    labels::selector(selector, held.options, &path.child("podSelector"), errors);
    for (direction, side) in DIRECTIONS {
        for (at, rule) in spec.objects(direction) {
            let path = path.child(direction);
            let path = path.index(at);
            for (at, port) in rule.objects("ports") {
                self::port(port, &path.child("ports").index(at), errors);
            }
            for (at, peer) in rule.objects(side) {
                self::peer(peer, held, &path.child(side).index(at), errors);
            }
        }
    }
    let types_path = path.child("policyTypes");
    if spec.list("policyTypes").len() > 2 {
        let types = Value::Array(spec.list("policyTypes").to_vec());
        let detail = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid(types_path, &types, detail));
        return;
    }
    for (at, kind) in spec.texts("policyTypes").enumerate() {
        check::one_of(errors, types_path.index(at), kind, &["Ingress", "Egress"]);
    }
}

fn port(port: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(protocol) = port.value("protocol").and_then(Value::as_str) {
        check::one_of(errors, path.child("protocol"), protocol, &["TCP", "UDP", "SCTP"]);
    }
    let end = port.int("endPort");
    let end_path = path.child("endPort");
    let mut refuse_end = |detail: &str| {
        if let Some(end) = end {
            errors.push(FieldError::invalid(end_path, &Value::Int(end), detail));
        }
    };
    match port.value("port") {
        None => refuse_end("may not be specified when `port` is not specified"),
        Some(Value::String(name)) => {
            refuse_end("may not be specified when `port` is non-numeric");
            check::each(errors, path.child("port"), name, names::port_name(name));
        }
        Some(value) => {
            let number = value.as_i64().unwrap_or(0);
            check::port(errors, path.child("port"), number);
            let Some(end) = end else { return };
            if end < number {
                let detail = "must be greater than or equal to `port`";
                errors.push(FieldError::invalid(end_path, &Value::Int(number), detail));
            }
            check::port(errors, end_path, end);
        }
    }
}

fn peer(peer: &Object, held: &Held<'_>, path: &Path<'_>, errors: &mut Errors) {
    let mut count = 0;
    for name in ["podSelector", "namespaceSelector"] {
        if peer.has(name) {
            count += 1;
            labels::selector(peer.object(name), held.options, &path.child(name), errors);
        }
    }
    let block = peer.object("ipBlock");
    if let Some(block) = block {
        self::block(block, held, &path.child("ipBlock"), errors);
        count += 1;
    }
    if count == 0 {
        errors.push(FieldError::required(path, "must specify a peer"));
    } else if count > 1 && block.is_some() {
        let detail = "may not specify both ipBlock and another peer";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn block(block: &Object, held: &Held<'_>, path: &Path<'_>, errors: &mut Errors) {
    let cidr = block.text("cidr");
    let cidr_path = path.child("cidr");
    if cidr.is_empty() {
        errors.push(FieldError::required(cidr_path, ""));
        return;
    }
    ip::legacy_cidr(cidr, &held.cidrs, &cidr_path, errors);
    let Some((_, network)) = ip::parse_cidr_sloppy(cidr) else { return };
    for (at, except) in block.texts("except").enumerate() {
        let path = path.child("except");
        let path = path.index(at);
        ip::legacy_cidr(except, &held.cidrs, &path, errors);
        let Some((_, inner)) = ip::parse_cidr_sloppy(except) else { continue };
        if network.length >= inner.length || !addresses::holds(network, inner.address) {
            let detail = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid(path, except, detail));
        }
    }
}

fn warnings(_: Target<'_>, new: &Object, _: Option<&Object>, found: &mut Vec<String>) {
    for (path, block) in blocks(new.part("spec")) {
        let path = Path::root(&path);
        ip::cidr_warnings(block.text("cidr"), &path.child("cidr"), found);
        for (at, except) in block.texts("except").enumerate() {
            ip::cidr_warnings(except, &path.child("except").index(at), found);
        }
    }
}
