//! ServiceCIDRs: ranges of addresses for Services, at most one for each family.

use crate::field_error::FieldError;
use crate::target::Target;
use crate::validation::check;
use crate::validation::fields::Fields;
use crate::validation::ip;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings: |_, _, _, _| {} };

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("spec.cidrs");
    let cidrs = object.part("spec").list("cidrs");
    let shown = Value::Array(cidrs.to_vec());
    if cidrs.is_empty() {
        errors.push(FieldError::required(path, "at least one CIDR required"));
        return;
    }
    if cidrs.len() > 2 {
        errors.push(FieldError::invalid(path, &shown, "may only hold up to 2 values"));
        return;
    }
    let texts: Vec<&str> = object.part("spec").texts("cidrs").collect();
    if let [one, other] = texts.as_slice() {
        let is_v4 =
            |text: &str| ip::parse_cidr_sloppy(text).map(|(_, network)| network.address.is_ipv4());
        if is_v4(one).is_none() || is_v4(other).is_none() || is_v4(one) == is_v4(other) {
            let detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 \
                          and 2001:db8::/64";
            errors.push(FieldError::invalid(path, &shown, detail));
            return;
        }
    }
    for (at, text) in texts.iter().enumerate() {
        ip::cidr(text, &path.index(at), errors);
    }
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    if target.subresource.is_empty() {
        let (after, before) = (new.part("spec").value("cidrs"), old.part("spec").value("cidrs"));
        check::immutable(errors, &Path::root("spec.cidrs"), after, before, "null");
    }
}
