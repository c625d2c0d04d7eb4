//! [`ServiceAccounts`]: users by the tokens of service accounts, and the making of such tokens.
//!
//! A token holds while its signature and times do, and while the service account and whatever it
//! is bound to are there with the uids that it names. A signature is verified once; the objects are
//! looked at anew as soon as one of them has changed. What is missing in this replica's keyspace is
//! looked for in the current one before the token is refused.

use super::bootstrap_token::text;
use super::jwt::{Bound, Claims, Reference, Token};
use super::keys::{PublicKey, SigningKey};
use super::tokens::Bearer;
use super::{OptionsError, known};
use crate::kube::clock;
use crate::kube::limits::CREDENTIALS_REMEMBERED_MAX;
use crate::kube::object::meta;
use crate::kube::storage::Storage;
use crate::kube::user::User;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_store::View;
use xebec_store::kv::Revision;

/// The issuer of tokens that lie in Secrets.
pub const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
const INVALIDATED: &str = "service account token has been invalidated";
/// What has been deleted counts for this long, for clocks that differ.
const LEEWAY_S: i64 = 60;
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Settings of the tokens of service accounts.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The first one issues tokens, all are accepted.
    pub issuers: Vec<String>,
    /// The key that signs, as PEM. It verifies too.
    pub signing_key_pem: Vec<u8>,
    /// Further keys that verify, as PEM.
    pub verification_keys_pem: Vec<Vec<u8>>,
    /// For whom a token may be made to be taken here; the issuers if empty.
    pub audiences: Vec<String>,
    /// The longest life of a token; `None` leaves it to the client.
    pub expiration_s_max: Option<i64>,
    /// Tokens that the kubelet asks for with the usual life hold for a year, as upstream's do.
    pub extend_expiration: bool,
    /// Where the keys are published, if not under the issuer.
    pub keys_uri: Option<String>,
}

pub struct ServiceAccounts {
    pub(super) options: Options,
    pub signer: SigningKey,
    pub keys: Vec<PublicKey>,
    storage: Storage,
    remembered: RwLock<HashMap<[u8; 32], Arc<Remembered>>>,
}

/// A token whose signature holds.
struct Remembered {
    claims: Claims,
    checked: RwLock<Option<Checked>>,
}

/// What the objects said when they were last looked at.
#[derive(Clone)]
struct Checked {
    user: User,
    /// The keys of the objects, and their revisions then.
    objects: Vec<(String, Revision)>,
}

impl ServiceAccounts {
    pub fn new(mut options: Options, storage: Storage) -> Result<Self, OptionsError> {
        if options.issuers.is_empty() {
            return Err(OptionsError::Issuer);
        }
        if options.audiences.is_empty() {
            options.audiences.clone_from(&options.issuers);
        }
        let signer = SigningKey::read(&options.signing_key_pem)?;
        let mut keys = PublicKey::read_all(&options.signing_key_pem)?;
        for pem in &options.verification_keys_pem {
            for key in PublicKey::read_all(pem)? {
                if keys.iter().all(|held| held.id != key.id) {
                    keys.push(key);
                }
            }
        }
        Ok(Self { options, signer, keys, storage, remembered: RwLock::default() })
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// `None` for what is no token of this cluster's.
    pub async fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<Option<Bearer>, String> {
        let Some(held) = self.signed(token)? else { return Ok(None) };
        let audiences = self.audiences(&held.claims, audiences)?;
        let now = clock::now();
        in_time(&held.claims, now)?;
        let local = self.storage.local_view();
        if let Some(user) = held.unchanged(&local) {
            return Ok(Some(Bearer { user, audiences }));
        }
        let checked = match check(&local, &held.claims, token, now) {
            Ok(checked) => checked,
            Err(_) => {
                let current = self.storage.view().await.map_err(|error| error.message)?;
                check(&current, &held.claims, token, now)?
            }
        };
        let user = checked.user.clone();
        *held.checked.write() = Some(checked);
        Ok(Some(Bearer { user, audiences }))
    }

    /// The token's claims, if one of the keys vouches for them.
    fn signed(&self, text: &str) -> Result<Option<Arc<Remembered>>, String> {
        let key = digest(&SHA256, text.as_bytes());
        let key: [u8; 32] = key.as_ref().try_into().expect("a SHA-256 digest has 32 bytes");
        if let Some(held) = self.remembered.read().get(&key) {
            return Ok(Some(held.clone()));
        }
        let Some(token) = Token::parse(text) else { return Ok(None) };
        let issuer = &token.claims.iss;
        if issuer != LEGACY_ISSUER && !self.options.issuers.contains(issuer) {
            return Ok(None);
        }
        token.verify(&self.keys)?;
        let held = Arc::new(Remembered { claims: token.claims, checked: RwLock::default() });
        let mut remembered = self.remembered.write();
        if remembered.len() >= CREDENTIALS_REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, held.clone());
        Ok(Some(held))
    }

    /// Those of the asked audiences that the token is for; an error if there are none.
    fn audiences(&self, claims: &Claims, asked: &[String]) -> Result<Vec<String>, String> {
        let held = if claims.aud.is_empty() { &self.options.audiences } else { &claims.aud };
        let asked = if asked.is_empty() { &self.options.audiences } else { asked };
        let both: Vec<String> = asked.iter().filter(|one| held.contains(one)).cloned().collect();
        if both.is_empty() {
            let (held, asked) = (list(held), list(asked));
            return Err(format!(
                "token audiences {held} is invalid for the target audiences {asked}"
            ));
        }
        Ok(both)
    }
}

/// A list of texts as Go prints it.
pub fn list(texts: &[String]) -> String {
    let quoted: Vec<String> =
        texts.iter().map(|text| xebec_core::field_error::quoted(text)).collect();
    format!("[{}]", quoted.join(" "))
}

impl Remembered {
    /// The user, if every object that vouched for it stands as it did.
    fn unchanged(&self, view: &View) -> Option<User> {
        let checked = self.checked.read();
        let Checked { user, objects } = checked.as_ref()?;
        let same = objects.iter().all(|(key, revision)| {
            view.keys().get(key.as_bytes()).is_some_and(|kv| kv.mod_revision == *revision)
        });
        same.then(|| user.clone())
    }
}

fn in_time(claims: &Claims, now: Timestamp) -> Result<(), String> {
    if claims.nbf.is_some_and(|from| now.seconds < from.0) {
        return Err("service account token is not valid yet".to_owned());
    }
    if claims.exp.is_some_and(|until| now.seconds > until.0) {
        return Err("service account token has expired".to_owned());
    }
    if claims.iat.is_some_and(|at| now.seconds < at.0) {
        return Err("service account token is issued in the future".to_owned());
    }
    Ok(())
}

/// One object that a token depends on.
struct Held {
    key: String,
    revision: Revision,
    object: Object,
}

impl Held {
    fn read(view: &View, resource: &str, namespace: &str, name: &str) -> Option<Self> {
        let slash = if namespace.is_empty() { "" } else { "/" };
        let key = format!("/registry/{resource}/{namespace}{slash}{name}");
        let stored = Storage::read(view, &key).ok()??;
        let object = stored.object().ok()?;
        Some(Self { key, revision: stored.revision(), object })
    }

    fn uid(&self) -> &str {
        meta(&self.object, "uid")
    }

    /// True if it was to be gone long enough ago.
    fn is_deleted(&self, now: Timestamp) -> bool {
        let at = Timestamp::parse(meta(&self.object, "deletionTimestamp"));
        at.is_some_and(|at| at.seconds < now.seconds - LEEWAY_S)
    }

    fn is_being_deleted(&self) -> bool {
        !meta(&self.object, "deletionTimestamp").is_empty()
    }
}

/// What the objects say of a token that is signed and in time.
fn check(view: &View, claims: &Claims, token: &str, now: Timestamp) -> Result<Checked, String> {
    let mut found = Vec::new();
    let mut user = match &claims.bound {
        Some(bound) if claims.iss != LEGACY_ISSUER => check_bound(view, bound, now, &mut found)?,
        _ => check_legacy(view, claims, token, &mut found)?,
    };
    if !claims.jti.is_empty() {
        user.set_extra(User::CREDENTIAL_ID, format!("JTI={}", claims.jti));
    }
    let keep = |held: &Held| !held.is_being_deleted();
    // What is about to go is looked at again every time.
    let lasting = found.iter().all(keep);
    let objects = found.into_iter().map(|held| (held.key, if lasting { held.revision } else { 0 }));
    Ok(Checked { user: known(user), objects: objects.collect() })
}

fn account_user(namespace: &str, name: &str, uid: &str) -> User {
    User {
        name: User::service_account_name(namespace, name),
        uid: uid.to_owned(),
        groups: User::service_account_groups(namespace),
        ..User::default()
    }
}

fn check_bound(
    view: &View,
    bound: &Bound,
    now: Timestamp,
    found: &mut Vec<Held>,
) -> Result<User, String> {
    let (namespace, account) = (&bound.namespace, &bound.serviceaccount);
    let held = Held::read(view, "serviceaccounts", namespace, &account.name)
        .ok_or_else(|| format!("serviceaccounts \"{}\" not found", account.name))?;
    if held.is_deleted(now) {
        return Err(format!("service account {namespace}/{} has been deleted", account.name));
    }
    if held.uid() != account.uid {
        let (is, claimed) = (held.uid(), &account.uid);
        return Err(format!("service account UID ({is}) does not match claim ({claimed})"));
    }
    found.push(held);
    let mut user = account_user(namespace, &account.name, &account.uid);
    let mut require = |resource: &str, kind: &str, namespace: &str, to: &Reference| {
        let held = Held::read(view, resource, namespace, &to.name);
        let held = held.ok_or_else(|| INVALIDATED.to_owned())?;
        if held.is_deleted(now) {
            return Err(INVALIDATED.to_owned());
        }
        if held.uid() != to.uid {
            let (is, claimed) = (held.uid(), &to.uid);
            return Err(format!(
                "{kind} UID ({is}) does not match service account {kind} ref claim ({claimed})"
            ));
        }
        found.push(held);
        Ok(())
    };
    if let Some(secret) = &bound.secret {
        require("secrets", "secret", namespace, secret)?;
    }
    if let Some(pod) = &bound.pod {
        require("pods", "pod", namespace, pod)?;
        user.set_extra("authentication.kubernetes.io/pod-name", &pod.name);
        user.set_extra("authentication.kubernetes.io/pod-uid", &pod.uid);
    }
    if let Some(node) = &bound.node {
        // The node of a pod is a hint; a token for a node alone depends on it.
        if bound.pod.is_none() {
            require("minions", "node", "", node)?;
        }
        user.set_extra(User::NODE_NAME, &node.name);
        if !node.uid.is_empty() {
            user.set_extra("authentication.kubernetes.io/node-uid", &node.uid);
        }
    }
    Ok(user)
}

fn check_legacy(
    view: &View,
    claims: &Claims,
    token: &str,
    found: &mut Vec<Held>,
) -> Result<User, String> {
    let (namespace, name) = (&claims.legacy_namespace, &claims.legacy_account);
    for (text, what) in [
        (&claims.sub, "sub"),
        (namespace, "namespace"),
        (&claims.legacy_secret, "secretName"),
        (name, "serviceAccountName"),
        (&claims.legacy_uid, "serviceAccountUID"),
    ] {
        if text.is_empty() {
            return Err(format!("{what} claim is missing"));
        }
    }
    if User::service_account(&claims.sub) != Some((namespace, name)) {
        return Err("sub claim is invalid".to_owned());
    }
    let secret = Held::read(view, "secrets", namespace, &claims.legacy_secret)
        .filter(|secret| !secret.is_being_deleted())
        .ok_or_else(|| INVALIDATED.to_owned())?;
    let copy = text(&secret.object, "token").unwrap_or_default();
    verify_slices_are_equal(copy.as_bytes(), token.as_bytes())
        .map_err(|_| "service account token does not match server's copy".to_owned())?;
    let labels = secret.object.get("metadata").and_then(|metadata| metadata.get("labels"));
    if labels.and_then(|labels| labels.get(INVALID_SINCE)).and_then(Value::as_str).is_some() {
        return Err(format!(
            "the token in secret {namespace}/{} for service account {namespace}/{name} has been \
             marked invalid. Use tokens from the TokenRequest API or manually created \
             secret-based tokens, or remove the '{INVALID_SINCE}' label from the secret to \
             temporarily allow use of this token",
            claims.legacy_secret
        ));
    }
    let account = Held::read(view, "serviceaccounts", namespace, name)
        .ok_or_else(|| format!("serviceaccounts \"{name}\" not found"))?;
    if account.is_being_deleted() {
        return Err(format!("service account {namespace}/{name} has been deleted"));
    }
    if account.uid() != claims.legacy_uid {
        let (is, claimed) = (account.uid(), &claims.legacy_uid);
        return Err(format!("service account UID ({is}) does not match claim ({claimed})"));
    }
    found.extend([secret, account]);
    Ok(account_user(namespace, name, &claims.legacy_uid))
}
