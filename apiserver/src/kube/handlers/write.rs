//! [`Attempt`]: one write, from an object that came in to a transaction that stores it.
//!
//! A write reads the keyspace as of one revision, decides, and proposes a transaction that holds
//! only if nothing it looked at has changed. Else it is made again on what stands there now. The
//! first attempt reads this replica's own keyspace; whatever it would refuse is decided again on
//! one that is certainly current.

use crate::kube::admission::{Effects, Operation, Review};
use crate::kube::api::Api;
use crate::kube::call::Call;
use crate::kube::clock;
use crate::kube::custom;
use crate::kube::decode;
use crate::kube::found::Found;
use crate::kube::limits::CONFLICT_RETRIES_MAX;
use crate::kube::negotiate::Media;
use crate::kube::object::{self, Stored};
use crate::kube::rbac::escalation;
use crate::kube::storage::{Change, Storage};
use bytes::Bytes;
use http::Method;
use std::sync::Arc;
use xebec_core::codec::normal;
use xebec_core::edit;
use xebec_core::field_error::FieldError;
use xebec_core::lifecycle::{self, Existing, Fresh};
use xebec_core::registry::Registry;
use xebec_core::status::{GroupName, Status};
use xebec_core::strategy::{Context, Requester};
use xebec_core::target::Target;
use xebec_core::validation;
use xebec_core::value::{Object, Value};
use xebec_core::{apply, convert, defaults};
use xebec_store::View;
use xebec_store::kv::Revision;

/// What is the same in every attempt of a write.
pub struct Attempt<'a> {
    pub api: &'a Arc<Api>,
    pub registry: &'a Registry,
    pub call: &'a Call,
    pub found: &'a Found,
    pub dry_run: bool,
}

/// An object ready to be stored, and what else the transaction does.
pub struct Prepared {
    pub key: String,
    pub object: Object,
    /// The revision at which the key must stand; 0 if it must not exist.
    pub expected: Revision,
    pub deletes: bool,
    /// Nothing differs from what is stored.
    pub unchanged: bool,
    pub effects: Effects,
}

/// What a write came to.
pub struct Outcome {
    /// In the stored version, with its resource version.
    pub object: Object,
    pub created: bool,
    pub warnings: Vec<String>,
}

impl<'a> Attempt<'a> {
    pub fn namespace(&self) -> Option<&'a str> {
        super::namespace_of(self.call, self.found)
    }

    fn context(&self) -> Context<'a> {
        let user = &self.call.user;
        let requester = Requester {
            name: &user.name,
            uid: &user.uid,
            groups: &user.groups,
            extra: &user.extra,
        };
        let namespace = Some(self.call.info.namespace.as_str()).filter(|name| !name.is_empty());
        Context { now: self.call.now, namespace, requester }
    }

    /// Runs `prepare` on the keyspace until what it prepares can be stored.
    pub async fn run(
        &self,
        prepare: impl Fn(&View) -> Result<Prepared, Status> + Send + Sync,
    ) -> Result<Outcome, Status> {
        let storage = &self.api.storage;
        let mut view = storage.local_view();
        let mut current = false;
        let (mut turn, mut waited) = (None, false);
        for _ in 0..CONFLICT_RETRIES_MAX {
            let prepared = match prepare(&view) {
                Ok(prepared) => prepared,
                Err(_) if !current => {
                    (view, current) = (storage.view().await?, true);
                    continue;
                }
                Err(status) => return Err(status),
            };
            if let Some(queue) = prepared.effects.queue.as_ref().filter(|_| turn.is_none()) {
                turn = self.api.turns.at_once(queue);
                if turn.is_none() && !waited {
                    // What was read is old by the time it is this write's turn.
                    (turn, waited) = (self.api.turns.wait(queue).await, true);
                    (view, current) = (storage.view().await?, true);
                    continue;
                }
            }
            if let Some(outcome) = self.commit(prepared).await? {
                return Ok(outcome);
            }
            (view, current) = (storage.view().await?, true);
        }
        let why = "the object has been modified too often; please try again";
        Err(Status::conflict(self.found.group_resource(), &self.call.info.name, why))
    }

    /// Stores what is prepared; `None` if something has changed under it.
    async fn commit(&self, prepared: Prepared) -> Result<Option<Outcome>, Status> {
        let Prepared { key, mut object, expected, deletes, unchanged, effects } = prepared;
        let Effects { mut changes, guards, warnings, queue: _ } = effects;
        let created = expected == 0;
        if self.dry_run || unchanged {
            if !created {
                object::set_resource_version(&mut object, expected);
            }
            return Ok(Some(Outcome { object, created, warnings }));
        }
        let value = if deletes { None } else { Some(self.at_rest(&object)?) };
        let defines = custom::is_definition(&key).then(|| key.clone());
        changes.insert(0, Change { key, expected, value });
        let Some(revision) = self.api.storage.write_all(changes, guards).await? else {
            return Ok(None);
        };
        if let Some(key) = defines {
            self.api.custom.reviewed(&key).await;
        }
        // The answer to an update that removes an object shows it as it was.
        let shown = if deletes { expected } else { revision };
        object::set_resource_version(&mut object, shown);
        Ok(Some(Outcome { object, created, warnings }))
    }

    fn review<'r>(
        &'r self,
        view: &'r View,
        operation: Operation,
        (old, name, generate_name): (Option<&'r Object>, &'r str, &'r str),
        effects: &'r mut Effects,
    ) -> Review<'r> {
        Review {
            view,
            registry: self.registry,
            operation,
            target: self.found.stored(),
            namespace: &self.call.info.namespace,
            name,
            generate_name,
            user: &self.call.user,
            authorization: &self.api.access.authorization,
            recent: &self.api.recent,
            dry_run: self.dry_run,
            now: self.call.now,
            old,
            effects,
        }
    }

    /// Takes a new object (stored version, managed fields set) through admission and validation.
    pub fn prepare_create(&self, view: &View, mut object: Object) -> Result<Prepared, Status> {
        let target = self.found.stored();
        let mut effects = Effects::default();
        let text = |name| object::meta(&object, name).to_owned();
        let (named, base) = (text("name"), text("generateName"));
        if target.resource.custom {
            let guard = self.api.custom.guard(view, target.resource, &named)?;
            effects.guards.push(guard);
        }
        let mut review = self.review(view, Operation::Create, (None, &named, &base), &mut effects);
        self.api.admission.admit(&mut review, &mut object)?;
        self.check_escalation(&object, None)?;
        let warning = lifecycle::deduplicate_owners(&mut object, true);
        let (uid, suffix) = (clock::uid(), clock::name_suffix());
        let fresh = Fresh { uid: &uid, name_suffix: &suffix };
        lifecycle::before_create(target, &mut object, &fresh, &self.context())?;
        self.settle(&mut object);
        let name = lifecycle::name(&object).to_owned();
        let judged = self.judged();
        let mut errors = self.misplaced(view, &object, None)?;
        errors.extend(validation::on_create(judged, &object));
        self.valid(&name, errors)?;
        effects.warnings.extend(warning);
        effects.warnings.extend(validation::warnings(judged, &object, None));
        let mut review = self.review(view, Operation::Create, (None, &name, ""), &mut effects);
        self.api.admission.validate(&mut review, Some(&object))?;
        lifecycle::check_new_version(&object)?;
        let key = self.found.resource.key(self.namespace(), &name);
        if let Some(held) = Storage::read(view, &key)? {
            let target = self.found.target();
            return Err(lifecycle::already_exists(target, &object, Some(&held.object()?)));
        }
        Ok(Prepared { key, object, expected: 0, deletes: false, unchanged: false, effects })
    }

    /// Takes the successor of a stored object (stored version, managed fields set) through
    /// admission and validation.
    pub fn prepare_update(
        &self,
        view: &View,
        (stored, old): (&Stored, &Object),
        mut new: Object,
    ) -> Result<Prepared, Status> {
        let target = self.found.stored();
        let name = &self.call.info.name;
        let mut effects = Effects::default();
        let subject = (Some(old), name.as_str(), "");
        let mut review = self.review(view, Operation::Update, subject, &mut effects);
        self.api.admission.admit(&mut review, &mut new)?;
        self.check_escalation(&new, Some(old))?;
        let warning = lifecycle::deduplicate_owners(&mut new, true);
        let version = stored.revision().cast_unsigned();
        lifecycle::check_version(target, &new, Existing { object: old, version })?;
        lifecycle::before_update(target, &mut new, old, &self.context())?;
        self.settle(&mut new);
        object::set_resource_version(&mut new, stored.revision());
        apply::admission::keep_times(old, &mut new);
        let judged = self.judged();
        let mut errors = self.misplaced(view, &new, Some(old))?;
        errors.extend(validation::on_update(judged, &new, old));
        self.valid(name, errors)?;
        effects.warnings.extend(warning);
        effects.warnings.extend(validation::warnings(judged, &new, Some(old)));
        let mut review = self.review(view, Operation::Update, subject, &mut effects);
        self.api.admission.validate(&mut review, Some(&new))?;
        let deletes = lifecycle::deletes_now(target, &new, old);
        if deletes {
            let mut review = self.review(view, Operation::Update, subject, &mut effects);
            self.api.admission.removed(&mut review, old)?;
        }
        Ok(Prepared {
            key: self.found.resource.key(self.namespace(), name),
            deletes,
            unchanged: self.is_unchanged(stored, old, &new)?,
            object: new,
            expected: stored.revision(),
            effects,
        })
    }

    /// What validation looks at: the rules of the group that the client speaks.
    fn judged(&self) -> Target<'_> {
        if self.found.resource.custom {
            return self.found.target();
        }
        Target::asked(&self.found.resource, &self.found.subresource)
    }

    /// What does not go with the namespace, though the object itself is right.
    fn misplaced(
        &self,
        view: &View,
        new: &Object,
        old: Option<&Object>,
    ) -> Result<Vec<FieldError>, Status> {
        let error = validation::admin_access(self.found.stored(), new, old);
        let (Some(error), Some(namespace)) = (error, self.namespace()) else {
            return Ok(Vec::new());
        };
        let namespaces = self.registry.find_resource("", "namespaces");
        let key = namespaces.ok_or_else(Status::no_such_resource)?.key(None, namespace);
        let namespace = Storage::read(view, &key)?;
        let namespace = namespace.map(|held| self.api.recent.object(&held)).transpose()?;
        let label = namespace.as_ref().map(|namespace| {
            edit::text(namespace, &["metadata", "labels", validation::ADMIN_ACCESS])
        });
        Ok(if label == Some("true") { Vec::new() } else { vec![error] })
    }

    /// 422 if validation found something.
    fn valid(&self, name: &str, mut errors: Vec<FieldError>) -> Result<(), Status> {
        if errors.is_empty() {
            return Ok(());
        }
        let whole = matches!(self.call.method, Method::POST | Method::PUT);
        if whole
            && decode::content_type(self.call)? == Media::Json
            && let Ok(sent) = serde_json::from_slice::<Value>(&self.call.body)
        {
            validation::as_sent(&mut errors, &sent);
        }
        Err(Status::invalid(self.found.stored().group_kind(), name, &errors))
    }

    /// Nobody grants in a role or binding what they may not.
    fn check_escalation(&self, new: &Object, old: Option<&Object>) -> Result<(), Status> {
        let GroupName { group, name: resource } = self.found.group_resource();
        if !escalation::concerns(group, resource) {
            return Ok(());
        }
        let access = &self.api.access;
        let write = escalation::Write {
            authorization: &access.authorization,
            rbac: &access.rbac,
            user: &self.call.user,
            info: &self.call.info,
            resource,
        };
        write.check(new, old)
    }

    /// Asks the plug-ins that judge whether an object may be deleted; `removes` says that it goes
    /// at once.
    pub fn review_delete(
        &self,
        view: &View,
        old: &Object,
        removes: bool,
    ) -> Result<Effects, Status> {
        let mut effects = Effects::default();
        let subject = (Some(old), lifecycle::name(old), "");
        let mut review = self.review(view, Operation::Delete, subject, &mut effects);
        self.api.admission.validate(&mut review, None)?;
        if removes {
            self.api.admission.removed(&mut review, old)?;
        }
        Ok(effects)
    }

    /// Makes fields agree that say the same, and forgets empty ones as upstream's storage does.
    fn settle(&self, object: &mut Object) {
        let target = self.found.stored();
        if !target.resource.custom {
            convert::settle(target.resource, object);
            normal::forget_empty(target.schema(), target.message(), object);
        }
    }

    /// The bytes to store.
    fn at_rest(&self, object: &Object) -> Result<Bytes, Status> {
        let resource = &self.found.resource;
        if !resource.custom || self.found.version().name == resource.stored_version().name {
            return Ok(object::to_bytes(object));
        }
        let stored = convert::to_stored(resource, object.clone()).map_err(Status::internal)?;
        Ok(object::to_bytes(&stored))
    }

    /// Whether an update leaves everything as it is. What was stored in another version of a custom
    /// resource is written anew, though it says the same.
    fn is_unchanged(&self, stored: &Stored, old: &Object, new: &Object) -> Result<bool, Status> {
        if new != old {
            return Ok(false);
        }
        Ok(!self.found.resource.custom || self.at_rest(new)? == stored.kv.value)
    }

    /// An object of the client's version in the one that rules look at.
    pub fn to_stored(&self, object: Object) -> Result<Object, Status> {
        if self.found.resource.custom {
            return Ok(object);
        }
        convert::to_stored(&self.found.resource, object).map_err(Status::internal)
    }
}

/// Completes an object of the client's version with its defaults, and makes fields agree that say
/// the same.
pub fn complete(found: &Found, mut object: Object, call: &Call) -> Result<Object, Status> {
    defaults::complete(found.target(), &mut object);
    defaults::stamp(found.target(), &mut object, call.now);
    if found.resource.custom {
        return Ok(object);
    }
    let stored = convert::to_stored(&found.resource, object).map_err(Status::internal)?;
    to_client(found, stored)
}

/// An object of the stored version in the client's.
pub fn to_client(found: &Found, object: Object) -> Result<Object, Status> {
    let converted = convert::from_stored(&found.resource, object, found.version());
    converted.map_err(Status::internal)
}
