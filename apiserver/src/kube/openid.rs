//! [`OpenId`]: how others check the tokens of service accounts: OpenID Connect discovery and the
//! published set of keys (KEP-1393).

use super::authn::service_account::ServiceAccounts;
use super::body::Body;
use super::call::Call;
use super::respond;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Response};
use std::collections::BTreeSet;
use xebec_core::value::{Object, Value};

pub const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
pub const KEYS_PATH: &str = "/openid/v1/jwks";

/// The two documents, made once: keys change with the settings of the server alone.
pub struct OpenId {
    configuration: String,
    keys: String,
}

impl OpenId {
    /// `None` where the issuer is no https URL: then nobody could find the documents.
    pub fn new(accounts: &ServiceAccounts, address: &str) -> Option<Self> {
        let options = accounts.options();
        let issuer = options.issuers.first().filter(|issuer| issuer.starts_with("https://"))?;
        let keys_uri = options.keys_uri.clone();
        let keys_uri = keys_uri.unwrap_or_else(|| format!("https://{address}{KEYS_PATH}"));
        let texts = |texts: &[&str]| Value::Array(texts.iter().map(|&text| text.into()).collect());
        let algorithms: BTreeSet<&str> =
            accounts.keys.iter().map(|key| key.algorithm.name()).collect();
        let algorithms: Vec<&str> = algorithms.into_iter().collect();
        let mut configuration = Object::new();
        configuration.push("issuer", issuer.as_str().into());
        configuration.push("jwks_uri", keys_uri.into());
        configuration.push("response_types_supported", texts(&["id_token"]));
        configuration.push("subject_types_supported", texts(&["public"]));
        configuration.push("id_token_signing_alg_values_supported", texts(&algorithms));
        let keys = accounts.keys.iter().map(|key| Value::Object(key.jwk.clone())).collect();
        let mut set = Object::new();
        set.push("keys", Value::Array(keys));
        Some(Self { configuration: write(configuration), keys: write(set) })
    }

    /// The answer to a request that is for no resource; `None` if it is for neither document.
    pub fn answer(&self, call: &Call) -> Option<Response<Body>> {
        let (text, content_type) = match call.info.path.as_str() {
            CONFIGURATION_PATH => (&self.configuration, "application/json"),
            KEYS_PATH => (&self.keys, "application/jwk-set+json"),
            _ => return None,
        };
        if !matches!(call.method, Method::GET | Method::HEAD) {
            return Some(respond::text(405, "405: Method Not Allowed"));
        }
        let mut response = respond::head(200, content_type);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        *response.body_mut() = text.clone().into();
        Some(response)
    }
}

fn write(object: Object) -> String {
    serde_json::to_string(&Value::Object(object)).expect("a tree is always serializable")
}
