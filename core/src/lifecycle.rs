//! What happens to an object's metadata when it is created, updated and deleted, whatever its kind.
//!
//! A create goes through [`receive`] before managed fields and admission, and through
//! [`before_create`] after them; an update through [`check_version`] and [`before_update`]. Both
//! call the kind's [`crate::strategy`]. A delete asks for a [`DeletePlan`]; an update that takes the
//! last finalizer away is a delete too ([`deletes_now`]). Validation is not done here.
//!
//! Objects are in normal form of the version in which they are stored. Time and ids come in as
//! arguments. Source: `rest.BeforeCreate`, `rest.BeforeUpdate`, `rest.BeforeDelete` and the generic
//! registry of k8s.io/apiserver.

mod create;
mod delete;
mod metadata;
mod options;
mod owners;
mod rules;
mod special;
mod update;

pub use create::{
    Fresh, NAME_ATTEMPTS_MAX, NAME_SUFFIX_ALPHABET, NAME_SUFFIX_CHARS, already_exists,
    before_create, check_new_version, generate_name, needs_name, receive,
};
pub use delete::{DeletePlan, deleted_status, plan, warnings as delete_warnings};
pub(crate) use metadata::set_all_metadata;
pub use metadata::{
    metadata, name, namespace, object_namespace_matches, resource_version, set_metadata, uid,
};
pub use options::{DeleteOptions, Preconditions};
pub use owners::deduplicate_owners;
pub use rules::{allows_create_on_update, allows_unconditional_update};
pub use update::{Existing, before_update, check_name, check_uid, check_version, deletes_now};
