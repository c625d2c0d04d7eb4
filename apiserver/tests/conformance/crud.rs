//! [`Crud`]: the life that the suite gives an object of any kind by which it judges newer APIs: it
//! is made, updated, and made again for each type of patch, under the eyes of watches.

use crate::life::{code, found};
use crate::operations::{Operations, covers, merge};
use crate::support::kube::version;
use crate::support::servers::Servers;
use crate::support::watch::Watch;
use serde_json::{Value, json};

const LABEL: &str = "e2e-test=yes";

/// Types of patches, and what is asked for with them.
const PATCHES: [(&str, &str); 4] = [
    ("application/strategic-merge-patch+json", "fieldValidation=Strict"),
    ("application/apply-patch+yaml", "fieldValidation=Strict&fieldManager=test-apply&force=true"),
    ("application/merge-patch+json", "fieldValidation=Strict"),
    ("application/json-patch+json", "fieldValidation=Strict"),
];

/// A change as a merge patch and as operations of a JSON patch.
pub struct Change {
    pub merge: Value,
    pub operations: Value,
}

impl Change {
    /// A new label.
    pub fn label() -> Self {
        Self {
            merge: json!({"metadata": {"labels": {"foo": "bar"}}}),
            operations: json!([{"op": "add", "path": "/metadata/labels/foo", "value": "bar"}]),
        }
    }

    /// A member that was not there.
    pub fn member(path: [&str; 2], value: &Value) -> Self {
        let pointer = format!("/{}/{}", path[0], path[1]);
        Self {
            merge: json!({path[0]: {path[1]: value}}),
            operations: json!([{"op": "add", "path": pointer, "value": value}]),
        }
    }

    /// A status, of which there was none.
    pub fn status(value: &Value) -> Self {
        Self {
            merge: json!({"status": value}),
            operations: json!([{"op": "add", "path": "/status", "value": value}]),
        }
    }

    /// The body of a patch of some type of an object.
    fn body(&self, media_type: &str, object: &Value) -> Value {
        if media_type == "application/json-patch+json" {
            return self.operations.clone();
        }
        let mut body = self.merge.clone();
        for field in ["apiVersion", "kind"] {
            body[field] = object[field].clone();
        }
        for field in ["name", "namespace", "uid"] {
            if let Some(value) = object["metadata"].get(field) {
                body["metadata"][field] = value.clone();
            }
        }
        body
    }
}

pub struct Crud<'a> {
    pub servers: &'a Servers,
    /// Group, version and resource.
    pub kind: (&'a str, &'a str, &'a str),
    pub namespace: Option<&'a str>,
    pub object: Value,
    pub change: Change,
    pub status: Option<Change>,
}

impl Crud<'_> {
    fn operations(&self) -> Operations<'_> {
        let operations = Operations::new(self.servers, self.kind, self.object.clone());
        Operations { namespace: self.namespace, ..operations }
    }

    pub async fn run(&self) {
        let operations = self.operations();
        operations.discover().await;
        let uri = operations.uri();
        let everywhere = match self.namespace {
            Some(namespace) => uri.replace(&format!("/namespaces/{namespace}"), ""),
            None => uri.clone(),
        };
        let watch = format!("{everywhere}?labelSelector=e2e-test%3Dyes");
        let mut watch = self.servers.watch(&watch).await;
        let made = self.make(&uri, &mut watch).await;
        let one = format!("{uri}/test");
        assert_eq!(self.servers.get(&one).await, made);
        let updated = self.put(&one, &made, &self.change).await;
        watch.expect("MODIFIED", &updated).await;
        assert!(version(&updated) > version(&made));
        if let Some(status) = &self.status {
            let told = self.put(&format!("{one}/status"), &updated, status).await;
            watch.expect("MODIFIED", &told).await;
            assert_eq!(self.servers.get(&format!("{one}/status")).await, told);
        }
        for patch in PATCHES {
            self.remake(&uri, &mut watch).await;
            self.patch(&one, patch, &self.change).await;
        }
        for patch in self.status.iter().flat_map(|_| PATCHES) {
            let made = self.remake(&uri, &mut watch).await;
            let updated = self.put(&one, &made, &self.change).await;
            let status = self.status.as_ref().expect("there is one");
            let told = self.patch(&format!("{one}/status"), patch, status).await;
            assert_eq!(told.get("spec"), updated.get("spec"), "the status alone is written");
        }
        for uri in [&uri, &everywhere] {
            assert_eq!(found(self.servers, uri, LABEL).await, ["test"]);
        }
        self.servers.delete(&format!("{uri}?labelSelector=e2e-test%3Dyes")).await.done();
        watch.until("DELETED", |object| object["metadata"]["name"] == "test").await;
        assert_eq!(code(self.servers, &one).await, 404);
    }

    async fn make(&self, uri: &str, watch: &mut Watch) -> Value {
        let mut object = self.object.clone();
        object["metadata"] = json!({"name": "test", "labels": {"e2e-test": "yes"}});
        let made = self.servers.post(&format!("{uri}?fieldValidation=Strict"), &object).await;
        let made = made.done().body;
        assert!(covers(&made, &object), "{made}");
        watch.expect("ADDED", &made).await;
        made
    }

    /// Deletes the object and makes it again.
    async fn remake(&self, uri: &str, watch: &mut Watch) -> Value {
        let one = format!("{uri}/test");
        self.servers.delete(&one).await.done();
        assert_eq!(code(self.servers, &one).await, 404);
        watch.until("DELETED", |object| object["metadata"]["name"] == "test").await;
        self.make(uri, watch).await
    }

    async fn put(&self, uri: &str, object: &Value, change: &Change) -> Value {
        let mut wanted = object.clone();
        merge(&mut wanted, &change.merge);
        let put = self.servers.put(uri, &wanted).await.done().body;
        assert!(covers(&put, &change.merge), "{put}");
        put
    }

    async fn patch(&self, uri: &str, patch: (&str, &str), change: &Change) -> Value {
        let (media_type, query) = patch;
        let object = self.servers.get(uri).await;
        let body = change.body(media_type, &object).to_string();
        let uri = format!("{uri}?{query}");
        let headers = [("content-type", media_type)];
        let patched = self.servers.exchange("PATCH", &uri, &headers, &body).await.done().body;
        assert!(covers(&patched, &change.merge), "{media_type}: {patched}");
        assert!(version(&patched) > version(&object), "{media_type}: {patched}");
        patched
    }
}
