//! [`Operations`]: what the suite does with every kind of object whose API it looks at: find it in
//! discovery, then create, get, list, watch, patch, update, delete and delete a collection.

use crate::support::kube::names;
use crate::support::servers::Servers;
use crate::support::watch::Watch;
use crate::typed::Typed;
use serde_json::{Value, json};

pub const GONE: u16 = 404;
const CONFLICT: u16 = 409;

pub struct Operations<'a> {
    pub servers: &'a Servers,
    /// Empty for the legacy group.
    pub group: &'a str,
    pub version: &'a str,
    pub resource: &'a str,
    pub subresources: &'a [&'a str],
    pub namespace: Option<&'a str>,
    /// An object without a name.
    pub object: Value,
    /// Whether the server itself has written what it writes to a new object.
    pub settled: fn(&Value) -> bool,
}

impl<'a> Operations<'a> {
    /// Those of a resource without namespace and subresources, unless the fields say otherwise.
    pub fn new(servers: &'a Servers, kind: (&'a str, &'a str, &'a str), object: Value) -> Self {
        let (group, version, resource) = kind;
        let (subresources, namespace, settled) = (&[][..], None, |_: &Value| true);
        Self { servers, group, version, resource, subresources, namespace, object, settled }
    }

    /// The collection.
    pub fn uri(&self) -> String {
        let root = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match self.namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.resource),
            None => format!("{root}/{}", self.resource),
        }
    }

    /// Those that [`Self::run`] makes.
    fn labelled(&self) -> String {
        format!("{}?labelSelector=special%3Dyes", self.uri())
    }

    /// All of it. `change` is a merge patch that an update makes too.
    pub async fn run(&self, change: &Value) {
        self.discover().await;
        let made = self.create(&["first-", "second-", "third-"]).await;
        let first = &made[0];
        let one = self.one(first);
        assert_eq!(&self.servers.get(&one).await, first);
        let list = self.servers.get(&self.labelled()).await;
        assert_eq!(names(&list).len(), made.len());
        let from = list["metadata"]["resourceVersion"].as_str().expect("a version");
        let watch = format!("{}&resourceVersion={from}", self.labelled());
        let mut watch = self.servers.watch(&watch).await;

        let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
        let patched = self.servers.patch(&one, &patch).await.done().body;
        assert_eq!(patched["metadata"]["annotations"]["patched"], "true");
        let mut wanted = patched.clone();
        merge(&mut wanted, change);
        wanted["metadata"]["annotations"]["updated"] = json!("true");
        let updated = self.servers.put(&one, &wanted).await.done().body;
        assert_eq!(updated["metadata"]["annotations"]["updated"], "true");
        assert!(covers(&updated, change), "{updated}");
        watch.expect("MODIFIED", &patched).await;
        watch.expect("MODIFIED", &updated).await;
        self.remove(&made, &mut watch).await;
        self.run_typed(change).await;
    }

    /// The same writes by a client that speaks protobuf: what it sends is full of empty fields.
    async fn run_typed(&self, change: &Value) {
        let typed = Typed::of(self.servers, self.group, self.version, self.resource);
        let mut object = self.object.clone();
        object["metadata"]["generateName"] = json!("typed-");
        let made = typed.post(&self.uri(), &object).await;
        let one = self.one(&made);
        self.servers.until(&one, self.settled).await;
        let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
        let mut wanted = typed.patch(&one, &patch).await;
        merge(&mut wanted, change);
        wanted["metadata"]["labels"]["typed"] = json!("yes");
        let updated = typed.put(&one, &wanted).await;
        typed.is_stored(&one, &updated).await;
        assert_eq!(updated["metadata"]["annotations"]["patched"], "true");
        assert_eq!(updated["metadata"]["labels"]["typed"], "yes");
        for versioned in ["generation", "resourceVersion", "managedFields"] {
            wanted["metadata"][versioned] = updated["metadata"][versioned].clone();
        }
        assert!(covers(&updated, &wanted), "{updated}");
        self.servers.delete(&one).await.done();
    }

    /// The group, its version and its resources stand in the documents of discovery.
    pub async fn discover(&self) {
        let resources = if self.group.is_empty() {
            let versions = self.servers.get("/api").await;
            assert!(versions["versions"].as_array().is_some_and(|all| all.contains(&json!("v1"))));
            self.servers.get(&format!("/api/{}", self.version)).await
        } else {
            let group_version = format!("{}/{}", self.group, self.version);
            let named = |version: &Value| {
                version["groupVersion"] == group_version && version["version"] == self.version
            };
            let lists =
                |group: &Value| group["versions"].as_array().into_iter().flatten().any(named);
            let groups = self.servers.get("/apis").await;
            let mut groups = groups["groups"].as_array().expect("groups").iter();
            let found = groups.find(|group| group["name"] == self.group).expect("the group");
            assert!(lists(found), "{found}");
            let group = self.servers.get(&format!("/apis/{}", self.group)).await;
            assert!(lists(&group), "{group}");
            self.servers.get(&format!("/apis/{group_version}")).await
        };
        let resources = resources["resources"].as_array().expect("resources");
        let has = |name: &str| resources.iter().any(|one| one["name"] == name);
        assert!(has(self.resource), "{resources:?}");
        for subresource in self.subresources {
            assert!(has(&format!("{}/{subresource}", self.resource)), "{resources:?}");
        }
    }

    /// Makes objects whose names begin so.
    pub async fn create(&self, prefixes: &[&str]) -> Vec<Value> {
        let mut made = Vec::new();
        for prefix in prefixes {
            let mut object = self.object.clone();
            object["metadata"]["generateName"] = json!(prefix);
            object["metadata"]["labels"]["special"] = json!("yes");
            let new = self.servers.post(&self.uri(), &object).await.done().body;
            made.push(match (self.settled)(&new) {
                true => new,
                false => self.servers.until(&self.one(&new), self.settled).await,
            });
        }
        made
    }

    /// Where an object is.
    pub fn one(&self, object: &Value) -> String {
        let name = object["metadata"]["name"].as_str().expect("a name");
        format!("{}/{name}", self.uri())
    }

    /// Deletes the first alone and the others as a collection.
    pub async fn remove(&self, made: &[Value], watch: &mut Watch) {
        let first = self.one(&made[0]);
        self.servers.delete(&first).await.done();
        assert_eq!(self.servers.call("GET", &first, &Value::Null).await.code, GONE);
        let is_first = |object: &Value| object["metadata"]["uid"] == made[0]["metadata"]["uid"];
        watch.until("DELETED", is_first).await;
        let rest = self.servers.get(&self.labelled()).await;
        assert_eq!(names(&rest).len(), made.len() - 1);
        self.servers.delete(&self.labelled()).await.done();
        for _ in &made[1..] {
            watch.until("DELETED", |_| true).await;
        }
        assert_eq!(names(&self.servers.get(&self.labelled()).await), [""; 0]);
    }

    /// Reads, patches and updates the status of one object by merge patches; it is removed.
    pub async fn run_status(&self, patch: &Value, update: &Value) {
        let made = &self.create(&["status-"]).await[0];
        let uri = format!("{}/status", self.one(made));
        let read = self.servers.get(&uri).await;
        assert_eq!(read["metadata"]["uid"], made["metadata"]["uid"]);
        let after = self.servers.patch(&uri, patch).await.done().body;
        assert!(covers(&after, patch), "{after}");
        assert_eq!(after.get("spec"), made.get("spec"), "the status alone is written");
        let after = self.update(&uri, update).await;
        assert!(covers(&after, update), "{after}");
        assert!(covers(&self.servers.get(&self.one(made)).await, update));
        self.servers.delete(&self.one(made)).await.done();
    }

    /// Reads, changes and writes, again if somebody else wrote meanwhile.
    pub async fn update(&self, uri: &str, change: &Value) -> Value {
        loop {
            let mut wanted = self.servers.get(uri).await;
            merge(&mut wanted, change);
            let answer = self.servers.put(uri, &wanted).await;
            if answer.code != CONFLICT {
                return answer.done().body;
            }
        }
    }
}

/// What a merge patch does.
pub fn merge(into: &mut Value, patch: &Value) {
    match patch {
        Value::Object(members) => {
            if !into.is_object() {
                *into = json!({});
            }
            for (key, value) in members {
                merge(&mut into[key], value);
            }
        }
        other => into.clone_from(other),
    }
}

/// Whether everything that a part says holds of the whole; each item of a list, of some item.
pub fn covers(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(members) => members.iter().all(|(key, value)| covers(&whole[key], value)),
        Value::Array(items) => whole.as_array().is_some_and(|found| {
            items.iter().all(|item| found.iter().any(|found| covers(found, item)))
        }),
        other => whole == other,
    }
}
