//! [`BootstrapTokens`]: users by the tokens with which new nodes join: Secrets in `kube-system`.
//!
//! A token is `<id>.<secret>`; the Secret's name follows from the id, so that a wrong token costs
//! one lookup in memory.

use super::Outcome;
use crate::kube::clock;
use crate::kube::object::meta;
use crate::kube::storage::Storage;
use crate::kube::user::User;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};

const KEY_PREFIX: &str = "/registry/secrets/kube-system/bootstrap-token-";
const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";
const GROUP_NAME_BYTES_MAX: usize = 256;

pub struct BootstrapTokens {
    storage: Storage,
}

impl BootstrapTokens {
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    pub fn authenticate(&self, token: &str) -> Outcome {
        let Some((id, secret)) = split(token) else { return Outcome::NotMine };
        let view = self.storage.local_view();
        let Ok(Some(stored)) = Storage::read(&view, &format!("{KEY_PREFIX}{id}")) else {
            return Outcome::NotMine;
        };
        let Ok(object) = stored.object() else { return Outcome::NotMine };
        match user(&object, id, secret, clock::now()) {
            Some(user) => Outcome::Known(user),
            None => Outcome::NotMine,
        }
    }
}

/// Six and sixteen small letters or digits.
fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret)).then_some((id, secret))
}

/// The user of a token, if its Secret holds it and says that it may be used now.
fn user(object: &Object, id: &str, secret: &str, now: Timestamp) -> Option<User> {
    let kind = object.get("type").and_then(Value::as_str);
    if kind != Some(TYPE) || !meta(object, "deletionTimestamp").is_empty() {
        return None;
    }
    let held = text(object, "token-secret")?;
    verify_slices_are_equal(held.as_bytes(), secret.as_bytes()).ok()?;
    let same_id = text(object, "token-id").is_some_and(|held| held == id);
    let usable = text(object, "usage-bootstrap-authentication").is_some_and(|use_| use_ == "true");
    if !same_id || !usable || expired(object, now) {
        return None;
    }
    let mut groups = vec![GROUP.to_owned()];
    let more = text(object, "auth-extra-groups").unwrap_or_default();
    let mut more: Vec<&str> = more.split(',').filter(|group| !group.is_empty()).collect();
    more.sort_unstable();
    more.dedup();
    for group in more {
        if !is_bootstrap_group(group) {
            return None;
        }
        groups.push(group.to_owned());
    }
    Some(User { name: format!("system:bootstrap:{id}"), groups, ..User::default() })
}

/// A time that cannot be read has passed.
fn expired(object: &Object, now: Timestamp) -> bool {
    match text(object, "expiration").filter(|at| !at.is_empty()) {
        Some(at) => Timestamp::parse(&at).is_none_or(|at| at.seconds <= now.seconds),
        None => false,
    }
}

fn is_bootstrap_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else { return false };
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    rest.len() <= GROUP_NAME_BYTES_MAX
        && rest.bytes().all(|byte| letter(byte) || matches!(byte, b':' | b'-'))
        && rest.bytes().last().is_some_and(letter)
}

/// An entry of a Secret's data, if it is text.
pub fn text(secret: &Object, name: &str) -> Option<String> {
    let data = secret.get("data").and_then(Value::as_object)?;
    let encoded = data.get(name).and_then(Value::as_str)?;
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "abcdef";
    const SECRET: &str = "0123456789abcdef";

    fn secret(change: &[(&str, &str)]) -> Object {
        let mut data = Object::new();
        for (name, value) in [
            ("token-id", ID),
            ("token-secret", SECRET),
            ("usage-bootstrap-authentication", "true"),
            ("auth-extra-groups", "system:bootstrappers:b,system:bootstrappers:a:x"),
        ]
        .iter()
        .chain(change)
        {
            data.insert(*name, BASE64_STANDARD.encode(value).into());
        }
        let mut object = Object::new();
        object.push("data", Value::Object(data));
        object.push("type", TYPE.into());
        object
    }

    const NOW: Timestamp = Timestamp { seconds: 1_000_000_000, nanos: 0 };

    #[test]
    fn a_token_names_a_bootstrapper_with_its_groups() {
        let user = user(&secret(&[]), ID, SECRET, NOW).expect("valid");
        assert_eq!(user.name, "system:bootstrap:abcdef");
        assert_eq!(user.groups, [GROUP, "system:bootstrappers:a:x", "system:bootstrappers:b"]);
        let later = secret(&[("expiration", "2030-01-01T00:00:00Z")]);
        assert!(super::user(&later, ID, SECRET, NOW).is_some());
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        for change in [
            ("token-id", "abcdeg"),
            ("token-secret", "0123456789abcdeg"),
            ("usage-bootstrap-authentication", "yes"),
            ("auth-extra-groups", "system:masters"),
            ("auth-extra-groups", "system:bootstrappers:a-"),
            ("expiration", "2001-01-01T00:00:00Z"),
            ("expiration", "soon"),
        ] {
            assert_eq!(user(&secret(&[change]), ID, SECRET, NOW), None, "{change:?}");
        }
        let mut other = secret(&[]);
        other.insert("type", "Opaque".into());
        assert_eq!(user(&other, ID, SECRET, NOW), None);
        for token in ["abcdef", "abcde.0123456789abcdef", "ABCDEF.0123456789abcdef", "a.b"] {
            assert_eq!(split(token), None, "{token}");
        }
    }
}
