//! Replays the writes of recorded cases against the rules of core.

use crate::compare::{Judgement, Score, compare, warnings_of};
use crate::step::{Place, Step, nameless};
use std::collections::{BTreeMap, HashMap};
use xebec_core::apply::{Manager, Writer};
use xebec_core::codec::json;
use xebec_core::convert;
use xebec_core::defaults;
use xebec_core::lifecycle::{self, Fresh};
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::registry::{Registry, Selection};
use xebec_core::strategy::{self, Context, Requester};
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::validation;
use xebec_core::value::{Object, Value};

/// What the recordings have in place of every time, address and port.
const TIME: &str = "2026-01-01T00:00:00Z";
const ADDRESS: &str = "10.96.0.7";
const PORT: i64 = 30_000;
const FRESH: Fresh<'_> = Fresh { uid: "UID", name_suffix: "bcdfg" };

/// The stored objects of a case, by their places.
type Live = HashMap<String, Object>;

/// The recordings' objects and how far the replay agrees.
pub struct Replay {
    registry: Registry,
    /// Answers to creates, by what was created: those that set a case up are not recorded, but
    /// others sent the same.
    created: HashMap<String, Object>,
    /// By group and resource.
    pub scores: BTreeMap<(String, String), Score>,
}

impl Replay {
    pub fn new(cases: &[Value]) -> Self {
        let mut created = HashMap::new();
        for step in cases.iter().flat_map(steps) {
            let step = Step::read(step);
            let (Some(body), Some(answer)) = (step.body, step.answer) else { continue };
            if step.method == "POST" && step.code == 201 {
                let collection = step.path.rsplit('/').next().unwrap_or_default();
                created.insert(format!("{collection} {}", nameless(body)), answer.clone());
            }
        }
        let registry = Registry::built_in(Selection::All);
        Self { registry, created, scores: BTreeMap::new() }
    }

    pub fn run(&mut self, case: &Value) {
        let text = |name| case.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, area) = (text("id"), text("area"));
        // Other areas ask for other things: rights, documents, custom resources.
        if matches!(area, "discovery" | "transport" | "access" | "boot" | "crd") {
            return;
        }
        let mut live = Live::new();
        for (at, raw) in steps(case).enumerate() {
            let step = Step::read(raw);
            let Some(place) = step.place(&self.registry) else { continue };
            if !step.setup
                && let Some(judgement) = judge(&place, &step, &live)
                && let Some(verdict) = compare(&step, &warnings_of(raw), judgement)
            {
                let resource = &place.resource;
                let key = (resource.group.to_string(), resource.plural.to_string());
                let of = format!("{id} step {at} {} {}", step.method, step.path);
                self.scores.entry(key).or_default().count(verdict, &of);
            }
            self.follow(&place, &step, &mut live);
        }
    }

    /// Keeps what a step leaves behind: the recorded answer, or what a like create was answered
    /// with, or what we make of it.
    fn follow(&self, place: &Place<'_>, step: &Step<'_>, live: &mut Live) {
        let failed = !step.setup && !matches!(step.code, 200 | 201);
        if failed || step.is_dry_run() {
            return;
        }
        if step.method == "DELETE" {
            live.remove(&place.key(&place.name));
            return;
        }
        let own = matches!(&*place.subresource, "" | "status" | "ephemeralcontainers" | "resize");
        let of_object = step.method == "POST" || !place.name.is_empty();
        if !own || !of_object {
            return;
        }
        let like = match (step.method, step.answer, step.body) {
            ("POST", None, Some(body)) => {
                self.created.get(&format!("{} {}", place.resource.plural, nameless(body)))
            }
            (_, answer, _) => answer,
        };
        let object = match like {
            Some(answer) => recorded(place, answer),
            None if step.method == "POST" => self::sent(place, step).map(|mut object| {
                strategy::prepare_for_create(asked(place), &mut object, &context(place));
                object
            }),
            None => None,
        };
        let Some(mut object) = object else { return };
        let given = step.body.and_then(|body| body.get("metadata")?.get("name")?.as_str());
        let name = match (&*place.name, given) {
            ("", given) => given.unwrap_or(lifecycle::name(&object)).to_owned(),
            (name, _) => name.to_owned(),
        };
        let namespace = place.namespace.as_deref().map(Value::from);
        lifecycle::set_metadata(&mut object, "namespace", namespace);
        lifecycle::set_metadata(&mut object, "name", Some(name.as_str().into()));
        live.insert(place.key(&name), object);
    }
}

fn steps(case: &Value) -> impl Iterator<Item = &Value> {
    case.get("steps").and_then(Value::as_array).into_iter().flatten()
}

/// What rules are asked about: the resource of the request in the form that is stored.
fn asked<'r>(place: &Place<'r>) -> Target<'r> {
    Target::asked(place.resource, "")
}

fn now() -> Timestamp {
    Timestamp::parse(TIME).expect("a time")
}

fn context<'c>(place: &'c Place<'_>) -> Context<'c> {
    let requester = Requester::named("admin");
    Context { now: now(), namespace: place.namespace.as_deref(), requester }
}

/// The object that a client sent, completed and in the stored version.
fn sent(place: &Place<'_>, step: &Step<'_>) -> Option<Object> {
    let (schema, id) = (place.version.message.schema(), place.version.message.id());
    let decoded = match step.body? {
        Value::String(text) => json::decode(schema, id, text.as_bytes()),
        tree => json::decode_tree(schema, id, tree),
    };
    stored(place, decoded.ok()?.object)
}

/// An object of the client's version, completed and in the stored one.
fn stored(place: &Place<'_>, mut object: Object) -> Option<Object> {
    defaults::complete(place.target(), &mut object);
    let mut object = convert::to_stored(place.resource, object).ok()?;
    let namespace = place.namespace.as_deref();
    lifecycle::receive(Target::stored(place.resource), &mut object, namespace).ok()?;
    Some(object)
}

/// A recorded answer as a stored object.
fn recorded(place: &Place<'_>, answer: &Object) -> Option<Object> {
    if answer.get("kind")?.as_str()? != &*place.resource.kind {
        return None;
    }
    let mut tree = Value::Object(answer.clone());
    settle(&mut tree, "");
    let message = &place.version.message;
    let object = json::decode_tree(message.schema(), message.id(), &tree).ok()?.object;
    convert::to_stored(place.resource, object).ok()
}

/// Puts values for the placeholders of a recording.
fn settle(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => match (&**text, name) {
            ("TIME", _) => *value = TIME.into(),
            ("IP", "clusterIP" | "clusterIPs") => *value = ADDRESS.into(),
            ("PORT", "nodePort" | "healthCheckNodePort") => *value = Value::Int(PORT),
            (text, "name") if text.ends_with("-RANDOM") => *value = text.to_lowercase().into(),
            _ => {}
        },
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, name)),
        Value::Object(object) => object.iter_mut().for_each(|(name, value)| settle(value, name)),
        _ => {}
    }
}

/// What validation says to a write; `None` where it is not asked.
fn judge(place: &Place<'_>, step: &Step<'_>, live: &Live) -> Option<Judgement> {
    step.answer?;
    let main = place.subresource.is_empty();
    let judged = main || matches!(&*place.subresource, "status" | "ephemeralcontainers" | "resize");
    let old = live.get(&place.key(&place.name));
    match step.method {
        "POST" if main => Some(created(place, sent(place, step)?)?.of_sent(step.body)),
        "PUT" if judged => Some(updated(place, sent(place, step)?, old?)?.of_sent(step.body)),
        "PATCH" if judged => match old {
            Some(old) => updated(place, patched(place, step, Some(old))?, old),
            None => created(place, patched(place, step, None)?),
        },
        _ => None,
    }
}

/// What a patch makes of a live object.
fn patched(place: &Place<'_>, step: &Step<'_>, live: Option<&Object>) -> Option<Object> {
    let shown = match live {
        Some(live) => Some(convert::from_stored(place.resource, live.clone(), place.version).ok()?),
        None => None,
    };
    let kind = match step.content_type {
        "application/json-patch+json" => PatchKind::Json,
        "application/merge-patch+json" => PatchKind::Merge,
        "application/strategic-merge-patch+json" => PatchKind::Strategic,
        "application/apply-patch+yaml" => return applied(place, step, shown.as_ref()),
        _ => return None,
    };
    let (schema, id) = (place.version.message.schema(), place.version.message.id());
    let body = step.bytes();
    let patch = Patch { kind, body: &body, validation: FieldValidation::Ignore };
    stored(place, patch::apply(schema, id, &shown?, patch).ok()?.object)
}

/// What a configuration makes of an object.
fn applied(place: &Place<'_>, step: &Step<'_>, live: Option<&Object>) -> Option<Object> {
    let parsed: Value = serde_json::from_slice(&step.bytes()).ok()?;
    let (schema, id) = (place.version.message.schema(), place.version.message.id());
    let api_version = place.resource.api_version(place.version);
    let versions = [(api_version.as_str(), id)];
    let subresource = &*place.subresource;
    let manager = Manager {
        schema,
        id,
        api_version: &api_version,
        kind: &place.resource.kind,
        subresource,
        filter: strategy::reset_fields(Target { subresource, ..place.target() }),
        versions: &versions,
    };
    let option = |name| step.query.get(name).copied().unwrap_or_default();
    let writer = Writer { manager: option("fieldManager"), now: now() };
    let force = option("force") == "true";
    let object = manager.on_apply(live, parsed.as_object()?, force, writer).ok()?.object;
    stored(place, object)
}

fn created(place: &Place<'_>, mut object: Object) -> Option<Judgement> {
    let (target, rules) = (Target::stored(place.resource), asked(place));
    strategy::before_allocation(target, &mut object, None);
    let errors = validation::before_allocation(target, &object, None);
    if !errors.is_empty() {
        return Some(Judgement::of(errors, Vec::new));
    }
    lifecycle::before_create(target, &mut object, &FRESH, &context(place)).ok()?;
    Some(Judgement::of(validation::on_create(rules, &object), || {
        validation::warnings(rules, &object, None)
    }))
}

fn updated(place: &Place<'_>, mut object: Object, old: &Object) -> Option<Judgement> {
    let subresource = &*place.subresource;
    let target = Target { subresource, ..Target::stored(place.resource) };
    let rules = Target { subresource, ..asked(place) };
    if subresource.is_empty() {
        if target.kind() == ("", "Pod") {
            tolerate(&mut object, old);
        }
        strategy::before_allocation(target, &mut object, Some(old));
        let errors = validation::before_allocation(target, &object, Some(old));
        if !errors.is_empty() {
            return Some(Judgement::of(errors, Vec::new));
        }
    }
    lifecycle::before_update(target, &mut object, old, &context(place)).ok()?;
    Some(Judgement::of(validation::on_update(rules, &object, old), || {
        validation::warnings(rules, &object, Some(old))
    }))
}

/// Admission lets every pod stay for a while on nodes that fail.
fn tolerate(pod: &mut Object, old: &Object) {
    fn items(pod: &Object) -> &[Value] {
        let tolerations = pod.get("spec").and_then(|spec| spec.get("tolerations"));
        tolerations.and_then(Value::as_array).unwrap_or_default()
    }
    let key = |toleration: &Value| {
        let key = toleration.get("key").and_then(Value::as_str);
        key.unwrap_or_default().to_owned()
    };
    let given = items(pod);
    let is_missing = |one: &&Value| {
        key(one).starts_with("node.kubernetes.io/") && !given.iter().any(|it| key(it) == key(one))
    };
    let missing: Vec<Value> = items(old).iter().filter(is_missing).cloned().collect();
    let all = Value::Array([given, &missing].concat());
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("tolerations", all);
    }
}
