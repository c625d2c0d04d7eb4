//! [`Definitions`]: the definitions as this replica last saw them, and the registry after them.

use super::known::{Definition, Print, Served, is_terminating, summary};
use crate::kube::follow::Follow;
use crate::kube::object;
use crate::kube::storage::Storage;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xebec_core::custom::{conditions, definition};
use xebec_core::registry::{Resource, SharedRegistry};
use xebec_core::status::{GroupName, Status};
use xebec_core::value::Object;
use xebec_store::View;
use xebec_store::kv::{Event, KeyValue, Revision};

/// What the keys of all definitions begin with.
pub const PREFIX: &str = "/registry/apiextensions.k8s.io/customresourcedefinitions/";

/// Stands in the bytes of a definition with rules in CEL.
const RULES: &[u8] = b"\"x-kubernetes-validations\":";

/// What a replica knows of the definitions.
pub struct Definitions {
    registry: Arc<SharedRegistry>,
    by_key: Mutex<ByKey>,
    /// Counts changes.
    changes: watch::Sender<u64>,
}

type ByKey = BTreeMap<Bytes, Definition>;

impl Follow for Definitions {
    fn prefixes(&self) -> &'static [&'static str] {
        &[PREFIX]
    }

    fn reset(&self, view: &View) {
        let mut by_key = self.by_key.lock();
        let mut there = HashSet::new();
        for stored in Storage::under(view, PREFIX) {
            there.insert(stored.kv.key.clone());
            self.put(&mut by_key, &stored.kv);
        }
        let gone: Vec<Bytes> = by_key.keys().filter(|key| !there.contains(*key)).cloned().collect();
        for key in gone {
            self.remove(&mut by_key, &key);
        }
        self.changes.send_modify(|count| *count += 1);
    }

    fn apply(&self, events: &[Event]) {
        let mut by_key = self.by_key.lock();
        for event in events {
            if event.is_delete() {
                self.remove(&mut by_key, &event.kv.key);
            } else {
                self.put(&mut by_key, &event.kv);
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Definitions {
    pub fn new(registry: Arc<SharedRegistry>) -> Self {
        Self { registry, by_key: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// Tells when something has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// All definitions with their keys, in the order of their names.
    pub fn all(&self) -> Vec<(String, Definition)> {
        let by_key = self.by_key.lock();
        let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
        by_key.iter().map(|(key, known)| (text(key), known.clone())).collect()
    }

    /// The last change of a definition that shows in the registry.
    pub fn newest(&self) -> Revision {
        self.by_key.lock().values().map(|known| known.revision).max().unwrap_or_default()
    }

    /// The last change of a definition that is there.
    pub fn newest_in(view: &View) -> Revision {
        Storage::under(view, PREFIX).map(|stored| stored.revision()).max().unwrap_or_default()
    }

    /// Whether the leader has still to say something of a definition.
    pub fn awaits_review(&self, key: &str) -> bool {
        let by_key = self.by_key.lock();
        by_key.get(key.as_bytes()).is_some_and(|known| {
            let summary = &known.summary;
            let accepted = conditions::is_true(summary, "NamesAccepted");
            !conditions::is_known(summary, "NamesAccepted")
                || accepted && !conditions::is_served(summary)
        })
    }

    /// See [`super::Custom::guard`].
    pub fn guard(
        &self,
        view: &View,
        resource: &Resource,
        name: &str,
    ) -> Result<(String, Revision), Status> {
        let key = key_of(resource);
        let stored = Storage::read(view, &key)?.ok_or_else(Status::no_such_resource)?;
        let known = {
            let by_key = self.by_key.lock();
            let known = by_key.get(key.as_bytes());
            known.filter(|known| known.revision == stored.revision()).map(|known| known.print)
        };
        let terminating = match known {
            Some(print) => print.terminating,
            None => is_terminating(&stored.object()?),
        };
        if terminating {
            let why = "create not allowed while custom resource definition is terminating";
            let of = GroupName { group: &resource.group, name: &resource.plural };
            return Err(Status::forbidden(of, name, why));
        }
        Ok((key, stored.revision()))
    }

    /// Ends when a resource is served otherwise; `None` if no definition is known to serve it.
    pub fn until_changed(&self, resource: &Resource) -> Option<CancellationToken> {
        let by_key = self.by_key.lock();
        let served = by_key.get(key_of(resource).as_bytes())?.served.as_ref()?;
        Some(served.until_changed.clone())
    }

    fn remove(&self, by_key: &mut ByKey, key: &Bytes) {
        if let Some(served) = by_key.remove(key).and_then(|known| known.served) {
            self.registry.remove(&served.group, &served.plural);
            served.until_changed.cancel();
        }
    }

    fn put(&self, by_key: &mut ByKey, kv: &KeyValue) {
        let known = by_key.get(&kv.key);
        if known.is_some_and(|known| known.revision == kv.mod_revision) {
            return;
        }
        if let Some(loaded) = self.load(kv, known) {
            by_key.insert(kv.key.clone(), loaded);
        }
    }

    /// Serves a definition as it is now.
    fn load(&self, kv: &KeyValue, known: Option<&Definition>) -> Option<Definition> {
        let key = String::from_utf8_lossy(&kv.key);
        let object = match object::parse(&kv.value, kv.mod_revision) {
            Ok(object) => object,
            Err(status) => {
                tracing::error!(%key, %status, "a stored definition cannot be read");
                return None;
            }
        };
        let print = Print::of(&object);
        let like = known.filter(|known| known.print.form == print.form);
        let served = match like {
            Some(like) if like.print == print => like.served.clone(),
            _ => self.serve(&key, &object, like),
        };
        if like.is_none() && memchr::memmem::find(&kv.value, RULES).is_some() {
            tracing::warn!(%key, "rules in CEL (x-kubernetes-validations) are not asked");
        }
        if let Some(before) = known.and_then(|known| known.served.as_ref()) {
            if served.as_ref().is_none_or(|now| !now.is_of(before)) {
                self.registry.remove(&before.group, &before.plural);
            }
            if served.is_none() || like.is_none() {
                before.until_changed.cancel();
            }
        }
        let summary = Arc::new(summary(&object));
        Some(Definition { revision: kv.mod_revision, summary, print, served })
    }

    /// Puts the resource into the registry. `like` is the definition as it was if objects look the
    /// same now.
    fn serve(&self, key: &str, object: &Object, like: Option<&Definition>) -> Option<Served> {
        if !conditions::is_served(object) {
            return None;
        }
        let resource = match definition::resource(object) {
            Ok(resource) => resource,
            Err(error) => {
                tracing::warn!(%key, %error, "a definition is not served");
                return None;
            }
        };
        let (group, plural) = (resource.group.clone(), resource.plural.clone());
        if let Err(error) = self.registry.add(resource) {
            tracing::warn!(%key, %error, "a definition is not served");
            return None;
        }
        let before = like.and_then(|like| like.served.as_ref());
        let until_changed = before.map(|before| before.until_changed.clone()).unwrap_or_default();
        Some(Served { group, plural, until_changed })
    }
}

fn key_of(resource: &Resource) -> String {
    format!("{PREFIX}{}.{}", resource.plural, resource.group)
}
