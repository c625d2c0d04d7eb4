//! Server-side apply (KEP-555): who owns which field of an object, kept in step with every write,
//! and applied configurations merged into what is there.
//!
//! [`Manager`] is made for one resource or subresource and has two entry points:
//! [`Manager::on_update`] after a create, update or patch, and [`Manager::on_apply`]. Both take the
//! live object by reference and do no I/O; the time is given. Behaviour is that of
//! structured-merge-diff v6 and of apimachinery's field managers.
//!
//! Data goes from objects to [`fieldset::Set`]s, which borrow from them: [`compare`] and
//! [`extract`] make sets, [`managed`] reads and writes them as `metadata.managedFields`, [`merge`]
//! and [`remove`] act on objects.

pub mod admission;
mod applier;
mod compare;
mod conflict;
pub mod element;
mod extract;
pub mod fieldset;
mod filter;
pub(crate) mod gotext;
mod last_applied;
mod managed;
mod merge;
mod name;
mod prune;
mod remove;
pub mod scale;
mod types;
mod update;
mod walk;

pub use applier::Applied;
pub use filter::Filter;
pub use managed::ManagedFieldsError;
pub use managed::validate as validate_managed_fields;
pub use name::{NAME_SIZE_BYTES_MAX, manager_name};

use crate::codec::normal;
use crate::schema::{MessageId, Schema};
use crate::time::Timestamp;
use crate::value::Object;
use std::borrow::Cow;

/// The versions of a kind that there are.
pub trait Versions {
    /// The message of a version (`apps/v1`); `None` for one that is no longer served: what is
    /// owned in it is forgotten.
    fn message(&self, api_version: &str) -> Option<MessageId>;

    /// An object of this kind in another version. Kinds with one form in all versions keep it.
    fn convert<'o>(&self, object: &'o Object, _from: &str, _to: &str) -> Option<Cow<'o, Object>> {
        Some(Cow::Borrowed(object))
    }
}

/// A kind that has one form in all of these versions.
impl Versions for [(&str, MessageId)] {
    fn message(&self, api_version: &str) -> Option<MessageId> {
        self.iter().find(|(known, _)| *known == api_version).map(|(_, id)| *id)
    }
}

impl<const COUNT: usize> Versions for [(&str, MessageId); COUNT] {
    fn message(&self, api_version: &str) -> Option<MessageId> {
        self.as_slice().message(api_version)
    }
}

/// Keeps the managed fields of one resource, or of one of its subresources.
#[derive(Clone, Copy)]
pub struct Manager<'m> {
    pub schema: &'m Schema,
    /// The message of `api_version` and `kind`.
    pub id: MessageId,
    /// `apps/v1`: the version in which the client writes.
    pub api_version: &'m str,
    pub kind: &'m str,
    /// Empty for the main resource.
    pub subresource: &'m str,
    /// What may be owned through this resource.
    pub filter: &'m Filter,
    pub versions: &'m dyn Versions,
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'w> {
    /// From the option `fieldManager` or the user agent: see [`manager_name`].
    pub manager: &'w str,
    pub now: Timestamp,
}

impl Manager<'_> {
    /// The object that a create starts from: what the kind shows when nothing is set.
    fn empty(&self) -> Object {
        let mut object = Object::new();
        object.push("kind", self.kind.into());
        object.push("apiVersion", self.api_version.into());
        normal::complete(self.schema, self.id, &mut object);
        object
    }
}
