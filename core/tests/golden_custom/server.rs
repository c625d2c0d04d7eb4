//! The server: one kind, one object at a time.

use serde_json::{Value as Json, json};
use std::collections::HashMap;
use xebec_core::apply::{Manager, Writer, scale as shared_fields};
use xebec_core::codec::json as codec;
use xebec_core::custom::{conditions, definition};
use xebec_core::discovery::Discovery;
use xebec_core::lifecycle::{self, Fresh};
use xebec_core::patch::{self, FieldValidation, Patch, PatchKind};
use xebec_core::registry::{Registry, Resource, Selection, Version};
use xebec_core::status::Status;
use xebec_core::strategy::{self, Context, Requester, scale};
use xebec_core::table::{Include, Printer, TableOptions};
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_core::{defaults, edit, validation};

pub const TIME: &str = "2026-01-01T00:00:00Z";
const NAMESPACE: &str = "g-special";

pub struct Server {
    registry: Registry,
    live: Option<Object>,
}

pub struct Answer {
    pub code: i64,
    pub body: Json,
}

struct Request<'r> {
    method: &'r str,
    path: &'r str,
    query: HashMap<&'r str, &'r str>,
    content_type: &'r str,
    accept: &'r str,
    body: Vec<u8>,
}

impl<'r> Request<'r> {
    fn read(step: &'r Json) -> Self {
        let text = |value: &'r Json| value.as_str().unwrap_or_default();
        let (path, query) = text(&step["p"]).split_once('?').unwrap_or((text(&step["p"]), ""));
        Self {
            method: text(&step["m"]),
            path,
            query: query.split('&').filter_map(|pair| pair.split_once('=')).collect(),
            content_type: text(&step["h"]["Content-Type"]),
            accept: text(&step["h"]["Accept"]),
            body: match &step["b"] {
                Json::String(text) => text.as_bytes().to_vec(),
                other => serde_json::to_vec(other).expect("serializable"),
            },
        }
    }

    fn option(&self, name: &str) -> &'r str {
        self.query.get(name).copied().unwrap_or_default()
    }

    fn writer(&self) -> Writer<'r> {
        let manager = self.option("fieldManager");
        Writer { manager: if manager.is_empty() { "unknown" } else { manager }, now: now() }
    }
}

fn now() -> Timestamp {
    Timestamp::parse(TIME).expect("a time")
}

fn to_json(object: &Object) -> Json {
    serde_json::to_value(Value::Object(object.clone())).expect("serializable")
}

fn context() -> Context<'static> {
    Context { now: now(), namespace: Some(NAMESPACE), requester: Requester::named("test") }
}

impl Server {
    /// Takes the definition in as a server would.
    pub fn new(body: &Json) -> Self {
        let registry = Registry::built_in(Selection::Default);
        let kinds = registry.find_resource("apiextensions.k8s.io", "customresourcedefinitions");
        let target = Target::stored(kinds.expect("built in"));
        let bytes = serde_json::to_vec(body).expect("serializable");
        let decoded = codec::decode(target.schema(), target.message(), &bytes).expect("decodes");
        assert!(decoded.strict_errors.is_empty(), "{:?}", decoded.strict_errors);
        let mut definition = decoded.object;
        // What defaulting of definitions adds.
        let mut edit = edit::Edit::new(target, &mut definition);
        edit.set(&["spec", "names", "singular"], "widget");
        edit.set(&["spec", "names", "listKind"], "WidgetList");
        let definition = conditions::review(target, &definition, std::iter::empty(), now());
        let definition = definition.expect("a new definition gets its conditions");
        let resource = definition::resource(&definition).expect("can be served");
        Self { registry: registry.with(resource).expect("no conflict"), live: None }
    }

    fn resource(&self) -> &Resource {
        self.registry.find_resource("golden.example.com", "widgets").expect("was added")
    }

    /// `None` for what is about something else.
    pub fn answer(&mut self, step: &Json) -> Option<Answer> {
        let request = Request::read(step);
        if let Some(document) = Discovery::new(&self.registry).plain.get(request.path) {
            let body = serde_json::from_slice(&document.bytes).expect("JSON");
            return Some(Answer { code: 200, body });
        }
        let rest =
            request.path.strip_prefix("/apis/golden.example.com/v1/namespaces/g-special/")?;
        let parts: Vec<&str> = rest.split('/').collect();
        let outcome = match (request.method, parts.as_slice()) {
            ("POST", ["widgets"]) => self.create(&request),
            ("GET", ["widgets"]) => self.list(&request),
            ("GET", ["widgets", _]) => self.get(&request),
            ("GET", ["widgets", _, "scale"]) => self.live().and_then(|live| self.scale(live)),
            ("PATCH", ["widgets", _]) if request.content_type.contains("apply") => {
                self.apply(&request)
            }
            ("PATCH", ["widgets", _]) => self.patch(&request, ""),
            ("PATCH", ["widgets", _, "status"]) => self.patch(&request, "status"),
            ("PATCH", ["widgets", _, "scale"]) => self.patch_scale(&request),
            ("DELETE", _) => {
                self.live = None;
                return None;
            }
            _ => return None,
        };
        let created = request.method == "POST";
        Some(match outcome {
            Ok(body) => Answer { code: if created { 201 } else { 200 }, body },
            Err(status) => Answer { code: status.code.into(), body: to_json(&status.to_object()) },
        })
    }

    fn live(&self) -> Result<&Object, Status> {
        let target = Target::stored(self.resource());
        self.live.as_ref().ok_or_else(|| Status::not_found(target.group_resource(), "w"))
    }

    fn create(&mut self, request: &Request<'_>) -> Result<Json, Status> {
        let target = Target::stored(self.resource());
        let decoded = codec::decode(target.schema(), target.message(), &request.body)
            .map_err(|error| Status::bad_request(error.message))?;
        if request.option("fieldValidation") == "Strict" && !decoded.strict_errors.is_empty() {
            return Err(Status::bad_request(format!(
                "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: {}",
                decoded.strict_errors.join(", ")
            )));
        }
        let mut object = decoded.object;
        defaults::complete(target, &mut object);
        lifecycle::receive(target, &mut object, Some(NAMESPACE))?;
        self.manage(target, |manager| {
            manager.on_update(None, &mut object, false, request.writer());
        });
        let fresh = Fresh { uid: "uid", name_suffix: "" };
        lifecycle::before_create(target, &mut object, &fresh, &context())?;
        let errors = validation::on_create(target, &object);
        if !errors.is_empty() {
            let name = lifecycle::name(&object);
            return Err(Status::invalid(target.group_kind(), name, &errors));
        }
        self.store(&object)
    }

    /// What is stored is in the form that a decoder would give.
    fn store(&mut self, object: &Object) -> Result<Json, Status> {
        let target = Target::stored(self.resource());
        let text = serde_json::to_vec(&Value::Object(object.clone())).expect("serializable");
        let mut read =
            codec::decode(target.schema(), target.message(), &text).expect("reads back").object;
        assert_eq!(read, *object, "the stored form is normal");
        lifecycle::set_metadata(&mut read, "resourceVersion", Some("1".into()));
        self.live = Some(read.clone());
        Ok(to_json(&read))
    }

    fn manage<T>(&self, target: Target<'_>, act: impl FnOnce(Manager<'_>) -> T) -> T {
        let versions = [("golden.example.com/v1", target.message())];
        act(Manager {
            schema: target.schema(),
            id: target.message(),
            api_version: "golden.example.com/v1",
            kind: "Widget",
            subresource: target.subresource,
            filter: strategy::reset_fields(target),
            versions: &versions,
        })
    }

    fn update(&self, target: Target<'_>, new: &mut Object, old: &Object) -> Result<(), Status> {
        lifecycle::before_update(target, new, old, &context())?;
        let errors = validation::on_update(target, new, old);
        if errors.is_empty() {
            return Ok(());
        }
        Err(Status::invalid(target.group_kind(), lifecycle::name(old), &errors))
    }

    fn patch(&mut self, request: &Request<'_>, subresource: &str) -> Result<Json, Status> {
        let kind = match request.content_type {
            "application/merge-patch+json" => PatchKind::Merge,
            "application/json-patch+json" => PatchKind::Json,
            _ => {
                return Err(Status::unsupported_media_type(&[
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/apply-patch+yaml",
                ]));
            }
        };
        let old = self.live()?.clone();
        let target = Target { subresource, ..Target::stored(self.resource()) };
        let patch = Patch { kind, body: &request.body, validation: FieldValidation::Warn };
        let patched = patch::apply(target.schema(), target.message(), &old, patch)?;
        let mut new = patched.object;
        defaults::complete(target, &mut new);
        self.manage(target, |manager| {
            let reset = patched.resets_managed_fields;
            manager.on_update(Some(&old), &mut new, reset, request.writer());
        });
        self.update(target, &mut new, &old)?;
        self.store(&new)
    }

    fn apply(&mut self, request: &Request<'_>) -> Result<Json, Status> {
        let old = self.live()?.clone();
        let target = Target::stored(self.resource());
        let patch: Value = serde_json::from_slice(&request.body).expect("JSON is YAML");
        let patch = patch.as_object().expect("an object");
        let force = request.option("force") == "true";
        let applied = self.manage(target, |manager| {
            manager.on_apply(Some(&old), patch, force, request.writer())
        })?;
        let mut new = applied.object;
        defaults::complete(target, &mut new);
        self.update(target, &mut new, &old)?;
        self.store(&new)
    }

    fn get(&self, request: &Request<'_>) -> Result<Json, Status> {
        let live = self.live()?;
        if !request.accept.contains("as=Table") {
            return Ok(to_json(live));
        }
        let resource = self.resource();
        let options = TableOptions {
            include: Include::Metadata,
            no_headers: false,
            api_version: "meta.k8s.io/v1",
            now: now(),
        };
        let table = Printer::new(resource, resource.stored_version())
            .table(&Value::Object(live.clone()), &options);
        Ok(serde_json::to_value(table).expect("serializable"))
    }

    fn version(&self) -> &Version {
        self.resource().stored_version()
    }

    fn list(&self, request: &Request<'_>) -> Result<Json, Status> {
        let selector = request.option("fieldSelector");
        let (name, value) = selector.split_once("%3D").unwrap_or((selector, ""));
        let field = self.version().selectable.iter().find(|field| *field.name == *name);
        let field = field
            .ok_or_else(|| Status::bad_request(format!("field label not supported: {name}")))?;
        let live = Value::Object(self.live()?.clone());
        let items = if field.value(&live) == value { vec![&live] } else { Vec::new() };
        Ok(json!({
            "apiVersion": "golden.example.com/v1", "items": items, "kind": "WidgetList",
            "metadata": {"continue": "", "resourceVersion": "1"},
        }))
    }

    fn scale(&self, live: &Object) -> Result<Json, Status> {
        let paths = self.version().scale.as_ref().expect("the definition has scale");
        let (shown, found) = scale::show(live, Some(&paths.paths()))?;
        if found { Ok(to_json(&shown)) } else { Err(scale::no_replicas(&paths.paths())) }
    }

    /// A merge patch of `spec.replicas`; the owner of it changes as with any scale.
    fn patch_scale(&mut self, request: &Request<'_>) -> Result<Json, Status> {
        let old = self.live()?.clone();
        let target = Target::stored(self.resource());
        let patch: Object = match serde_json::from_slice(&request.body).expect("JSON") {
            Value::Object(patch) => patch,
            _ => panic!("a merge patch of Scale is an object"),
        };
        let paths = self.version().scale.as_ref().expect("the definition has scale");
        let mut new = old.clone();
        scale::write(target, &mut new, &patch, Some(&paths.paths()));
        let in_parent = ["spec", "replicas"];
        let known = [("golden.example.com/v1", Some(&in_parent[..]))];
        let held = edit::items(&old, &["metadata", "managedFields"]);
        let entry = json!([{
            "manager": "unknown", "operation": "Update", "apiVersion": "autoscaling/v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}},
            "subresource": "scale",
        }]);
        let entry: Vec<Value> = serde_json::from_value(entry).expect("entries");
        let merged = shared_fields::to_parent(held, &entry, "golden.example.com/v1", &known)
            .expect("valid entries");
        lifecycle::set_metadata(&mut new, "managedFields", Some(Value::Array(merged)));
        self.update(target, &mut new, &old)?;
        self.store(&new)?;
        self.scale(self.live()?)
    }
}
