//! CertificateSigningRequests, with their approval and their status.

use crate::operations::{Operations, covers};
use crate::support::kube::names;
use crate::support::servers::Servers;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

const SIGNER: &str = "example.com/e2e-tested";

fn params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["e2e.example.com".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "e2e.example.com");
    params
}

fn asked() -> Value {
    let key = KeyPair::generate().expect("a key");
    let request = params().serialize_request(&key).and_then(|made| made.pem()).expect("a request");
    json!({"spec": {
        "request": STANDARD.encode(request), "signerName": SIGNER, "expirationSeconds": 3600,
        "usages": ["digital signature", "key encipherment", "server auth"],
    }})
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": "E2E", "message": "Set by a test"})
}

#[tokio::test]
async fn requests_are_made_listed_approved_and_deleted() {
    let servers = Servers::ready().await;
    let kind = ("certificates.k8s.io", "v1", "certificatesigningrequests");
    let operations = Operations {
        subresources: &["approval", "status"],
        ..Operations::new(&servers, kind, asked())
    };
    operations.run(&json!({})).await;

    let made = operations.create(&["a-", "b-", "c-"]).await;
    let selected = format!("{}?fieldSelector=spec.signerName%3D{SIGNER}", operations.uri());
    assert_eq!(names(&servers.get(&selected).await).len(), 3);
    let one = operations.one(&made[2]);
    assert_eq!(servers.get(&one).await["spec"]["expirationSeconds"], 3600);
    approve(&servers, &format!("{one}/approval"), &made[2]).await;
    certify(&servers, &format!("{one}/status"), &made[2]).await;
    servers.delete(&one).await.done();
    servers.call("GET", &one, &Value::Null).await.refused(404);
    assert_eq!(names(&servers.get(&selected).await).len(), 2);
    servers.delete(&selected).await.done();
    assert_eq!(names(&servers.get(&selected).await), [""; 0]);
    servers.stop().await;
}

async fn read(servers: &Servers, uri: &str, made: &Value) {
    let read = servers.get(uri).await;
    assert_eq!(read["kind"], "CertificateSigningRequest");
    assert_eq!(read["metadata"]["uid"], made["metadata"]["uid"]);
}

async fn approve(servers: &Servers, uri: &str, made: &Value) {
    read(servers, uri, made).await;
    let patch = json!({
        "metadata": {"annotations": {"patchedapproval": "true"}},
        "status": {"conditions": [condition("ApprovalPatch")]},
    });
    let mut patched = servers.patch(uri, &patch).await.done().body;
    assert!(covers(&patched, &patch), "{patched}");
    let conditions = patched["status"]["conditions"].as_array_mut().expect("conditions");
    assert_eq!(conditions.len(), 1);
    conditions.push(condition("Approved"));
    let updated = servers.put(uri, &patched).await.done().body;
    assert_eq!(updated["status"]["conditions"].as_array().map(Vec::len), Some(2));
    assert_eq!(updated["status"]["conditions"][1]["type"], "Approved");
}

async fn certify(servers: &Servers, uri: &str, made: &Value) {
    read(servers, uri, made).await;
    let key = KeyPair::generate().expect("a key");
    let certificate = params().self_signed(&key).expect("a certificate").pem();
    let patch = json!({
        "metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"certificate": STANDARD.encode(certificate)},
    });
    let mut patched = servers.patch(uri, &patch).await.done().body;
    assert!(covers(&patched, &patch), "{patched}");
    let conditions = patched["status"]["conditions"].as_array_mut().expect("conditions");
    conditions.push(condition("StatusUpdate"));
    let count = conditions.len();
    let updated = servers.put(uri, &patched).await.done().body;
    let conditions = updated["status"]["conditions"].as_array().expect("conditions");
    assert_eq!(conditions.len(), count);
    assert_eq!(conditions[count - 1]["type"], "StatusUpdate");
}
