//! [`Life`]: what the suite does with kinds of which it only follows one object after another, and
//! the requests that tests of many topics make.

use crate::support::kube::{names, version};
use crate::support::servers::Servers;
use serde_json::{Value, json};

/// A collection and an object to put there, without a name.
pub struct Life<'a> {
    pub servers: &'a Servers,
    pub uri: &'a str,
    pub object: Value,
}

impl Life<'_> {
    /// One object is made, read, patched, found by its label and deleted; another is updated, found
    /// and deleted with its collection.
    pub async fn run(&self) {
        let first = self.make("first").await;
        let one = format!("{}/first", self.uri);
        assert_eq!(self.servers.get(&one).await, first);
        let patch = json!({"metadata": {"labels": {"first": "patched"}}});
        let patched = strategic(self.servers, &one, &patch).await;
        assert_eq!(patched["metadata"]["labels"]["first"], "patched");
        assert!(version(&patched) > version(&first));
        assert_eq!(self.found("first=patched").await, ["first"]);
        self.servers.delete(&one).await.done();
        assert_eq!(code(self.servers, &one).await, 404);
        assert_eq!(self.found("first=patched").await, [""; 0]);

        let mut second = self.make("second").await;
        second["metadata"]["labels"] = json!({"second": "updated"});
        let updated = self.servers.put(&format!("{}/second", self.uri), &second).await.done().body;
        assert_eq!(updated["metadata"]["labels"], json!({"second": "updated"}));
        assert_eq!(self.found("second=updated").await, ["second"]);
        self.servers.delete(&labelled(self.uri, "second=updated")).await.done();
        assert_eq!(self.found("second=updated").await, [""; 0]);
    }

    /// An object of that name; nobody can make it twice.
    pub async fn make(&self, name: &str) -> Value {
        let mut object = self.object.clone();
        object["metadata"]["name"] = json!(name);
        let made = self.servers.post(self.uri, &object).await.done().body;
        assert_eq!(made["metadata"]["name"], name);
        let again = self.servers.post(self.uri, &object).await;
        assert_eq!((again.code, &again.body["reason"]), (409, &json!("AlreadyExists")));
        made
    }

    pub async fn found(&self, selector: &str) -> Vec<String> {
        found(self.servers, self.uri, selector).await
    }
}

/// A collection's objects with a label.
pub fn labelled(uri: &str, selector: &str) -> String {
    format!("{uri}?labelSelector={}", selector.replace('=', "%3D"))
}

/// Names of a collection's objects with a label.
pub async fn found(servers: &Servers, uri: &str, selector: &str) -> Vec<String> {
    let list = servers.get(&labelled(uri, selector)).await;
    names(&list).into_iter().map(str::to_owned).collect()
}

/// What a GET is answered with.
pub async fn code(servers: &Servers, uri: &str) -> u16 {
    servers.call("GET", uri, &Value::Null).await.code
}

/// A strategic merge patch.
pub async fn strategic(servers: &Servers, uri: &str, patch: &Value) -> Value {
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    servers.exchange("PATCH", uri, &headers, &patch.to_string()).await.done().body
}

/// Deletes a collection's objects with a label, with options.
pub async fn delete_labelled(servers: &Servers, uri: &str, selector: &str, options: &Value) {
    let mut body = options.clone();
    body["kind"] = json!("DeleteOptions");
    body["apiVersion"] = json!("v1");
    servers.call("DELETE", &labelled(uri, selector), &body).await.done();
}

/// A condition as the suite writes them.
pub fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": "E2E", "message": "set by a test"})
}

/// Whether an object has a condition.
pub fn has_condition(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == kind)
}
