//! Replays cases step by step on objects of their own.

use crate::compare::differences;
use crate::step::{Place, Step, nameless, steps};
use std::collections::{BTreeMap, HashMap};
use xebec_core::codec::{json, normal};
use xebec_core::convert;
use xebec_core::defaults;
use xebec_core::edit;
use xebec_core::lifecycle::{self, DeleteOptions, DeletePlan, Existing, Fresh};
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::registry::{Registry, Selection};
use xebec_core::schema::BUILT_IN;
use xebec_core::status::Status;
use xebec_core::strategy::{self, Context, Requester, binding, eviction, scale};
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::validation;
use xebec_core::value::{Object, Value};

/// What the recordings have in place of every time, version, address and port.
const TIME: &str = "2026-01-01T00:00:00Z";
const ADDRESS: &str = "10.96.0.7";
const PORT: i64 = 30_000;
const UID: &str = "UID";
const VERSION: u64 = 7;

pub struct Replay {
    registry: Registry,
    /// Answers to creates by what was created: those that set a case up are not recorded.
    created: HashMap<String, Object>,
    /// Steps that agree and that do not, by area and method.
    pub scores: BTreeMap<String, (usize, usize)>,
    pub wrong: Vec<String>,
}

/// The objects of a case by their keys, in stored form.
type Live = HashMap<String, Object>;

/// What a step comes to: an object, a Status of success, or a failure; `None` where it is not for
/// us to say.
type Outcome = Option<Result<Made, Status>>;

enum Made {
    Object { code: i64, object: Object },
    Status { code: i64, status: Object },
}

fn now() -> Timestamp {
    Timestamp::parse(TIME).expect("a time")
}

impl Replay {
    pub fn new(cases: &[Value]) -> Self {
        let mut created = HashMap::new();
        for step in cases.iter().flat_map(steps) {
            let (Some(body), Some(answer)) = (step.body, step.answer) else { continue };
            if step.method == "POST" && step.code == 201 {
                let collection = step.path.rsplit('/').next().unwrap_or_default();
                created.insert(format!("{collection} {}", nameless(body)), answer.clone());
            }
        }
        let registry = Registry::built_in(Selection::All);
        Self { registry, created, scores: BTreeMap::new(), wrong: Vec::new() }
    }

    pub fn run(&mut self, case: &Value) {
        let text = |name| case.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, area) = (text("id"), text("area"));
        // Other areas ask for other things: rights, documents, admission.
        if matches!(area, "discovery" | "transport" | "access" | "boot" | "admission") {
            return;
        }
        let mut live = Live::new();
        for (at, step) in steps(case).enumerate() {
            let Some(place) = step.place(&self.registry) else { continue };
            let before = (step.code >= 400).then(|| live.clone());
            let outcome = attempt(&place, &step, &mut live);
            // Others may know why a step failed.
            live = before.unwrap_or(live);
            if let Some(outcome) = outcome.filter(|_| !step.setup) {
                let verdict = judge(&place, &step, &outcome);
                let score = self.scores.entry(format!("{area} {}", step.method)).or_default();
                match verdict {
                    None => {}
                    Some(Ok(())) => score.0 += 1,
                    Some(Err(why)) => {
                        score.1 += 1;
                        let (method, path) = (step.method, step.path);
                        self.wrong.push(format!("{id} step {at} {method} {path}: {why}"));
                    }
                }
            }
            self.follow(&place, &step, &mut live);
        }
    }

    /// Takes what a step left behind from the recording, where that says it better than we.
    fn follow(&self, place: &Place<'_>, step: &Step<'_>, live: &mut Live) {
        let answer = match (step.method, step.answer, step.body) {
            ("POST", None, Some(body)) => {
                self.created.get(&format!("{} {}", place.resource.plural, nameless(body)))
            }
            ("POST" | "PUT" | "PATCH" | "GET", answer, _) if matches!(step.code, 200 | 201) => {
                answer
            }
            _ => None,
        };
        let own = matches!(&*place.subresource, "" | "status" | "ephemeralcontainers" | "resize");
        let Some(answer) = answer.filter(|_| own && !step.is_dry_run()) else { return };
        let Some(mut object) = recorded(place, answer) else { return };
        let given = step.body.and_then(|body| edit_name(body)).unwrap_or_default();
        let name = if place.name.is_empty() { given } else { &place.name };
        let is_apply = step.content_type == "application/apply-patch+yaml";
        if !name.is_empty() && (is_apply || live.contains_key(&place.key(name))) {
            if let Some(namespace) = &place.namespace {
                let namespace = Some(namespace.as_str().into());
                lifecycle::set_metadata(&mut object, "namespace", namespace);
            }
            lifecycle::set_metadata(&mut object, "name", Some(name.into()));
            let held = live.get(&place.key(name)).map(lifecycle::metadata);
            let deletion = held.and_then(|held| held.get("deletionTimestamp")).cloned();
            lifecycle::set_metadata(&mut object, "deletionTimestamp", deletion);
            live.insert(place.key(name), object);
        }
    }
}

fn edit_name(body: &Value) -> Option<&str> {
    body.get("metadata")?.get("name")?.as_str()
}

/// Puts real values in the place of the recordings' words.
fn settle(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => match (&**text, name) {
            ("TIME", _) => *value = TIME.into(),
            ("RV", _) => *value = VERSION.to_string().into(),
            ("IP", "clusterIP" | "clusterIPs") => *value = ADDRESS.into(),
            ("PORT", "nodePort" | "healthCheckNodePort") => *value = Value::Int(PORT),
            _ => {}
        },
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, name)),
        Value::Object(object) => object.iter_mut().for_each(|(name, value)| settle(value, name)),
        _ => {}
    }
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

fn context<'c>(place: &'c Place<'_>) -> Context<'c> {
    let requester = Requester::named("admin");
    Context { now: now(), namespace: place.namespace.as_deref(), requester }
}

/// The object that a client sent, completed and in the stored version.
fn sent(place: &Place<'_>, tree: &Value) -> Option<Object> {
    let (schema, id) = (place.version.message.schema(), place.version.message.id());
    let mut object = json::decode_tree(schema, id, tree).ok()?.object;
    defaults::complete(place.target(), &mut object);
    convert::to_stored(place.resource, object).ok()
}

fn attempt(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    match (step.method, &*place.subresource) {
        ("POST", "") => create(place, step, live),
        ("POST", "binding") => bind(place, step, live),
        ("POST", "eviction") => evict(place, step, live),
        ("PUT" | "GET" | "PATCH", "scale") => rescale(place, step, live),
        ("PUT", _) => {
            let key = place.key(&place.name);
            let new = sent(place, &parsed(step)?)?;
            replace(place, step, (live, &key), new, false)
        }
        ("PATCH", _) => patched(place, step, live),
        ("DELETE", "") if !place.name.is_empty() => delete(place, step, live),
        ("GET", "") if !place.name.is_empty() && step.accept.is_empty() => {
            let found = live.get(&place.key(&place.name)).cloned();
            let of = place.target().group_resource();
            Some(match found {
                Some(object) => Ok(Made::Object { code: 200, object }),
                None => Err(Status::not_found(of, &place.name)),
            })
        }
        _ => None,
    }
}

fn parsed(step: &Step<'_>) -> Option<Value> {
    match step.body? {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

fn create(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let mut object = sent(place, &parsed(step)?)?;
    let outcome = create_object(place, &mut object);
    let key = place.key(lifecycle::name(&object));
    Some(outcome.and_then(|()| {
        if let Some(held) = live.get(&key) {
            return Err(lifecycle::already_exists(place.target(), &object, Some(held)));
        }
        if !step.is_dry_run() {
            live.insert(key, object.clone());
        }
        Ok(Made::Object { code: 201, object })
    }))
}

fn create_object(place: &Place<'_>, object: &mut Object) -> Result<(), Status> {
    let target = place.stored();
    lifecycle::receive(target, object, place.namespace.as_deref())?;
    strategy::before_allocation(target, object, None);
    let fresh = Fresh { uid: UID, name_suffix: "bcdfg" };
    lifecycle::before_create(target, object, &fresh, &context(place))?;
    valid(target, object, &validation::on_create(target, object))?;
    normal::forget_empty(target.schema(), target.message(), object);
    lifecycle::check_new_version(object)
}

fn valid(
    target: Target<'_>,
    object: &Object,
    errors: &[xebec_core::field_error::FieldError],
) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(target.group_kind(), lifecycle::name(object), errors))
}

fn replace(
    place: &Place<'_>,
    step: &Step<'_>,
    (live, key): (&mut Live, &str),
    mut new: Object,
    is_patch: bool,
) -> Outcome {
    let target = place.stored();
    let namespace = place.namespace.as_deref();
    let Some(old) = live.get(key).cloned() else {
        let creates = lifecycle::allows_create_on_update(target);
        let of = place.target().group_resource();
        return (!creates).then(|| Err(Status::not_found(of, &place.name)));
    };
    let outcome = (|| {
        lifecycle::check_name(&new, &place.name, namespace)?;
        if !is_patch {
            lifecycle::check_uid(target, &new, Some(&old))?;
        }
        lifecycle::check_version(target, &new, Existing { object: &old, version: VERSION })?;
        if place.subresource.is_empty() {
            strategy::before_allocation(target, &mut new, Some(&old));
        }
        lifecycle::before_update(target, &mut new, &old, &context(place))?;
        valid(target, &new, &validation::on_update(target, &new, &old))?;
        normal::forget_empty(target.schema(), target.message(), &mut new);
        Ok(())
    })();
    Some(outcome.map(|()| {
        if lifecycle::deletes_now(target, &new, &old) {
            live.remove(key);
        } else if !step.is_dry_run() {
            live.insert(key.to_owned(), new.clone());
        }
        Made::Object { code: 200, object: new }
    }))
}

fn patched(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let kind = match step.content_type {
        "application/json-patch+json" => PatchKind::Json,
        "application/merge-patch+json" => PatchKind::Merge,
        "application/strategic-merge-patch+json" => PatchKind::Strategic,
        _ => return None,
    };
    let key = place.key(&place.name);
    let old = live.get(&key)?.clone();
    let shown = convert::from_stored(place.resource, old, place.version).ok()?;
    let body = step.bytes();
    let (schema, id) = (place.version.message.schema(), place.version.message.id());
    let patch = Patch { kind, body: &body, validation: FieldValidation::Ignore };
    let mut new = patch::apply(schema, id, &shown, patch).ok()?.object;
    defaults::complete(place.target(), &mut new);
    let new = convert::to_stored(place.resource, new).ok()?;
    replace(place, step, (live, &key), new, true)
}

fn delete(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let key = place.key(&place.name);
    let target = place.stored();
    let Some(old) = live.get(&key).cloned() else {
        return Some(Err(Status::not_found(place.target().group_resource(), &place.name)));
    };
    let options = match step.body.and_then(Value::as_object) {
        Some(body) if body.get("kind").and_then(Value::as_str) == Some("DeleteOptions") => {
            DeleteOptions::from_object(body)
        }
        Some(_) => return None,
        None => from_query(step)?,
    };
    Some(options.validate().and_then(|()| {
        let plan = lifecycle::plan(target, &old, &options, now())?;
        let shows_object = plan.answers_object(target, &options);
        let code = i64::from(plan.code(&options));
        let object = match plan {
            DeletePlan::Pending { .. } => old,
            DeletePlan::Mark(marked) => {
                live.insert(key, marked.clone());
                marked
            }
            DeletePlan::Remove { first } => {
                live.remove(&key);
                first.unwrap_or(old)
            }
        };
        if shows_object {
            return Ok(Made::Object { code, object });
        }
        let status = lifecycle::deleted_status(place.target(), &object);
        Ok(Made::Status { code, status })
    }))
}

fn from_query(step: &Step<'_>) -> Option<DeleteOptions> {
    let mut options = DeleteOptions::default();
    if let Some(text) = step.query.get("gracePeriodSeconds") {
        options.grace_period_s = Some(text.parse().ok()?);
    }
    options.orphan_dependents = step.query.get("orphanDependents").map(|text| *text == "true");
    options.propagation = step.query.get("propagationPolicy").map(|text| Box::from(*text));
    options.dry_run = step.query.get("dryRun").map(|text| Box::from(*text)).into_iter().collect();
    Some(options)
}

fn success(code: i64) -> Made {
    let mut status = Object::new();
    status.push("kind", "Status".into());
    status.push("apiVersion", "v1".into());
    status.push("metadata", Value::Object(Object::new()));
    status.push("status", "Success".into());
    status.push("code", Value::Int(code));
    Made::Status { code, status }
}

fn bind(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let body = parsed(step)?;
    let body = body.as_object()?;
    let key = place.key(&place.name);
    let pod = live.get(&key)?.clone();
    let bound = binding::check(body, &place.name)
        .and_then(|()| binding::bind(Target::stored(place.resource), &pod, body, now()));
    Some(bound.map(|bound| {
        live.insert(key, bound);
        success(201)
    }))
}

fn evict(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let body = parsed(step)?;
    let key = place.key(&place.name);
    let pod = live.get(&key)?.clone();
    let registry = Registry::built_in(Selection::Default);
    let budgets = registry.find_resource("policy", "poddisruptionbudgets")?;
    let range = budgets.key_range(place.namespace.as_deref());
    let held: Vec<Object> = live
        .iter()
        .filter(|(key, _)| key.starts_with(&range))
        .map(|(_, one)| one.clone())
        .collect();
    let decide = || {
        eviction::check(body.as_object().unwrap_or(&Object::EMPTY), &place.name)?;
        eviction::decide(Target::stored(budgets), &pod, &held, now())?;
        let target = Target::stored(place.resource);
        let marked = eviction::mark(target, &pod, now());
        lifecycle::plan(target, &marked, &DeleteOptions::default(), now())
    };
    Some(decide().map(|plan| {
        match plan {
            DeletePlan::Mark(pod) => drop(live.insert(key, pod)),
            DeletePlan::Remove { .. } => drop(live.remove(&key)),
            DeletePlan::Pending { .. } => {}
        }
        success(201)
    }))
}

fn rescale(place: &Place<'_>, step: &Step<'_>, live: &mut Live) -> Outcome {
    let key = place.key(&place.name);
    let mut object = live.get(&key)?.clone();
    let target = Target::stored(place.resource);
    let outcome = (|| {
        if let Some(asked) = parsed(step) {
            let old = object.clone();
            let asked = match step.method {
                "PATCH" => patched_scale(&object, step)?,
                _ => asked.as_object().cloned().unwrap_or_default(),
            };
            scale::check(&asked, &object)?;
            scale::write(target, &mut object, &asked, None);
            lifecycle::check_version(target, &object, Existing { object: &old, version: VERSION })?;
            lifecycle::before_update(target, &mut object, &old, &context(place))?;
        }
        scale::show(&object, None)
    })();
    Some(outcome.map(|(shown, _)| {
        live.insert(key, object);
        Made::Object { code: 200, object: shown }
    }))
}

fn patched_scale(object: &Object, step: &Step<'_>) -> Result<Object, Status> {
    let id = BUILT_IN.find("k8s.io.api.autoscaling.v1.Scale").expect("a message of the table");
    let (shown, _) = scale::show(object, None)?;
    let (kind, body) = (PatchKind::Merge, step.bytes());
    let patch = Patch { kind, body: &body, validation: FieldValidation::Ignore };
    Ok(patch::apply(&BUILT_IN, id, &shown, patch)?.object)
}

fn judge(
    place: &Place<'_>,
    step: &Step<'_>,
    outcome: &Result<Made, Status>,
) -> Option<Result<(), String>> {
    let answer = step.answer?;
    match outcome {
        Ok(Made::Object { .. }) if step.code >= 400 => {
            // Admission, authorization and allocation refuse beyond what we know here.
            let message = edit::text(answer, &["message"]);
            let reason = edit::text(answer, &["reason"]);
            let ours = reason == "Conflict" || message.contains("must be specified for an update");
            ours.then(|| Err(format!("made, wanted {message}")))
        }
        Ok(Made::Object { code, object }) => {
            if edit::text(answer, &["kind"]) == "Table" {
                return None;
            }
            let mut wanted = Value::Object(answer.clone());
            settle(&mut wanted, "");
            let wanted = match recorded(place, answer) {
                Some(wanted) => wanted,
                None => wanted.as_object()?.clone(),
            };
            Some(same_code(*code, step).and_then(|()| differences(object, &wanted)))
        }
        Ok(Made::Status { code, status }) => {
            Some(same_code(*code, step).and_then(|()| differences(status, answer)))
        }
        // Validation has a judge of its own.
        Err(status) if is_validation(status) => None,
        Err(status) => {
            // Whether it may be done is asked before whether it is there.
            (step.code != 403).then(|| differences(&status.to_object(), answer))
        }
    }
}

fn is_validation(status: &Status) -> bool {
    status.reason == "Invalid" && !status.message.contains("must be specified for an update")
}

fn same_code(code: i64, step: &Step<'_>) -> Result<(), String> {
    if code == step.code { Ok(()) } else { Err(format!("{code}, wanted {}", step.code)) }
}
