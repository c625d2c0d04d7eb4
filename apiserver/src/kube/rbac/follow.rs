//! How [`Rbac`] keeps in step with the roles and bindings of the keyspace.

use super::Rbac;
use super::index::{Index, Kind};
use crate::kube::follow::Follow;
use xebec_store::View;
use xebec_store::kv::Event;

const PREFIXES: &[&str] = &[
    "/registry/clusterroles/",
    "/registry/clusterrolebindings/",
    "/registry/roles/",
    "/registry/rolebindings/",
];

impl Follow for Rbac {
    fn prefixes(&self) -> &'static [&'static str] {
        PREFIXES
    }

    fn reset(&self, view: &View) {
        let mut index = Index::default();
        for kind in Kind::ALL {
            let prefix = kind.key_prefix().as_bytes();
            let below = view.keys().range(prefix, None);
            for kv in below.take_while(|kv| kv.key.starts_with(prefix)) {
                if let Ok(key) = std::str::from_utf8(&kv.key) {
                    index.put(key, &kv.value);
                }
            }
        }
        *self.index.write() = index;
    }

    fn apply(&self, events: &[Event]) {
        let mut index = self.index.write();
        for event in events {
            let Ok(key) = std::str::from_utf8(&event.kv.key) else { continue };
            if event.is_delete() {
                index.delete(key);
            } else {
                index.put(key, &event.kv.value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_followed() {
        assert_eq!(PREFIXES, Kind::ALL.map(Kind::key_prefix));
    }
}
