//! What the server itself costs a Pod of 3 KB on its way to consensus: authentication,
//! authorization, admission and validation, with hundreds of roles of others in the cluster.
//!
//! Decoding, defaults, managed fields and encoding are not in it: `core/benches` has those.

#[path = "../../core/benches/pod/mod.rs"]
mod pod;
#[path = "../tests/support/mod.rs"]
mod support;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use http::{HeaderMap, Method};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::sync::Arc;
use support::Authority;
use support::servers::Servers;
use tokio::runtime::Runtime;
use xebec_apiserver::kube::access::Options as AccessOptions;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::authn::Options as AuthenticationOptions;
use xebec_apiserver::kube::call::Call;
use xebec_apiserver::kube::clock;
use xebec_apiserver::kube::found::Found;
use xebec_apiserver::kube::handlers::Attempt;
use xebec_apiserver::kube::query::Query;
use xebec_apiserver::kube::request::RequestInfo;
use xebec_apiserver::kube::user::User;
use xebec_core::defaults;
use xebec_core::value::Object;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const PODS: &str = "/api/v1/namespaces/n/pods";
const ROLES: usize = 400;

/// One binding of everybody's, or of one of the others.
fn binding(name: &str, role: &str, subject: &Value) -> Value {
    json!({"metadata": {"name": name}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
}

fn subject(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

/// Roles, half of them of a group that `ann` is in, for other things each.
async fn fill(servers: &Servers, count: usize) {
    let (roles, bindings) = (format!("{RBAC}/clusterroles"), format!("{RBAC}/clusterrolebindings"));
    for n in 0..count {
        let name = format!("role-{n}");
        let rule = |group: String| {
            json!({"verbs": ["get", "create"], "apiGroups": [group],
                "resources": ["things", "things/status"]})
        };
        let rules = [rule(format!("a{n}.example.com")), rule(format!("b{n}.example.com"))];
        let role = json!({"metadata": {"name": name}, "rules": rules});
        servers.post(&roles, &role).await.done();
        let whose =
            if n % 2 == 0 { subject("Group", "devs") } else { subject("User", &format!("u{n}")) };
        servers.post(&bindings, &binding(&name, &name, &whose)).await.done();
    }
    bind_own(servers).await;
}

async fn start(authority: &Authority) -> Servers {
    let authentication = AuthenticationOptions {
        client_ca_pem: Some(authority.pem().into_bytes()),
        ..Default::default()
    };
    let access = AccessOptions { authentication, ..AccessOptions::default() };
    let servers = Servers::start_with(1, Settings { access, ..Settings::default() }).await;
    servers.until_served("/readyz").await;
    servers.namespace("n", &json!({})).await;
    let role = json!({"metadata": {"name": "zz"}, "rules": [
        {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]});
    servers.post(&format!("{RBAC}/clusterroles"), &role).await.done();
    bind_own(&servers).await;
    servers
}

/// Lets `ann` make pods; what is bound last is looked at last.
async fn bind_own(servers: &Servers) {
    let bindings = format!("{RBAC}/clusterrolebindings");
    servers.delete(&format!("{bindings}/zz")).await;
    let own = binding("zz", "zz", &subject("Group", "devs"));
    servers.post(&bindings, &own).await.done();
}

fn call(user: User) -> Call {
    let query = Query::parse("");
    Call {
        info: RequestInfo::new(&Method::POST, PODS, &query),
        method: Method::POST,
        query,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        user,
        now: clock::now(),
        warnings: Vec::new(),
    }
}

/// What waits for nothing.
fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("done at once")
}

/// As it is when the body has been read.
fn new_pod(found: &Found, call: &Call) -> Object {
    let text = pod::pod_json().replace(r#""namespace":"default""#, r#""namespace":"n""#);
    let mut pod = pod::decode(&text);
    defaults::complete(found.target(), &mut pod);
    defaults::stamp(found.target(), &mut pod, call.now);
    pod
}

/// Everything together, and its parts.
fn measure(criterion: &mut Criterion, api: &Arc<Api>, chain: &[CertificateDer<'_>], suffix: &str) {
    let headers = HeaderMap::new();
    let authenticate = || now(api.access.authenticate(chain, &headers)).expect("ann");
    let call = call(authenticate());
    let authorize = |user: &User| now(api.access.authorize(user, &call.info)).expect("ann may");
    let registry = api.registry.load();
    let found = Found::of(&call.info, &registry).expect("pods");
    let attempt = Attempt { api, registry: &registry, call: &call, found: &found, dry_run: false };
    let view = api.storage.local_view();
    let new = new_pod(&found, &call);
    let prepare = |object: Object| match attempt.prepare_create(&view, object) {
        Ok(prepared) => prepared,
        Err(status) => panic!("{}", status.message),
    };
    criterion.bench_function(&format!("authentication{suffix}"), |b| b.iter(authenticate));
    let check = || authorize(&call.user);
    criterion.bench_function(&format!("authorization{suffix}"), |b| b.iter(check));
    criterion.bench_function(&format!("admission and validation{suffix}"), |b| {
        b.iter_batched(|| new.clone(), prepare, BatchSize::SmallInput);
    });
    criterion.bench_function(&format!("all of it{suffix}"), |b| {
        let all = |object| {
            authorize(&authenticate());
            prepare(object)
        };
        b.iter_batched(|| new.clone(), all, BatchSize::SmallInput);
    });
}

fn creates(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let authority = Authority::new();
    let (certificate, _) = authority.issue_to("ann", "devs");
    let chain = [CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
    let servers = runtime.block_on(start(&authority));
    measure(criterion, &servers.apis[0], &chain, "");
    runtime.block_on(fill(&servers, ROLES));
    measure(criterion, &servers.apis[0], &chain, &format!(", {ROLES} roles"));
    runtime.block_on(servers.stop());
}

criterion_group!(benches, creates);
criterion_main!(benches);
