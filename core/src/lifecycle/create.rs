//! Before a create.

use super::metadata::{self, complete, object_namespace_matches, open, settle};
use crate::custom;
use crate::status::Status;
use crate::strategy::{self, Context};
use crate::target::Target;
use crate::value::{Object, Value};

/// How often a generated name that is taken is replaced by another.
pub const NAME_ATTEMPTS_MAX: usize = 8;
/// What a generated name ends in: so many characters of this alphabet, which forms no words.
pub const NAME_SUFFIX_CHARS: usize = 5;
pub const NAME_SUFFIX_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A generated name is a DNS label, whatever the kind allows.
const NAME_CHARS_MAX: usize = 63;

/// What a new object gets from outside.
#[derive(Debug, Clone, Copy)]
pub struct Fresh<'f> {
    pub uid: &'f str,
    /// [`NAME_SUFFIX_CHARS`] of [`NAME_SUFFIX_ALPHABET`]; used where the name is to be generated.
    pub name_suffix: &'f str,
}

/// What is done to an object as it comes in, before anybody looks at it: fields of the system are
/// wiped, and its namespace is that of the request. Not for objects of subresources that keep
/// theirs (a Binding's uid is a precondition).
pub fn receive(
    target: Target<'_>,
    object: &mut Object,
    namespace: Option<&str>,
) -> Result<(), Status> {
    let system = |name: &str| {
        matches!(
            name,
            "creationTimestamp"
                | "uid"
                | "deletionTimestamp"
                | "deletionGracePeriodSeconds"
                | "selfLink"
        )
    };
    if metadata::metadata(object).iter().any(|(name, _)| system(name)) {
        open(object).retain(|name, _| !system(name));
    }
    object_namespace_matches(object, expected_namespace(target, namespace))
}

/// The request for a Namespace is taken as one inside it.
fn expected_namespace<'n>(target: Target<'_>, namespace: Option<&'n str>) -> Option<&'n str> {
    namespace.filter(|_| target.kind() != ("", "Namespace"))
}

/// The object is given a name when it is created.
pub fn needs_name(object: &Object) -> bool {
    let text = |name| crate::edit::text(metadata::metadata(object), &[name]);
    text("name").is_empty() && !text("generateName").is_empty()
}

/// A name from `generateName` and a random suffix.
pub fn generate_name(base: &str, suffix: &str) -> String {
    let mut end = base.len().min(NAME_CHARS_MAX - NAME_SUFFIX_CHARS);
    // A name of other characters is refused later; until then it must be text.
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &base[..end])
}

/// Fills in what the system knows, names the object and prepares it as its kind does. Managed
/// fields and mutating admission come before, validation after.
pub fn before_create(
    target: Target<'_>,
    object: &mut Object,
    fresh: &Fresh<'_>,
    context: &Context<'_>,
) -> Result<(), Status> {
    let generated = needs_name(object).then(|| {
        let base = crate::edit::text(metadata::metadata(object), &["generateName"]);
        generate_name(base, fresh.name_suffix)
    });
    let metadata = open(object);
    settle(metadata, "uid", Some(fresh.uid.into()));
    settle(metadata, "creationTimestamp", Some(context.now.to_seconds_text().into()));
    if let Some(name) = generated {
        settle(metadata, "name", Some(name.into()));
    }
    if target.resource.generation || target.resource.custom {
        settle(metadata, "generation", Some(Value::Int(1)));
    }
    complete(metadata);
    let namespace = context.namespace.filter(|_| target.resource.namespaced);
    object_namespace_matches(object, namespace)?;
    strategy::prepare_for_create(target, object, context);
    if target.resource.custom {
        custom::arrange(object);
    }
    Ok(())
}

/// The last look before a new object is stored, after all validation: it must not name a version.
/// A version that is no number passes, as upstream.
pub fn check_new_version(object: &Object) -> Result<(), Status> {
    if metadata::resource_version(object).is_ok_and(|version| version != 0) {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Status::unclassified(message));
    }
    Ok(())
}

/// Why a create failed: `live` holds the name of `object`.
pub fn already_exists(target: Target<'_>, object: &Object, live: Option<&Object>) -> Status {
    let name = metadata::name(object);
    let has_base = metadata::metadata(object).get("generateName").is_some();
    let mut status = if has_base {
        Status::generate_name_conflict(target.group_resource(), name)
    } else {
        Status::already_exists(target.group_resource(), name)
    };
    let is_dying = |live: &Object| metadata::metadata(live).get("deletionTimestamp").is_some();
    if live.is_some_and(is_dying) {
        status.message = format!("object is being deleted: {}", status.message);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_cut() {
        assert_eq!(generate_name("a-", "bcdfg"), "a-bcdfg");
        assert_eq!(generate_name(&"a".repeat(70), "bcdfg").len(), 63);
        assert_eq!(generate_name(&"ä".repeat(40), "bcdfg").len(), 63);
        assert_eq!(generate_name(&format!("a{}", "ä".repeat(40)), "bcdfg").len(), 62);
    }
}
