//! Replays one case.

use std::collections::HashMap;
use std::sync::LazyLock;
use xebec_core::apply::fieldset::Set;
use xebec_core::apply::{Manager, Writer};
use xebec_core::codec::json;
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::registry::{Registry, Selection};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::status::Status;
use xebec_core::strategy;
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

#[derive(Default)]
pub struct Score {
    pub checked: usize,
    pub wrong: usize,
}

/// What the recordings have in place of every time.
const TIME: &str = "2026-01-01T00:00:00Z";

struct Step<'c> {
    method: &'c str,
    path: &'c str,
    query: HashMap<&'c str, &'c str>,
    content_type: &'c str,
    body: Option<&'c Value>,
    code: i64,
    answer: Option<&'c Object>,
    setup: bool,
}

impl<'c> Step<'c> {
    fn read(step: &'c Value) -> Self {
        let text = |name| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let (path, query) = text("p").split_once('?').unwrap_or((text("p"), ""));
        let headers = step.get("h");
        Self {
            method: text("m"),
            path,
            query: query.split('&').filter_map(|pair| pair.split_once('=')).collect(),
            content_type: headers
                .and_then(|headers| headers.get("Content-Type"))
                .and_then(Value::as_str)
                .unwrap_or_default(),
            body: step.get("b"),
            code: step.get("code").and_then(Value::as_i64).unwrap_or_default(),
            answer: step.get("r").and_then(Value::as_object),
            setup: step.get("setup").is_some(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self.body {
            Some(Value::String(text)) => text.as_bytes().to_vec(),
            Some(other) => serde_json::to_vec(other).expect("serializable"),
            None => Vec::new(),
        }
    }

    /// Empty for the object itself.
    fn subresource(&self) -> &'c str {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        let known =
            ["status", "scale", "binding", "ephemeralcontainers", "resize", "finalize", "approval"];
        if known.contains(&last) { last } else { "" }
    }

    fn object_path(&self) -> &'c str {
        let path = self.path.strip_suffix(self.subresource()).unwrap_or(self.path);
        path.strip_suffix('/').unwrap_or(path)
    }

    fn option(&self, name: &str) -> &'c str {
        self.query.get(name).copied().unwrap_or_default()
    }
}

/// What every create that was answered made of its body: the answers of creates that set a case
/// up are not recorded, but others had the same body.
#[derive(Default)]
pub struct Created {
    by_body: HashMap<String, Object>,
}

impl Created {
    pub fn gather(cases: &[Value]) -> Self {
        let mut created = Self::default();
        for case in cases {
            created.gather_case(case);
        }
        created
    }

    fn gather_case(&mut self, case: &Value) {
        let mut untouched: HashMap<String, String> = HashMap::new();
        for step in case.get("steps").and_then(Value::as_array).into_iter().flatten() {
            let step = Step::read(step);
            let object = step.answer.and_then(known).map(|(_, object)| object);
            match (step.method, step.code, step.body, object) {
                ("POST", 201, Some(body), Some(object)) => {
                    self.by_body.insert(nameless(body), object);
                }
                ("POST", _, Some(body), _) if step.setup => {
                    let name = body.get("metadata").and_then(|metadata| metadata.get("name"));
                    let name = name.and_then(Value::as_str).unwrap_or_default();
                    untouched.insert(format!("{}/{name}", step.path), nameless(body));
                }
                // What failed left the object as it was created, which a read then shows.
                ("GET", 200, _, Some(object)) => {
                    if let Some(body) = untouched.get(step.path) {
                        self.by_body.insert(body.clone(), object);
                    }
                }
                ("PATCH" | "PUT" | "POST", 400.., ..) => {}
                _ => untouched.clear(),
            }
        }
    }

    /// What a create that sets a case up made.
    fn find(&self, step: &Step<'_>) -> Option<(String, Object)> {
        let body = step.body.filter(|_| step.setup && step.method == "POST")?;
        let name = body.get("metadata")?.get("name")?.as_str()?;
        Some((format!("{}/{name}", step.path), self.by_body.get(&nameless(body))?.clone()))
    }
}

/// A body without what differs between cases.
fn nameless(body: &Value) -> String {
    let mut body = body.clone();
    let metadata = body.as_object_mut().and_then(|body| body.get_mut("metadata"));
    if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !matches!(name, "name" | "namespace"));
    }
    serde_json::to_string(&body).expect("serializable")
}

pub fn replay(case: &Value, created: &Created, score: &mut Score, wrong: &mut Vec<String>) {
    let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
    let mut live: HashMap<String, Object> = HashMap::new();
    for (at, step) in case.get("steps").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let step = Step::read(step);
        let verdict = check(&step, &live);
        if let Some(verdict) = verdict {
            score.checked += 1;
            if let Err(why) = verdict {
                score.wrong += 1;
                wrong.push(format!("{id} step {at} {} {}: {why}", step.method, step.path));
            }
        }
        if step.setup && step.method != "POST" {
            live.clear();
        }
        if let Some((path, answer)) = stored(&step).or_else(|| created.find(&step)) {
            live.insert(path, answer);
        }
        if step.method == "DELETE" {
            live.remove(step.path);
        }
    }
}

/// The object that a step leaves behind, as far as its answer tells.
fn stored(step: &Step<'_>) -> Option<(String, Object)> {
    let answer = step.answer.filter(|_| matches!(step.code, 200 | 201))?;
    if !step.option("dryRun").is_empty() || answer.get("metadata")?.get("uid").is_none() {
        return None;
    }
    let name = answer.get("metadata")?.get("name")?.as_str()?;
    let path = match step.method {
        "POST" => format!("{}/{name}", step.path),
        "PATCH" | "PUT" | "GET" => step.object_path().to_owned(),
        _ => return None,
    };
    let (_, object) = known(answer)?;
    Some((path, object))
}

/// The message of an answer and the answer in normal form, with real times.
fn known(answer: &Object) -> Option<(MessageId, Object)> {
    let kind = answer.get("kind")?.as_str()?;
    let id = message_of(answer.get("apiVersion")?.as_str()?, kind)?;
    let mut tree = Value::Object(answer.clone());
    real_times(&mut tree);
    Some((id, json::decode_tree(&BUILT_IN, id, &tree).ok()?.object))
}

fn real_times(value: &mut Value) {
    match value {
        Value::String(text) if &**text == "TIME" => *value = TIME.into(),
        Value::String(text) if &**text == "PORT" => *value = Value::Int(30_000),
        Value::Array(items) => items.iter_mut().for_each(real_times),
        Value::Object(object) => object.iter_mut().for_each(|(_, value)| real_times(value)),
        _ => {}
    }
}

fn message_of(api_version: &str, kind: &str) -> Option<MessageId> {
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let package = match group {
        "apiextensions.k8s.io" => "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions".into(),
        "apiregistration.k8s.io" => "k8s.io.kube_aggregator.pkg.apis.apiregistration".into(),
        "internal.apiserver.k8s.io" => "k8s.io.api.apiserverinternal".into(),
        "rbac.authorization.k8s.io" => "k8s.io.api.rbac".into(),
        "flowcontrol.apiserver.k8s.io" => "k8s.io.api.flowcontrol".into(),
        _ => format!("k8s.io.api.{}", group.split('.').next().unwrap_or_default()),
    };
    BUILT_IN.find(&format!("{package}.{version}.{kind}"))
}

type Verdict = Option<Result<(), String>>;

fn check(step: &Step<'_>, live: &HashMap<String, Object>) -> Verdict {
    let answer = step.answer.filter(|_| !step.setup)?;
    if matches!(step.subresource(), "scale" | "binding") {
        return None;
    }
    match (step.method, step.content_type) {
        ("POST", _) if step.code == 201 => check_create(step, answer),
        ("PATCH", "application/apply-patch+yaml") => check_apply(step, answer, live),
        ("PATCH", _) => check_patch(step, answer, live.get(step.object_path())?),
        ("PUT", _) if step.code == 200 => check_put(step, answer, live.get(step.object_path())?),
        _ => None,
    }
}

fn entries(object: &Object) -> Value {
    let metadata = object.get("metadata");
    metadata.and_then(|metadata| metadata.get("managedFields")).cloned().unwrap_or_default()
}

fn without_entries(mut object: Object) -> Object {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn same_entries(got: &Object, wanted: &Object) -> Result<(), String> {
    let (got, wanted) = (entries(got), entries(wanted));
    if got == wanted {
        return Ok(());
    }
    let list = |entries: &Value| entries.as_array().unwrap_or_default().to_vec();
    let (got_list, wanted_list) = (list(&got), list(&wanted));
    let heads = |list: &[Value]| list.iter().map(head).collect::<Vec<_>>();
    // Controllers of the server may have written in between.
    let ours = |list: Vec<Value>| {
        list.into_iter().filter(|entry| !SERVERS_OWN.contains(&manager_of(entry))).collect()
    };
    let (got_list, wanted_list): (Vec<_>, Vec<_>) = (ours(got_list), ours(wanted_list));
    if heads(&got_list) != heads(&wanted_list) {
        return Err(format!("managers {:?}, wanted {:?}", heads(&got_list), heads(&wanted_list)));
    }
    let mut text = String::new();
    for (got, wanted) in got_list.iter().zip(&wanted_list).filter(|(got, wanted)| got != wanted) {
        let nothing = Value::default();
        let fields = |entry: &Value| entry.get("fieldsV1").unwrap_or(&nothing).clone();
        let (got_fields, wanted_fields) = (fields(got), fields(wanted));
        let set = |fields| Set::decode(fields).expect("a set").set;
        let more = set(&got_fields).difference(&set(&wanted_fields)).encode();
        let less = set(&wanted_fields).difference(&set(&got_fields)).encode();
        let json = |value| serde_json::to_string(&value).expect("serializable");
        text += &format!("{}: too much {} too little {}; ", head(got), json(more), json(less));
    }
    if text.is_empty() { Ok(()) } else { Err(text) }
}

/// Managers that are part of the recorded server.
const SERVERS_OWN: [&str; 2] = ["kube-apiserver", "api-priority-and-fairness-config-consumer-v1"];

fn manager_of(entry: &Value) -> &str {
    entry.get("manager").and_then(Value::as_str).unwrap_or_default()
}

fn head(entry: &Value) -> String {
    let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let names = ["manager", "operation", "apiVersion", "subresource", "time"];
    names.map(text).join(" ")
}

/// Where two texts part.
fn difference(got: &str, wanted: &str) -> String {
    let at = got.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    let from = at.saturating_sub(120);
    let cut = |text: &str| text.get(from..).unwrap_or(text).chars().take(400).collect::<String>();
    format!("\n    got    …{}\n    wanted …{}", cut(got), cut(wanted))
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::built_in(Selection::All));

/// Runs with the field manager of what an object was sent to.
fn with_manager<T>(
    step: &Step<'_>,
    id: MessageId,
    object: &Object,
    act: impl FnOnce(Manager<'_>) -> T,
) -> Option<T> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let (resource, version) = REGISTRY.find_kind(group, version, kind)?;
    let subresource = step.subresource();
    let versions = [(api_version, id)];
    Some(act(Manager {
        schema: &BUILT_IN,
        id,
        api_version,
        kind,
        subresource,
        filter: strategy::reset_fields(Target { resource, version, subresource }),
        versions: &versions,
    }))
}

fn writer<'c>(step: &Step<'c>) -> Writer<'c> {
    let manager = step.option("fieldManager");
    Writer {
        manager: if manager.is_empty() { "unknown" } else { manager },
        now: Timestamp::parse(TIME).expect("a time"),
    }
}

fn check_create(step: &Step<'_>, answer: &Object) -> Verdict {
    let (id, wanted) = known(answer)?;
    let given = json::decode_tree(&BUILT_IN, id, step.body?).ok()?.object;
    let mut new = as_before_storage(given, &without_entries(wanted.clone()));
    with_manager(step, id, &wanted, |manager| {
        manager.on_update(None, &mut new, false, writer(step));
        same_entries(&new, &wanted)
    })
}

/// Fields that admission and storage add after the managed fields are settled.
const ADDED_LATER: &[(&str, &str)] = &[
    ("Pod", ".spec.priority"),
    ("Pod", ".spec.preemptionPolicy"),
    ("Pod", ".spec.serviceAccountName"),
    ("Pod", ".spec.tolerations"),
    ("Pod", ".spec.volumes"),
    ("Pod", ".spec.containers.volumeMounts"),
    ("Pod", ".spec.initContainers.volumeMounts"),
    ("Namespace", ".spec.finalizers"),
    ("Node", ".spec.taints"),
    ("PersistentVolume", ".metadata.finalizers"),
    ("PersistentVolumeClaim", ".metadata.finalizers"),
    ("PersistentVolumeClaim", ".spec.dataSource"),
    ("PersistentVolumeClaim", ".spec.dataSourceRef"),
    ("Job", ".metadata.labels"),
    ("Job", ".spec.selector"),
    ("Job", ".spec.template.metadata.labels"),
    ("Service", ".spec.clusterIP"),
    ("Service", ".spec.clusterIPs"),
    ("Service", ".spec.ipFamilies"),
    ("Service", ".spec.ipFamilyPolicy"),
    ("Service", ".spec.ports.nodePort"),
    ("Service", ".spec.healthCheckNodePort"),
];

/// Fields that upstream's own conversion sets: from what clients write into what is stored.
const CONVERTED: &[(&str, &str)] = &[
    ("Secret", ".data"),
    ("Secret", ".stringData"),
    ("Node", ".spec.podCIDRs"),
    ("Pod", ".spec.serviceAccount"),
];

/// The object as given and defaulted: defaults are taken from the answer.
fn as_before_storage(given: Object, answer: &Object) -> Object {
    let kind = answer.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut answer = answer.clone();
    if let Some(spec) = answer.get_mut("spec").and_then(Value::as_object_mut) {
        // An alias of a name that admission may have added.
        let named = given.get("spec").and_then(|spec| spec.get("serviceAccountName")).is_some();
        spec.retain(|name, _| name != "serviceAccount" || named || kind != "Pod");
    }
    let mut given = Value::Object(given);
    fill(&kind, &mut given, &Value::Object(answer.clone()), "");
    match given {
        Value::Object(given) => given,
        _ => Object::new(),
    }
}

fn fill(kind: &str, given: &mut Value, answer: &Value, path: &str) {
    match (given, answer) {
        (Value::Object(given), Value::Object(answer)) => {
            let mut filled = Object::new();
            for (name, value) in answer.iter() {
                let path = format!("{path}.{name}");
                if CONVERTED.contains(&(kind, path.as_str())) {
                    given.remove(name);
                    filled.push(name, value.clone());
                    continue;
                }
                match given.remove(name) {
                    Some(mut held) if !held.is_null() => {
                        fill(kind, &mut held, value, &path);
                        filled.push(name, held);
                    }
                    held if ADDED_LATER.contains(&(kind, path.as_str())) => {
                        held.into_iter().for_each(|held| filled.push(name, held));
                    }
                    _ => filled.push(name, value.clone()),
                }
            }
            for (name, value) in std::mem::take(given) {
                if !CONVERTED.contains(&(kind, format!("{path}.{name}").as_str())) {
                    filled.push(name, value);
                }
            }
            *given = filled;
        }
        (Value::Array(given), Value::Array(answer)) => {
            for (given, answer) in given.iter_mut().zip(answer) {
                fill(kind, given, answer, path);
            }
        }
        // A default for what the client left zero.
        (given, answer)
            if given != answer
                && (matches!(given, Value::Int(0))
                    || given.as_str().is_some_and(str::is_empty)) =>
        {
            *given = answer.clone();
        }
        _ => {}
    }
}

fn check_put(step: &Step<'_>, answer: &Object, live: &Object) -> Verdict {
    let (id, wanted) = known(answer)?;
    entries(&wanted).as_array()?;
    let given = json::decode_tree(&BUILT_IN, id, step.body?).ok()?.object;
    let mut new = as_before_storage(given, &without_entries(wanted.clone()));
    with_manager(step, id, &wanted, |manager| {
        manager.on_update(Some(live), &mut new, false, writer(step));
        same_entries(&new, &wanted)
    })
}

fn same_status(got: &Status, step: &Step<'_>, answer: &Object) -> Result<(), String> {
    let wanted = serde_json::to_string(&Value::Object(answer.clone())).expect("serializable");
    let got_text = serde_json::to_string(&Value::Object(got.to_object())).expect("serializable");
    if got_text == wanted && i64::from(got.code) == step.code {
        return Ok(());
    }
    // Texts of decode errors are not compared.
    if got.code == 400 && step.code == 400 {
        return Ok(());
    }
    Err(difference(&got_text, &wanted))
}

/// Answers that come from somewhere else than the patch: validation, preconditions, names.
fn is_foreign(step: &Step<'_>, answer: &Object) -> bool {
    let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
    match step.code {
        200 | 201 => false,
        400 => message.contains("does not match"),
        409 => !message.starts_with("Apply failed"),
        422 => !message.starts_with("the server rejected"),
        500 => message.is_empty(),
        _ => true,
    }
}

fn check_apply(step: &Step<'_>, answer: &Object, live: &HashMap<String, Object>) -> Verdict {
    if is_foreign(step, answer) {
        return None;
    }
    let patch: Value = serde_json::from_slice(&step.bytes()).ok()?;
    let patch = patch.as_object()?;
    let id = message_of(patch.get("apiVersion")?.as_str()?, patch.get("kind")?.as_str()?)?;
    let force = step.option("force") == "true";
    let live = live.get(step.path);
    let outcome = with_manager(step, id, patch, |manager| {
        manager.on_apply(live, patch, force, writer(step))
    })?;
    Some(match (outcome, step.code) {
        (Ok(applied), 200 | 201) => {
            let (id, wanted) = known(answer)?;
            let _ = id;
            same_entries(&applied.object, &wanted).and_then(|()| covered(&applied.object, &wanted))
        }
        (Err(status), code) if code >= 400 => same_status(&status, step, answer),
        (Ok(_), _) => Err(format!("applied, but wanted {answer:?}")),
        (Err(status), _) => Err(format!("failed: {status}")),
    })
}

fn check_patch(step: &Step<'_>, answer: &Object, live: &Object) -> Verdict {
    if is_foreign(step, answer) {
        return None;
    }
    let kind = match step.content_type {
        "application/json-patch+json" => PatchKind::Json,
        "application/merge-patch+json" => PatchKind::Merge,
        "application/strategic-merge-patch+json" => PatchKind::Strategic,
        _ => return None,
    };
    let id = message_of(live.get("apiVersion")?.as_str()?, live.get("kind")?.as_str()?)?;
    let body = step.bytes();
    let validation = match step.option("fieldValidation") {
        "Strict" => FieldValidation::Strict,
        "Ignore" => FieldValidation::Ignore,
        _ => FieldValidation::Warn,
    };
    let outcome = patch::apply(&BUILT_IN, id, live, Patch { kind, body: &body, validation });
    let patched = match outcome {
        Ok(patched) => patched,
        Err(status) => return Some(same_status(&status, step, answer)),
    };
    if step.code >= 400 {
        return Some(Err("patched, but an error was wanted".to_owned()));
    }
    let (_, wanted) = known(answer)?;
    // Defaults that come back after the patch are taken from the answer.
    let mut new = wanted.clone();
    if let (Some(metadata), Some(held)) = (
        new.get_mut("metadata").and_then(Value::as_object_mut),
        Some(entries(&patched.object)).filter(|entries| !entries.is_null()),
    ) {
        metadata.insert("managedFields", held);
    }
    let resets = patched.resets_managed_fields;
    let verdict = with_manager(step, id, live, |manager| {
        manager.on_update(Some(live), &mut new, resets, writer(step));
        same_entries(&new, &wanted)
    })?;
    if !step.subresource().is_empty() {
        // Strategies take from the stored object what is not written here.
        return Some(verdict);
    }
    Some(verdict.and_then(|()| covered(&without_entries(patched.object), &wanted)))
}

/// What we made is in the answer; the answer may hold more (defaults).
fn covered(got: &Object, wanted: &Object) -> Result<(), String> {
    let mut got = got.clone();
    if got.get("kind").and_then(Value::as_str) == Some("Secret") {
        got.retain(|name, _| !CONVERTED.contains(&("Secret", format!(".{name}").as_str())));
    }
    covers(&Value::Object(got), &Value::Object(wanted.clone()), "")
}

fn covers(got: &Value, wanted: &Value, path: &str) -> Result<(), String> {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            for (name, value) in got.iter() {
                let server_sets = matches!(
                    (path, name),
                    ("", "status")
                        | (
                            ".metadata",
                            "generation"
                                | "resourceVersion"
                                | "managedFields"
                                | "creationTimestamp"
                                | "uid"
                                | "namespace"
                                | "name"
                        )
                );
                let empty = value.is_null()
                    || *value == Value::Int(0)
                    || value.as_object().is_some_and(Object::is_empty);
                if server_sets || empty {
                    continue;
                }
                let path = format!("{path}.{name}");
                match wanted.get(name) {
                    Some(wanted) => covers(value, wanted, &path)?,
                    None => return Err(format!("{path} is not in the answer: {value:?}")),
                }
            }
            Ok(())
        }
        // Admission adds tolerations and taints at the end.
        (Value::Array(got), Value::Array(wanted)) if got.len() <= wanted.len() => {
            let mut pairs = got.iter().zip(wanted).enumerate();
            pairs.try_for_each(|(at, (got, wanted))| covers(got, wanted, &format!("{path}[{at}]")))
        }
        _ if got == wanted => Ok(()),
        _ => Err(format!("{path}: {got:?}, wanted {wanted:?}")),
    }
}
