//! Replays the creates and updates of recorded cases against the rules of core.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use xebec_core::codec::json;
use xebec_core::convert;
use xebec_core::defaults;
use xebec_core::field_error::FieldError;
use xebec_core::registry::{Registry, Resource, Selection, Version};
use xebec_core::strategy;
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::validation;
use xebec_core::value::{Object, Value};

/// What the recordings have in place of every time, address and port.
const TIME: &str = "2026-01-01T00:00:00Z";
const ADDRESS: &str = "10.96.0.7";
const PORT: i64 = 30_000;

/// How the steps of a resource were judged.
#[derive(Debug, Default)]
pub struct Score {
    /// Word for word, warnings included.
    pub exact: usize,
    /// The same fields and reasons.
    pub near: usize,
    pub wrong: usize,
    pub failures: Vec<String>,
}

impl Score {
    pub fn add(&mut self, other: &Self) {
        self.exact += other.exact;
        self.near += other.near;
        self.wrong += other.wrong;
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exact, near, wrong, .. } = self;
        write!(f, "{:6} {exact:6} {near:6} {wrong:6}", exact + near + wrong)
    }
}

/// The recordings' objects and how far the replay agrees.
pub struct Replay {
    registry: Registry,
    /// Answers to creates, by what was created: those that set a case up are not recorded, but
    /// others sent the same.
    created: HashMap<String, Object>,
    pub scores: BTreeMap<(String, String), Score>,
}

/// A step of a case.
struct Step<'c> {
    method: &'c str,
    path: &'c str,
    query: &'c str,
    body: Option<&'c Value>,
    code: i64,
    answer: Option<&'c Object>,
    warnings: Vec<String>,
    setup: bool,
}

/// What a path names.
struct Place<'r> {
    resource: &'r Resource,
    version: &'r Version,
    namespace: String,
    name: String,
    subresource: String,
}

impl<'c> Step<'c> {
    fn read(step: &'c Value) -> Self {
        let text = |name| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let (path, query) = text("p").split_once('?').unwrap_or((text("p"), ""));
        let warnings = step.get("w").and_then(Value::as_array).unwrap_or_default();
        Self {
            method: text("m"),
            path,
            query,
            body: step.get("b"),
            code: step.get("code").and_then(Value::as_i64).unwrap_or_default(),
            answer: step.get("r").and_then(Value::as_object),
            warnings: warnings.iter().filter_map(Value::as_str).filter_map(warning).collect(),
            setup: step.get("setup").is_some(),
        }
    }

    fn place<'r>(&self, registry: &'r Registry) -> Option<Place<'r>> {
        let steps: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let (group, version, rest) = match steps.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let (resource, version) = registry.find(group, version, rest.first()?)?;
        let text = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        Some(Place {
            resource,
            version,
            namespace: namespace.to_owned(),
            name: text(1),
            subresource: rest.get(2..).unwrap_or_default().join("/"),
        })
    }
}

impl<'r> Place<'r> {
    /// What rules are asked about: the resource of the request in the form that is stored.
    fn target(&self) -> Target<'r> {
        Target::asked(self.resource, "")
    }
}

/// The text of a header `299 - "…"`, unless it is not validation that gives it.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 - ")?;
    let text: String = serde_json::from_str(quoted).ok()?;
    let other = ["unknown field", "duplicate field"].iter().any(|lead| text.starts_with(lead))
        || text.contains(" is deprecated in v1.");
    (!other).then_some(text)
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
        let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
        let area = case.get("area").and_then(Value::as_str).unwrap_or_default();
        if !matches!(area, "invalid" | "update" | "create" | "unknown" | "sub") {
            return;
        }
        let mut live: HashMap<String, Object> = HashMap::new();
        for (at, step) in steps(case).enumerate() {
            let step = Step::read(step);
            self.judge(&format!("{id} step {at}"), &step, &live);
            if let Some((path, object)) = self.stored(&step) {
                live.insert(path, object);
            }
            if step.method == "DELETE" {
                live.remove(step.path);
            }
        }
    }

    fn judge(&mut self, id: &str, step: &Step<'_>, live: &HashMap<String, Object>) {
        let Some((place, object)) = self.sent(step) else { return };
        if step.setup || step.answer.is_none() || !place.subresource.is_empty() {
            return;
        }
        let target = place.target();
        let (errors, warnings) = match step.method {
            "POST" => created(target, object),
            "PUT" => match live.get(step.path) {
                Some(old) => updated(target, object, old),
                None => return,
            },
            _ => return,
        };
        let Some(verdict) = compare(step, &errors, warnings) else { return };
        let key = (place.resource.group.to_string(), place.resource.plural.to_string());
        let score = self.scores.entry(key).or_default();
        match verdict {
            Verdict::Exact => score.exact += 1,
            Verdict::Near(why) => {
                score.near += 1;
                score.failures.push(format!("near  {id} {} {}: {why}", step.method, step.path));
            }
            Verdict::Wrong(why) => {
                score.wrong += 1;
                score.failures.push(format!("WRONG {id} {} {}: {why}", step.method, step.path));
            }
        }
    }

    /// The object that a client sent, completed and in the stored version.
    fn sent<'r>(&'r self, step: &Step<'_>) -> Option<(Place<'r>, Object)> {
        let place = step.place(&self.registry)?;
        let decoded = match step.body? {
            Value::String(text) => json::decode(
                place.version.message.schema(),
                place.version.message.id(),
                text.as_bytes(),
            ),
            tree => {
                json::decode_tree(place.version.message.schema(), place.version.message.id(), tree)
            }
        };
        let mut object = decoded.ok()?.object;
        let target = Target { resource: place.resource, version: place.version, subresource: "" };
        defaults::complete(target, &mut object);
        let mut object = convert::to_stored(place.resource, object).ok()?;
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        if !place.namespace.is_empty() {
            metadata.insert("namespace", place.namespace.as_str().into());
        }
        Some((place, object))
    }

    /// What a step leaves behind: the recorded answer, or what a like create was answered with, or
    /// what we make of it.
    fn stored(&self, step: &Step<'_>) -> Option<(String, Object)> {
        if step.query.contains("dryRun") || (!step.setup && !matches!(step.code, 200 | 201)) {
            return None;
        }
        let place = step.place(&self.registry)?;
        if step.method == "GET" && place.name.is_empty() {
            return None;
        }
        let answer = match step.answer {
            Some(answer) => Some(answer),
            None if step.method == "POST" => {
                self.created.get(&format!("{} {}", place.resource.plural, nameless(step.body?)))
            }
            None => None,
        };
        let object = match answer {
            Some(answer) => recorded(&place, answer)?,
            None if step.method == "POST" => {
                let (_, mut object) = self.sent(step)?;
                strategy::prepare_for_create(place.target(), &mut object, &context());
                object
            }
            None => return None,
        };
        let name = object.get("metadata")?.get("name")?.as_str()?.to_owned();
        let path = match step.method {
            "POST" => format!("{}/{name}", step.path),
            "GET" | "PUT" | "PATCH" if place.subresource.is_empty() => step.path.to_owned(),
            _ => return None,
        };
        Some((path, object))
    }
}

fn steps(case: &Value) -> impl Iterator<Item = &Value> {
    case.get("steps").and_then(Value::as_array).into_iter().flatten()
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

/// A recorded answer as a stored object.
fn recorded(place: &Place<'_>, answer: &Object) -> Option<Object> {
    let mut tree = Value::Object(answer.clone());
    settle(&mut tree, "");
    let message = &place.version.message;
    let mut object = json::decode_tree(message.schema(), message.id(), &tree).ok()?.object;
    if !place.namespace.is_empty() {
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata.insert("namespace", place.namespace.as_str().into());
    }
    convert::to_stored(place.resource, object).ok()
}

/// Puts values for the placeholders of a recording.
fn settle(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => match (&**text, name) {
            ("TIME", _) => *value = TIME.into(),
            ("IP", "clusterIP" | "clusterIPs") => *value = ADDRESS.into(),
            ("PORT", "nodePort" | "healthCheckNodePort") => *value = Value::Int(PORT),
            _ => {}
        },
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, name)),
        Value::Object(object) => object.iter_mut().for_each(|(name, value)| settle(value, name)),
        _ => {}
    }
}

fn context() -> strategy::Context<'static> {
    let now = Timestamp::parse(TIME).expect("a time");
    strategy::Context { now, namespace: None, requester: strategy::Requester::named("admin") }
}

fn created(target: Target<'_>, mut object: Object) -> (Vec<FieldError>, Vec<String>) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("uid", "UID".into());
    }
    strategy::prepare_for_create(target, &mut object, &context());
    judged(validation::on_create(target, &object), || validation::warnings(target, &object, None))
}

fn updated(target: Target<'_>, mut object: Object, old: &Object) -> (Vec<FieldError>, Vec<String>) {
    // What the server takes over before it looks at the rest.
    let held = old.get("metadata").and_then(Value::as_object);
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(held), Some(metadata)) = (held, metadata) {
        for name in ["generation", "creationTimestamp", "deletionTimestamp", "uid"] {
            match held.get(name) {
                Some(value) => drop(metadata.insert(name, value.clone())),
                None => drop(metadata.remove(name)),
            }
        }
    }
    if &*target.resource.kind == "Pod" {
        tolerate(&mut object, old);
    }
    strategy::prepare_for_update(target, &mut object, old, &context());
    judged(validation::on_update(target, &object, old), || {
        validation::warnings(target, &object, Some(old))
    })
}

/// Warnings are given of what is accepted.
fn judged(
    errors: Vec<FieldError>,
    warnings: impl FnOnce() -> Vec<String>,
) -> (Vec<FieldError>, Vec<String>) {
    let warnings = if errors.is_empty() { warnings() } else { Vec::new() };
    (errors, warnings)
}

/// Admission lets every pod stay for a while on nodes that fail.
fn tolerate(pod: &mut Object, old: &Object) {
    let of = |pod: &Object| pod.get("spec").and_then(|spec| spec.get("tolerations")).cloned();
    let spec = pod.get_mut("spec").and_then(Value::as_object_mut);
    if let (Some(Value::Array(old)), Some(spec)) = (of(old), spec)
        && spec.get("tolerations").is_none()
    {
        let of_nodes = |toleration: &&Value| {
            let key = toleration.get("key").and_then(Value::as_str).unwrap_or_default();
            key.starts_with("node.kubernetes.io/")
        };
        let kept: Vec<Value> = old.iter().filter(of_nodes).cloned().collect();
        spec.insert("tolerations", Value::Array(kept));
    }
}

enum Verdict {
    Exact,
    Near(String),
    Wrong(String),
}

/// `None` for answers that come from somewhere else than validation.
fn compare(step: &Step<'_>, errors: &[FieldError], warnings: Vec<String>) -> Option<Verdict> {
    let answer = step.answer?;
    let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
    let got: Vec<String> =
        errors.iter().map(|e| format!("{} {}: {}", e.reason.as_str(), e.field, e.body)).collect();
    match step.code {
        200 | 201 if !got.is_empty() => {
            Some(Verdict::Wrong(format!("accepted upstream, but:\n    {}", got.join("\n    "))))
        }
        200 | 201 => Some(same_warnings(step, warnings)),
        422 if message.contains("must be specified for an update") => None,
        422 => {
            let causes = answer.get("details").and_then(|details| details.get("causes"));
            let causes = causes.and_then(Value::as_array)?;
            Some(same_errors(causes, &got))
        }
        _ => None,
    }
}

fn same_warnings(step: &Step<'_>, mut warnings: Vec<String>) -> Verdict {
    warnings.sort();
    warnings.dedup();
    let mut wanted = step.warnings.clone();
    wanted.sort();
    if warnings == wanted {
        return Verdict::Exact;
    }
    Verdict::Wrong(format!("warnings\n    {warnings:?}\n  wanted\n    {wanted:?}"))
}

fn same_errors(causes: &[Value], got: &[String]) -> Verdict {
    let wanted: Vec<String> = causes
        .iter()
        .map(|cause| {
            let text = |name| cause.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}: {}", text("reason"), text("field"), text("message"))
        })
        .collect();
    // Recorded texts are cut at the end of their first line.
    let got: Vec<&str> = got.iter().map(|text| text.lines().next().unwrap_or_default()).collect();
    if got == wanted {
        return Verdict::Exact;
    }
    let heads = |texts: &[&str]| {
        let mut heads: Vec<String> = texts
            .iter()
            .map(|text| text.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        heads.sort();
        heads
    };
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let why = format!("got\n    {}\n  wanted\n    {}", got.join("\n    "), wanted.join("\n    "));
    if heads(&got) == heads(&wanted) { Verdict::Near(why) } else { Verdict::Wrong(why) }
}
