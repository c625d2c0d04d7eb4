//! Namespaces: finalizers of the specification, and the phase that follows deletion.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, metadata};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta};
use crate::value::Object;

pub(super) const RULES: Rules = Rules {
    create: |target, object, errors| {
        meta::on_create(target, object, meta::label, errors);
        let path = Path::root("spec.finalizers");
        for finalizer in object.part("spec").texts("finalizers") {
            self::finalizer(finalizer, &path, errors);
        }
    },
    update,
    warnings: |_, _, _, _| {},
};

fn finalizer(finalizer: &str, path: &Path<'_>, errors: &mut Errors) {
    check::each(errors, path, finalizer, names::label_key(finalizer));
    meta::core_finalizer(finalizer, path, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::on_update(new, old, errors);
    match target.subresource {
        "status" => {
            let phase = new.part("status").text("phase");
            let (wanted, how) = if metadata(new).has("deletionTimestamp") {
                ("Terminating", "is not empty")
            } else {
                ("Active", "is empty")
            };
            if phase != wanted {
                let detail = format!("may only be '{wanted}' if `deletionTimestamp` {how}");
                errors.push(FieldError::invalid("status.Phase", phase, &detail));
            }
        }
        "finalize" => {
            let path = Path::root("spec.finalizers");
            for (at, finalizer) in new.part("spec").texts("finalizers").enumerate() {
                self::finalizer(finalizer, &path.index(at), errors);
            }
        }
        _ => {}
    }
}
