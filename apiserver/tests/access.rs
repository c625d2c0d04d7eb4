//! Who may do what, in process: credentials, impersonation, roles, reviews and tokens, over one
//! replica whose requests come as a connection would hand them over.

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::sync::Arc;
use support::Cluster;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::access::Options as AccessOptions;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::authn::Options;
use xebec_apiserver::kube::authn::service_account::Options as AccountOptions;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

struct Server {
    cluster: Cluster,
    api: Arc<Api>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

struct Answer {
    code: u16,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        self.body
    }
}

impl Server {
    async fn start() -> Self {
        let cluster = Cluster::start(1).await;
        let key = rcgen::KeyPair::generate().expect("a key");
        let accounts = AccountOptions {
            issuers: vec![ISSUER.to_owned()],
            signing_key_pem: key.serialize_pem().into_bytes(),
            ..AccountOptions::default()
        };
        let authentication = Options {
            token_file: Some("secret-of-root,root,1,system:masters\nsecret-of-ann,ann,2,\n".into()),
            service_accounts: Some(accounts),
            ..Options::default()
        };
        let settings = Settings {
            access: AccessOptions { authentication, ..AccessOptions::default() },
            ..Settings::default()
        };
        let api = Api::new(cluster.nodes[0].replica.clone(), settings);
        let api = Arc::new(api.expect("settings that work"));
        let stop = CancellationToken::new();
        let running = tokio::spawn(api.clone().run(stop.clone()));
        Self { cluster, api, stop, running }
    }

    async fn send(&self, method: &str, uri: &str, token: &str, body: &Value) -> Answer {
        let token = format!("Bearer {token}");
        self.send_with(method, uri, &[("authorization", token.as_str())], body).await
    }

    async fn send_with(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let user = self.api.access.authenticate(&[], request.headers()).await;
        let response = self.api.handle(user, request).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        Answer { code, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn root(&self, method: &str, uri: &str, body: &Value) -> Answer {
        self.send(method, uri, "secret-of-root", body).await
    }

    async fn make(&self, uri: &str, body: &Value) -> Value {
        self.root("POST", uri, body).await.expect(201)
    }

    async fn ann(&self, method: &str, uri: &str, body: &Value) -> Answer {
        self.send(method, uri, "secret-of-ann", body).await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("it does not panic");
        drop(self.api);
        self.cluster.stop().await;
    }
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/n/configmaps";
const NOTHING: Value = Value::Null;

fn role(name: &str, verbs: &[&str], resources: &[&str]) -> Value {
    json!({"metadata": {"name": name},
        "rules": [{"apiGroups": ["*"], "resources": resources, "verbs": verbs}]})
}

fn binding(name: &str, kind: &str, role: &str, user: &str) -> Value {
    json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}]})
}

async fn namespace(server: &Server) {
    server.make("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
}

#[tokio::test]
async fn what_is_granted_counts_for_the_next_request() {
    let server = Server::start().await;
    namespace(&server).await;
    let refused = server.ann("GET", &format!("{MAPS}/x"), &NOTHING).await;
    assert_eq!(
        (refused.code, refused.message()),
        (
            403,
            r#"configmaps "x" is forbidden: User "ann" cannot get resource "configmaps" in API group "" in the namespace "n""#
        )
    );
    server.make(&format!("{RBAC}/clusterroles"), &role("maps", &["get"], &["configmaps"])).await;
    let roles = format!("{RBAC}/namespaces/n/rolebindings");
    for round in 0..20 {
        server.make(&roles, &binding("b", "ClusterRole", "maps", "ann")).await;
        let found = server.ann("GET", &format!("{MAPS}/x"), &NOTHING).await;
        assert_eq!(found.code, 404, "round {round}: {}", found.body);
        server.root("DELETE", &format!("{roles}/b"), &NOTHING).await.expect(200);
        let refused = server.ann("GET", &format!("{MAPS}/x"), &NOTHING).await;
        assert_eq!(refused.code, 403, "round {round}");
    }
    server.make(&roles, &binding("b", "Role", "gone", "ann")).await;
    let refused = server.ann("GET", &format!("{MAPS}/x"), &NOTHING).await;
    assert!(
        refused.message().ends_with(r#": RBAC: role.rbac.authorization.k8s.io "gone" not found"#),
        "{}",
        refused.body
    );
    server.stop().await;
}

#[tokio::test]
async fn credentials_hold_up_or_are_refused() {
    let server = Server::start().await;
    let wrong = server.send("GET", "/api", "wrong", &NOTHING).await;
    assert_eq!((wrong.code, wrong.body["reason"].as_str()), (401, Some("Unauthorized")));
    let nobody = server.send_with("GET", MAPS, &[], &NOTHING).await;
    assert!(nobody.message().contains(r#"User "system:anonymous" cannot list"#), "{}", nobody.body);
    let own = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let root = server.root("POST", own, &json!({})).await.expect(201);
    assert_eq!(
        root["status"]["userInfo"],
        json!({"username": "root", "uid": "1", "groups": ["system:masters", "system:authenticated"]})
    );
    server.stop().await;
}

#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let server = Server::start().await;
    namespace(&server).await;
    let (roles, bindings) =
        (format!("{RBAC}/namespaces/n/roles"), format!("{RBAC}/namespaces/n/rolebindings"));
    let manage = role("manage", &["*"], &["roles", "rolebindings", "configmaps"]);
    // The star on roles would allow to escalate.
    let manage = json!({"metadata": manage["metadata"], "rules": [{
        "apiGroups": ["", "rbac.authorization.k8s.io"],
        "resources": ["roles", "rolebindings", "configmaps"],
        "verbs": ["create", "get", "update", "patch"]}]});
    server.make(&roles, &manage).await;
    server.make(&bindings, &binding("manage", "Role", "manage", "ann")).await;
    let maps = json!({"metadata": {"name": "maps"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]});
    server.ann("POST", &roles, &maps).await.expect(201);
    let secrets = json!({"metadata": {"name": "secrets"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]});
    let refused = server.ann("POST", &roles, &secrets).await;
    assert_eq!(refused.code, 403);
    assert!(
        refused.message().ends_with(
            "is attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"
        ),
        "{}",
        refused.body
    );
    let grown = json!({"metadata": {"name": "maps"}, "rules": secrets["rules"]});
    server.ann("PUT", &format!("{roles}/maps"), &grown).await.expect(403);
    server.make(&format!("{RBAC}/clusterroles"), &role("all", &["*"], &["*"])).await;
    let all = binding("all", "ClusterRole", "all", "ann");
    server.ann("POST", &bindings, &all).await.expect(403);
    server.ann("POST", &bindings, &binding("m", "Role", "maps", "bob")).await.expect(201);
    server.stop().await;
}

#[tokio::test]
async fn reviews_say_what_the_roles_do() {
    let server = Server::start().await;
    namespace(&server).await;
    server.make(&format!("{RBAC}/clusterroles"), &role("maps", &["get"], &["configmaps"])).await;
    let bindings = format!("{RBAC}/clusterrolebindings");
    server.make(&bindings, &binding("maps", "ClusterRole", "maps", "ann")).await;
    let reviews = "/apis/authorization.k8s.io/v1";
    let ask = |verb: &str| {
        json!({"spec": {"user": "ann", "resourceAttributes":
            {"namespace": "n", "verb": verb, "resource": "configmaps"}}})
    };
    let subject = format!("{reviews}/subjectaccessreviews");
    let yes = server.make(&subject, &ask("get")).await;
    assert_eq!(
        yes["status"],
        json!({"allowed": true,
            "reason": r#"RBAC: allowed by ClusterRoleBinding "maps" of ClusterRole "maps" to User "ann""#})
    );
    assert_eq!(server.make(&subject, &ask("list")).await["status"], json!({"allowed": false}));
    let nobody = server.root("POST", &subject, &json!({"spec": {}})).await;
    assert_eq!(nobody.code, 422);
    assert_eq!(nobody.body["details"]["causes"].as_array().map(Vec::len), Some(2));
    let local = format!("{reviews}/namespaces/n/localsubjectaccessreviews");
    assert_eq!(server.make(&local, &ask("get")).await["status"]["allowed"], true);
    let rules = format!("{reviews}/selfsubjectrulesreviews");
    let impersonated = [("authorization", "Bearer secret-of-root"), ("impersonate-user", "ann")];
    let make_review = role("reviews", &["create"], &["selfsubjectrulesreviews"]);
    server.make(&format!("{RBAC}/clusterroles"), &make_review).await;
    server.make(&bindings, &binding("reviews", "ClusterRole", "reviews", "ann")).await;
    let asked = json!({"spec": {"namespace": "n"}});
    let mine = server.send_with("POST", &rules, &impersonated, &asked).await.expect(201);
    assert_eq!(
        mine["status"]["resourceRules"][0],
        json!({"verbs": ["get"], "apiGroups": ["*"], "resources": ["configmaps"]})
    );
    assert_eq!(mine["status"]["incomplete"], false);
    server.stop().await;
}

#[tokio::test]
async fn a_token_holds_as_long_as_what_it_is_bound_to() {
    let server = Server::start().await;
    namespace(&server).await;
    let accounts = "/api/v1/namespaces/n/serviceaccounts";
    server.make(accounts, &json!({"metadata": {"name": "s"}})).await;
    let secret = json!({"metadata": {"name": "bond"}});
    let secret = server.make("/api/v1/namespaces/n/secrets", &secret).await;
    let token_of = format!("{accounts}/s/token");
    let bound = json!({"spec": {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1",
        "name": "bond", "uid": secret["metadata"]["uid"]}}});
    let made = server.make(&token_of, &bound).await;
    assert_eq!(made["spec"]["expirationSeconds"], 3_600);
    assert_eq!(made["spec"]["audiences"], json!([ISSUER]));
    let token = made["status"]["token"].as_str().expect("a token");
    let own = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let allow = role("own", &["create"], &["selfsubjectreviews"]);
    server.make(&format!("{RBAC}/clusterroles"), &allow).await;
    let everybody = json!({"metadata": {"name": "own"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "own"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io",
            "name": "system:serviceaccounts:n"}]});
    server.make(&format!("{RBAC}/clusterrolebindings"), &everybody).await;
    let own = server.send("POST", own, token, &json!({})).await.expect(201);
    assert_eq!(own["status"]["userInfo"]["username"], "system:serviceaccount:n:s");
    let review = "/apis/authentication.k8s.io/v1/tokenreviews";
    let asked = json!({"spec": {"token": token}});
    let status = server.make(review, &asked).await["status"].clone();
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!([ISSUER])));
    let other = json!({"spec": {"token": token, "audiences": ["other"]}});
    let status = server.make(review, &other).await["status"].clone();
    assert_eq!(status["authenticated"], NOTHING);
    assert!(status["error"].as_str().is_some_and(|error| error.contains("audiences")), "{status}");
    let short = json!({"spec": {"expirationSeconds": 10}});
    server.root("POST", &token_of, &short).await.expect(422);
    server.root("DELETE", "/api/v1/namespaces/n/secrets/bond", &NOTHING).await.expect(200);
    let gone = server.send("GET", "/api", token, &NOTHING).await;
    assert_eq!(gone.code, 401, "{}", gone.body);
    server.stop().await;
}

#[tokio::test]
async fn others_can_check_tokens() {
    let server = Server::start().await;
    let found = server.root("GET", "/.well-known/openid-configuration", &NOTHING).await.expect(200);
    assert_eq!(found["issuer"], ISSUER);
    assert_eq!(found["jwks_uri"], "https://127.0.0.1:6443/openid/v1/jwks");
    let keys = server.root("GET", "/openid/v1/jwks", &NOTHING).await.expect(200);
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert_eq!(keys["keys"][0].as_object().map(|key| key.contains_key("d")), Some(false));
    server.stop().await;
}
