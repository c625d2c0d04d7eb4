//! LimitRanges: bounds and defaults of resources, that must not contradict each other.

use crate::field_error::FieldError;
use crate::names;
use crate::quantity::Quantity;
use crate::target::Target;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta, resources};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules {
    create: check_all,
    // Upstream judges a changed one as if it were new.
    update: |target, new, _, errors| check_all(target, new, errors),
    warnings: |_, _, _, _| {},
};

fn check_all(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("spec.limits");
    let mut seen = Seen::default();
    for (at, limit) in object.part("spec").objects("limits") {
        let path = path.index(at);
        let kind = limit.text("type");
        type_name(kind, &path.child("type"), errors);
        if seen.again(kind) {
            errors.push(FieldError::duplicate(path.child("type"), kind));
        }
        self::limit(limit, &path, errors);
    }
}

fn type_name(kind: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = names::label_key(kind);
    if !messages.is_empty() {
        return check::each(errors, path, kind, messages);
    }
    let standard = ["Pod", "Container", "PersistentVolumeClaim"];
    if !kind.contains('/') && !standard.contains(&kind) {
        let detail = "must be a standard limit type or fully qualified";
        errors.push(FieldError::invalid(path, kind, detail));
    }
}

fn limit(limit: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = limit.text("type");
    let mut keys: Vec<&str> = Vec::new();
    for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        if kind == "Pod" && matches!(list, "default" | "defaultRequest") {
            if !limit.part(list).is_empty() {
                let detail = "may not be specified when `type` is 'Pod'";
                errors.push(FieldError::forbidden(path.child(list), detail));
            }
            continue;
        }
        if list == "maxLimitRequestRatio" && kind == "PersistentVolumeClaim" {
            let bounds = ["min", "max"];
            if bounds.iter().all(|bound| !limit.part(bound).has("storage")) {
                let detail = "either minimum or maximum storage value is required, but neither \
                              was provided";
                errors.push(FieldError::required(path.child("limits"), detail));
            }
        }
        for (name, _) in limit.part(list).iter() {
            let path = path.child(list);
            let path = path.key(name);
            if matches!(kind, "Pod" | "Container") {
                resources::container_name(name, &path, errors);
            } else {
                resources::name(name, &path, errors);
            }
            if !keys.contains(&name) {
                keys.push(name);
            }
        }
    }
    for key in keys {
        bounds(limit, key, path, errors);
    }
}

/// Pairs of which the first must not be above the second: the field that is found wrong, the value
/// that is shown, and the words for both.
#[rustfmt::skip]
const ORDERS: [(&str, &str, &str, &str, &str, &str); 6] = [
    ("min", "max", "min", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min", "min value", "default value"),
    ("default", "max", "default", "max", "default value", "max value"),
];

fn bounds(limit: &Object, key: &str, path: &Path<'_>, errors: &mut Errors) {
    // Defaults of pods are refused as a whole.
    let skip = limit.text("type") == "Pod";
    let value = |list: &str| {
        let skipped = skip && matches!(list, "default" | "defaultRequest");
        limit.part(list).value(key).filter(|_| !skipped)
    };
    for (low, high, field, shown, low_words, high_words) in ORDERS {
        let (Some(least), Some(most)) = (value(low), value(high)) else { continue };
        if check::quantity(Some(least)) > check::quantity(Some(most)) {
            let (least, most) = (check::text_of(Some(least)), check::text_of(Some(most)));
            let detail = format!("{low_words} {least} is greater than {high_words} {most}");
            let path = path.child(field);
            let shown = check::text_of(value(shown));
            errors.push(FieldError::invalid(path.key(key), shown, &detail));
        }
    }
    let ratio_path = path.child("maxLimitRequestRatio");
    if let Some(ratio) = value("maxLimitRequestRatio") {
        let text = check::text_of(Some(ratio));
        let amount = check::quantity(Some(ratio));
        if amount.milli_value() < 1_000 {
            let detail = format!("ratio {text} is less than 1");
            errors.push(FieldError::invalid(ratio_path.key(key), text, &detail));
        }
        if let (Some(least), Some(most)) = (value("min"), value("max"))
            && let Some(widest) = too_wide(amount, least, most)
        {
            let detail = format!("ratio {text} is greater than max/min = {widest:.6}");
            errors.push(FieldError::invalid(ratio_path.key(key), text, &detail));
        }
    }
    let (given, asked) = (value("default"), value("defaultRequest"));
    if let (Some(given), Some(asked)) = (given, asked)
        && !resources::may_overcommit(key)
        && check::quantity(Some(given)).partial_cmp(&check::quantity(Some(asked)))
            != Some(std::cmp::Ordering::Equal)
    {
        let (given, asked) = (check::text_of(Some(given)), check::text_of(Some(asked)));
        let detail =
            format!("default value {given} must equal to defaultRequest value {asked} in {key}");
        let path = path.child("defaultRequest");
        errors.push(FieldError::invalid(path.key(key), asked, &detail));
    }
}

/// The widest ratio that the bounds allow, where the given one is wider.
fn too_wide(ratio: Quantity, least: &Value, most: &Value) -> Option<f64> {
    const MILLI_MAX: i64 = i64::MAX / 1_000;
    let (least, most) = (check::quantity(Some(least)), check::quantity(Some(most)));
    let fine = [ratio, least, most].iter().all(|one| one.value() < MILLI_MAX);
    let (ratio, widest) = if fine {
        let widest = most.milli_value() as f64 / least.milli_value() as f64;
        (ratio.milli_value() as f64 / 1_000.0, widest)
    } else {
        (ratio.value() as f64, most.value() as f64 / least.value() as f64)
    };
    (ratio > widest).then_some(widest)
}
