//! Ownership of fields, as readable transcripts: `tests/apply/*.txt`. With `UPDATE_EXPECT=1` the
//! files are rewritten.
//!
//! A transcript names its kind, then gives commands (`>`), each followed by what it leaves:
//!
//!     > create NAME OBJECT          as manager NAME
//!     > update NAME MERGE-PATCH     of the live object
//!     > status NAME MERGE-PATCH     through the status subresource
//!     > put NAME OBJECT             the whole object, managed fields and all
//!     > apply NAME CONFIG, force NAME CONFIG
//!     > at SECONDS

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use xebec_core::apply::{Filter, Manager, Versions, Writer};
use xebec_core::codec::json;
use xebec_core::patch::merge;
use xebec_core::schema::{BUILT_IN, MessageId, Schema};
use xebec_core::status::Status;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

/// Kinds that no built-in kind shows: a message that keeps unknown fields, a type of every sort.
const OWN_KINDS: &str = "
package t
message Meta
  1 name          string omitempty
  2 labels        map[string] omitempty
  3 managedFields []Entry omitempty list=atomic
message Entry
  1 manager     string omitempty
  2 operation   string omitempty
  3 apiVersion  string omitempty
  4 time        *Time omitempty
  5 fieldsType  string omitempty
  6 fieldsV1    *FieldsV1 omitempty
  7 subresource string omitempty
message Open typed open
  1 metadata Meta omitempty
  2 spec     *OpenSpec omitempty
message OpenSpec open
  1 known *int64 omitempty
message Any typed
  1 metadata Meta omitempty
  2 raw      RawExtension omitempty
  3 json     *JSON omitempty
message JSON
  1 raw bytes
";

struct World<'s> {
    schema: &'s Schema,
    versions: Vec<(String, MessageId)>,
    api_version: String,
    kind: String,
    live: Option<Object>,
    seconds: i64,
}

struct Known<'v>(&'v [(String, MessageId)]);

impl Versions for Known<'_> {
    fn message(&self, api_version: &str) -> Option<MessageId> {
        self.0.iter().find(|(known, _)| known == api_version).map(|(_, id)| *id)
    }
}

fn main_fields() -> Filter {
    Filter::except(&[&["status"]])
}

impl World<'_> {
    fn id(&self) -> MessageId {
        Known(&self.versions).message(&self.api_version).expect("the kind's own version")
    }

    fn with<T>(&self, subresource: &str, act: impl FnOnce(Manager<'_>) -> T) -> T {
        let filter = match subresource {
            "" => main_fields(),
            _ => Filter::except(&[&["spec"]]),
        };
        act(Manager {
            schema: self.schema,
            id: self.id(),
            api_version: &self.api_version,
            kind: &self.kind,
            subresource,
            filter: &filter,
            versions: &Known(&self.versions),
        })
    }

    fn command(&mut self, line: &str) -> String {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "at" => {
                self.seconds = rest.trim().parse().expect("seconds");
                return String::new();
            }
            "version" => {
                rest.trim().clone_into(&mut self.api_version);
                if let Some(live) = &mut self.live {
                    live.insert("apiVersion", self.api_version.as_str().into());
                }
                return String::new();
            }
            _ => {}
        }
        let (manager, body) = rest.split_once(' ').expect("a manager and a body");
        let body: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
        let Value::Object(body) = body else { panic!("not an object") };
        let now = Timestamp { seconds: self.seconds, nanos: 0 };
        match self.act(command, body, Writer { manager, now }) {
            Ok(object) => {
                self.live = Some(object);
                self.show()
            }
            Err(status) => show_status(&status),
        }
    }

    fn act(&self, command: &str, body: Object, writer: Writer<'_>) -> Result<Object, Status> {
        let live = self.live.as_ref();
        let decode = |object: Object| {
            json::decode_tree(self.schema, self.id(), &Value::Object(object)).expect("of the kind")
        };
        let subresource = if command == "status" { "status" } else { "" };
        let new = match command {
            "apply" | "force" => {
                let body = self.typed(body);
                let applied =
                    self.with("", |m| m.on_apply(live, &body, command == "force", writer))?;
                return Ok(applied.object);
            }
            "create" | "put" => decode(self.typed(body)),
            _ => {
                let mut object = live.expect("something to update").clone();
                merge::merge(&mut object, body);
                decode(object)
            }
        };
        let resets = new.resets_managed_fields;
        let mut object = new.object;
        let live = live.filter(|_| command != "create");
        self.with(subresource, |m| m.on_update(live, &mut object, resets, writer));
        Ok(object)
    }

    fn typed(&self, body: Object) -> Object {
        let mut object = Object::new();
        object.push("apiVersion", self.api_version.as_str().into());
        object.push("kind", self.kind.as_str().into());
        for (name, value) in body {
            object.insert(name, value);
        }
        object
    }

    fn show(&self) -> String {
        let mut object = self.live.clone().unwrap_or_default();
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        let entries = metadata.and_then(|metadata| metadata.remove("managedFields"));
        object.retain(|name, _| !matches!(name, "kind" | "apiVersion"));
        let mut text = format!("{}\n", compact(&Value::Object(object)));
        for entry in entries.as_ref().and_then(Value::as_array).unwrap_or_default() {
            let field = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let time = Timestamp::parse(field("time")).map(|time| time.seconds);
            let time = time.map_or("-".to_owned(), |seconds| seconds.to_string());
            let subresource = match field("subresource") {
                "" => String::new(),
                subresource => format!("/{subresource}"),
            };
            let fields = compact(entry.get("fieldsV1").unwrap_or(&Value::Null));
            let _ = writeln!(
                text,
                "  {}{subresource} {} {} @{time} {fields}",
                field("manager"),
                field("operation"),
                field("apiVersion"),
            );
        }
        text
    }
}

fn compact(value: &Value) -> String {
    serde_json::to_string(value).expect("serializable")
}

fn show_status(status: &Status) -> String {
    let mut text = format!("{} {}: {}\n", status.code, status.reason, status.message);
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        let _ = writeln!(text, "  {} {} {}", cause.reason, cause.field, cause.message);
    }
    text
}

fn world<'s>(own: &'s Schema, line: &str) -> World<'s> {
    // kind Deployment apps/v1=k8s.io.api.apps.v1.Deployment …
    let mut words = line.split(' ').skip(1);
    let kind = words.next().expect("a kind").to_owned();
    let mut schema: &Schema = &BUILT_IN;
    let mut versions = Vec::new();
    for word in words {
        let (version, message) = word.split_once('=').expect("version=message");
        if message.starts_with("t.") {
            schema = own;
        }
        versions.push((version.to_owned(), schema.find(message).expect("a message")));
    }
    let api_version = versions[0].0.clone();
    World { schema, versions, api_version, kind, live: None, seconds: 1 }
}

fn replay(text: &str) -> String {
    let own = Schema::parse(&[OWN_KINDS]).expect("the kinds of this test");
    let mut out = String::new();
    let mut world_now: Option<World<'_>> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("kind ") {
            world_now = Some(world(&own, line));
            let _ = writeln!(out, "{line}");
        } else if let Some(command) = line.strip_prefix("> ") {
            let world = world_now.as_mut().expect("a kind first");
            let _ = writeln!(out, "{line}");
            out.push_str(&world.command(command));
            // What was expected is written anew.
            while lines.next_if(|line| !line.is_empty() && !line.starts_with(['>', '#'])).is_some()
            {
            }
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

fn transcripts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apply");
    let entries = std::fs::read_dir(dir).expect("readable").flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "txt")).collect();
    paths.sort();
    paths
}

#[test]
fn transcripts_hold() {
    let paths = transcripts();
    assert!(paths.len() >= 6, "only {} transcripts", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let got = replay(&text);
        if got == text {
            continue;
        }
        #[expect(clippy::disallowed_methods, reason = "the flag that rewrites transcripts")]
        let rewrite = std::env::var_os("UPDATE_EXPECT").is_some();
        if rewrite {
            std::fs::write(&path, got).expect("writable");
            continue;
        }
        let at = got.lines().zip(text.lines()).position(|(got, wanted)| got != wanted);
        let line = |text: &str| text.lines().nth(at.unwrap_or(0)).unwrap_or_default().to_owned();
        wrong.push(format!(
            "{}:{}\n  got    {}\n  wanted {}",
            path.display(),
            at.map_or(0, |at| at + 1),
            line(&got),
            line(&text)
        ));
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites them\n{}", wrong.join("\n"));
}
