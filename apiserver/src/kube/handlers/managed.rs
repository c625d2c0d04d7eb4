//! Managed fields: the manager of a resource for one request.

use crate::kube::call::Call;
use crate::kube::found::Found;
use std::borrow::Cow;
use xebec_core::apply::{Manager, Versions, Writer, manager_name};
use xebec_core::convert;
use xebec_core::registry::Resource;
use xebec_core::schema::MessageId;
use xebec_core::strategy;
use xebec_core::value::Object;

/// The served versions of a resource.
struct Served<'r>(&'r Resource);

impl Versions for Served<'_> {
    fn message(&self, api_version: &str) -> Option<MessageId> {
        let resource = self.0;
        let mut versions = resource.versions.iter();
        let found = versions.find(|version| resource.api_version(version) == api_version);
        found.map(|version| version.message.id())
    }

    fn convert<'o>(&self, object: &'o Object, from: &str, to: &str) -> Option<Cow<'o, Object>> {
        if from == to {
            return Some(Cow::Borrowed(object));
        }
        let resource = self.0;
        let version = resource.versions.iter().find(|one| resource.api_version(one) == to)?;
        convert::convert(resource, object.clone(), version).ok().map(Cow::Owned)
    }
}

/// Runs with the field manager of a request's resource, in the client's version.
pub fn with_manager<T>(found: &Found, act: impl FnOnce(Manager<'_>) -> T) -> T {
    let version = found.version();
    let api_version = found.api_version();
    let versions = Served(&found.resource);
    act(Manager {
        schema: version.message.schema(),
        id: version.message.id(),
        api_version: &api_version,
        kind: &found.resource.kind,
        subresource: &found.subresource,
        filter: strategy::reset_fields(found.stored()),
        versions: &versions,
    })
}

/// Who writes, as managed fields say it.
pub fn writer<'m>(manager: &'m str, call: &Call) -> Writer<'m> {
    Writer { manager, now: call.now }
}

/// The name of the manager: from the option or the user agent.
pub fn name_of(call: &Call, field_manager: &str) -> String {
    manager_name(field_manager, call.user_agent())
}
