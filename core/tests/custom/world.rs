//! One definition, and what can be asked of it.

use xebec_core::apply::{Manager, Writer};
use xebec_core::codec::{json, yaml};
use xebec_core::custom::{conditions, definition};
use xebec_core::registry::{Registry, Resource, Selection};
use xebec_core::status::Status;
use xebec_core::table::Printer;
use xebec_core::target::Target;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_core::{convert, defaults, edit, strategy, validation};

pub struct World {
    pub resource: Resource,
}

fn now() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")
}

pub fn text(object: &Object) -> String {
    serde_json::to_string(&Value::Object(object.clone())).expect("serializable")
}

/// What the first manager owns.
pub fn owned(object: &Object) -> String {
    let entries = edit::items(object, &["metadata", "managedFields"]);
    serde_json::to_string(entries[0].get("fieldsV1").expect("fields")).expect("serializable")
}

/// What is wrong with an object of a specification; all are one line.
pub fn errors(world: &World, spec: &str) -> String {
    match world.admit(&format!("{{metadata: {{name: a}}, spec: {spec}}}")) {
        Ok(object) => panic!("{object} is valid"),
        Err(errors) => errors.join("; "),
    }
}

impl World {
    pub fn new(yaml: &str) -> Self {
        let registry = Registry::built_in(Selection::Default);
        let kinds = registry.find_resource("apiextensions.k8s.io", "customresourcedefinitions");
        let target = Target::stored(kinds.expect("built in"));
        let decoded = yaml::decode(target.schema(), target.message(), yaml.as_bytes());
        let decoded = decoded.expect("a definition");
        assert!(decoded.strict_errors.is_empty(), "{:?}", decoded.strict_errors);
        let made = conditions::review(target, &decoded.object, std::iter::empty(), now());
        let made = made.expect("its names are accepted");
        Self { resource: definition::resource(&made).expect("can be served") }
    }

    fn target(&self) -> Target<'_> {
        Target::stored(&self.resource)
    }

    /// Decodes, completes and gives kind and version.
    fn object(&self, yaml: &str) -> Object {
        let target = self.target();
        let mut tree = yaml::parse(yaml.as_bytes()).expect("YAML").value;
        let object = tree.as_object_mut().expect("an object");
        if object.get("kind").is_none() {
            object.push("kind", Value::from(&*self.resource.kind));
            object.push("apiVersion", self.resource.api_version(target.version).into());
        }
        let decoded = json::decode_tree(target.schema(), target.message(), &tree);
        let mut object = decoded.expect("an object").object;
        defaults::complete(target, &mut object);
        object
    }

    pub fn value(&self, yaml: &str) -> Value {
        Value::Object(self.object(yaml))
    }

    /// The object as it would be stored, without what a server adds, or what is wrong with it.
    pub fn admit(&self, yaml: &str) -> Result<String, Vec<String>> {
        let mut object = self.object(yaml);
        let shown = text(&object);
        if self.resource.namespaced
            && let Some(Value::Object(metadata)) = object.get_mut("metadata")
        {
            metadata.push("namespace", "n".into());
        }
        let errors = validation::on_create(self.target(), &object);
        if errors.is_empty() { Ok(shown) } else { Err(texts(&errors)) }
    }

    pub fn strict_errors(&self, json: &str) -> Vec<String> {
        let target = self.target();
        let decoded = json::decode(target.schema(), target.message(), json.as_bytes());
        decoded.expect("valid JSON").strict_errors
    }

    pub fn update(&self, old: &str, new: &str) -> Vec<String> {
        self.updated("", old, new)
    }

    pub fn update_status(&self, old: &str, new: &str) -> Vec<String> {
        self.updated("status", old, new)
    }

    fn updated(&self, subresource: &'static str, old: &str, new: &str) -> Vec<String> {
        let target = Target { subresource, ..self.target() };
        let in_namespace = |yaml: &str| {
            let mut object = self.object(yaml);
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.push("namespace", "n".into());
            }
            object
        };
        texts(&validation::on_update(target, &in_namespace(new), &in_namespace(old)))
    }

    /// An object as it was stored, read in a version.
    pub fn read_stored(&self, yaml: &str, version: &str) -> String {
        let tree = yaml::parse(yaml.as_bytes()).expect("YAML").value;
        let to = self.resource.version(version).expect("served");
        let object = tree.as_object().expect("an object").clone();
        text(&convert::from_stored(&self.resource, object, to).expect("converts"))
    }

    pub fn apply(
        &self,
        live: Option<&Object>,
        yaml: &str,
        manager: &str,
    ) -> Result<Object, Status> {
        let target = self.target();
        let patch = yaml::parse(yaml.as_bytes()).expect("YAML").value;
        let api_version = self.resource.api_version(target.version);
        let versions = [(api_version.as_str(), target.message())];
        let of = Manager {
            schema: target.schema(),
            id: target.message(),
            api_version: &api_version,
            kind: &self.resource.kind,
            subresource: "",
            filter: strategy::reset_fields(target),
            versions: &versions,
        };
        let patch = patch.as_object().expect("an object");
        of.on_apply(live, patch, false, Writer { manager, now: now() }).map(|done| done.object)
    }

    pub fn cells(&self, yaml: &str) -> String {
        let printer = Printer::new(&self.resource, self.target().version);
        let cells = printer.cells(&self.value(yaml), now());
        serde_json::to_string(&cells).expect("serializable")
    }
}

fn texts(errors: &[xebec_core::field_error::FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}
