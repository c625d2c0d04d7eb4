//! PriorityLevelConfigurations.

use super::{mandatory, status};
use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::{Fields, metadata, same_objects};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

const QUEUES_MAX: i64 = 10_000_000;
/// The hash by which requests are dealt to queues has this many bits.
const HASH_BITS: i64 = 60;
const MESSAGE: &str = "k8s.io.api.flowcontrol.v1.PriorityLevelConfigurationSpec";

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let name = metadata(object).text("name");
    let path = Path::root("spec");
    spec(object.part("spec"), name, &path, errors);
    if let Some(fixed) = mandatory::level(name) {
        let (detail, alike) = if name == "exempt" {
            let mut given = object.part("spec").clone();
            given.remove("exempt");
            let detail =
                "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value";
            (detail.to_owned(), same_objects(&given, fixed))
        } else {
            let detail = format!("spec of '{name}' must equal the fixed value");
            (detail, same_objects(object.part("spec"), fixed))
        };
        if !alike {
            errors.push(internal::invalid(&path, MESSAGE, object.value("spec"), &detail));
        }
    }
    status(object, errors);
}

fn update(target: Target<'_>, new: &Object, _: &Object, errors: &mut Errors) {
    if target.subresource == "status" {
        status(new, errors);
    } else {
        create(target, new, errors);
    }
}

fn spec(spec: &Object, name: &str, path: &Path<'_>, errors: &mut Errors) {
    let kind = spec.text("type");
    if (name == "exempt") != (kind == "Exempt") {
        let detail = "type must be 'Exempt' if and only if name is 'exempt'";
        errors.push(FieldError::invalid(path.child("type"), kind, detail));
    }
    match kind {
        "Exempt" => {
            if spec.has("limited") {
                let detail = "must be nil if the type is not Limited";
                errors.push(FieldError::forbidden(path.child("limited"), detail));
            }
            if let Some(exempt) = spec.object("exempt") {
                shares(exempt, &path.child("exempt"), errors);
            }
        }
        "Limited" => {
            if spec.has("exempt") {
                let detail = "must be nil if the type is Limited";
                errors.push(FieldError::forbidden(path.child("exempt"), detail));
            }
            match spec.object("limited") {
                Some(limited) => self::limited(limited, &path.child("limited"), errors),
                None => {
                    let detail = "must not be empty when type is Limited";
                    errors.push(FieldError::required(path.child("limited"), detail));
                }
            }
        }
        _ => check::one_of(errors, path.child("type"), kind, &["Exempt", "Limited"]),
    }
}

/// The level's part of the server's concurrency, and how much of it may be lent.
fn shares(level: &Object, path: &Path<'_>, errors: &mut Errors) {
    if let Some(shares) = level.int("nominalConcurrencyShares").filter(|shares| *shares < 0) {
        let detail = "must be a non-negative integer";
        let path = path.child("nominalConcurrencyShares");
        errors.push(FieldError::invalid(path, &Value::Int(shares), detail));
    }
    if let Some(percent) = level.int("lendablePercent") {
        let messages = names::in_range(percent, 0, 100);
        check::each_number(errors, path.child("lendablePercent"), percent, messages);
    }
}

fn limited(limited: &Object, path: &Path<'_>, errors: &mut Errors) {
    shares(limited, path, errors);
    let response = limited.part("limitResponse");
    let response_path = path.child("limitResponse");
    self::response(response, &response_path, errors);
    if let Some(percent) = limited.int("borrowingLimitPercent").filter(|percent| *percent < 0) {
        let detail = "if specified, must be a non-negative integer";
        let path = path.child("borrowingLimitPercent");
        errors.push(FieldError::invalid(path, &Value::Int(percent), detail));
    }
}

fn response(response: &Object, path: &Path<'_>, errors: &mut Errors) {
    let queuing_path = path.child("queuing");
    match (response.text("type"), response.object("queuing")) {
        ("Reject", None) => {}
        ("Reject", Some(_)) => {
            let detail = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(FieldError::forbidden(queuing_path, detail));
        }
        ("Queue", None) => {
            let detail = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(FieldError::required(queuing_path, detail));
        }
        ("Queue", Some(queuing)) => self::queuing(queuing, &queuing_path, errors),
        (kind, _) => check::one_of(errors, path.child("type"), kind, &["Queue", "Reject"]),
    }
}

fn queuing(queuing: &Object, path: &Path<'_>, errors: &mut Errors) {
    let number = |name: &str| queuing.int(name).unwrap_or(0);
    let (queues, hand) = (number("queues"), number("handSize"));
    let mut refuse = |name: &str, detail: &str| {
        errors.push(FieldError::invalid(path.child(name), &Value::Int(number(name)), detail));
    };
    if number("queueLengthLimit") <= 0 {
        refuse("queueLengthLimit", "must be positive");
    }
    if queues <= 0 {
        refuse("queues", "must be positive");
    } else if queues > QUEUES_MAX {
        refuse("queues", &format!("must not be greater than {QUEUES_MAX}"));
    }
    if hand <= 0 {
        refuse("handSize", "must be positive");
    } else if hand > queues {
        refuse("handSize", &format!("should not be greater than queues ({queues})"));
    } else if entropy_bits(queues, hand) > HASH_BITS {
        let detail = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater \
             than {HASH_BITS}"
        );
        refuse("handSize", &detail);
    }
}

/// How many bits it takes to deal a hand.
fn entropy_bits(deck: i64, hand: i64) -> i64 {
    ((deck as f64).log2() * hand as f64).ceil() as i64
}
