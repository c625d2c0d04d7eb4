//! ConfigMaps and Secrets: keys that may be names of files, bounded sizes, and types of Secrets.

use crate::field_error::FieldError;
use crate::names;
use crate::target::Target;
use crate::validation::fields::{Fields, metadata, same};
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta};
use crate::value::{Object, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SIZE_MAX_BYTES: usize = 1024 * 1024;
const FROZEN: &str = "field is immutable when `immutable` is set";

pub(super) const CONFIG_MAP: Rules = Rules {
    create: config_map,
    update: |target, new, old, errors| {
        meta::on_update(new, old, errors);
        frozen(new, old, &["data", "binaryData"], errors);
        config_map(target, new, errors);
    },
    warnings: |_, _, _, _| {},
};

pub(super) const SECRET: Rules = Rules {
    create: secret,
    update: |target, new, old, errors| {
        meta::on_update(new, old, errors);
        let (now, before) = (new.value("type"), old.value("type"));
        check::immutable(errors, &Path::root("type"), now, before, "\"\"");
        frozen(new, old, &["data"], errors);
        secret(target, new, errors);
    },
    warnings: |_, new, _, warnings| secret_warnings(new, warnings),
};

/// What was declared immutable stays, and stays so.
fn frozen(new: &Object, old: &Object, names: &[&str], errors: &mut Errors) {
    if !old.flag("immutable") {
        return;
    }
    if !new.flag("immutable") {
        errors.push(FieldError::forbidden("immutable", FROZEN));
    }
    for name in names {
        let empty = Value::Object(Object::EMPTY);
        let of = |object: &Object| object.value(name).cloned().unwrap_or(empty.clone());
        if !same(Some(&of(new)), Some(&of(old))) {
            errors.push(FieldError::forbidden(name, FROZEN));
        }
    }
}

/// How many bytes base64 text stands for.
fn decoded_bytes(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

fn config_map(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let mut size_bytes = 0;
    let binary = object.part("binaryData");
    let path = Path::root("data");
    for (key, value) in object.entries("data") {
        check::each(errors, path.key(key), key, names::config_key(key));
        if binary.has(key) {
            let detail = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(path.key(key), key, detail));
        }
        size_bytes += value.len();
    }
    let path = Path::root("binaryData");
    for (key, value) in binary.own_entries() {
        check::each(errors, path.key(key), key, names::config_key(key));
        size_bytes += decoded_bytes(value);
    }
    if size_bytes > SIZE_MAX_BYTES {
        errors.push(FieldError::too_long("", SIZE_MAX_BYTES));
    }
}

fn secret(target: Target<'_>, object: &Object, errors: &mut Errors) {
    meta::on_create(target, object, meta::subdomain, errors);
    let path = Path::root("data");
    let mut size_bytes = 0;
    for (key, value) in object.entries("data") {
        check::each(errors, path.key(key), key, names::config_key(key));
        size_bytes += decoded_bytes(value);
    }
    if size_bytes > SIZE_MAX_BYTES {
        errors.push(FieldError::too_long(path, SIZE_MAX_BYTES));
    }
    of_type(object, &path, errors);
}

/// What a Secret of a type must hold.
fn of_type(object: &Object, path: &Path<'_>, errors: &mut Errors) {
    let data = object.part("data");
    let mut need = |key: &str| errors.push(FieldError::required(path.key(key), ""));
    match object.text("type") {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if metadata(object).part("annotations").text(key).is_empty() {
                let path = Path::root("metadata.annotations");
                errors.push(FieldError::required(path.key(key), ""));
            }
        }
        "kubernetes.io/dockercfg" => docker(data, ".dockercfg", path, errors),
        "kubernetes.io/dockerconfigjson" => docker(data, ".dockerconfigjson", path, errors),
        "kubernetes.io/basic-auth" if !data.has("username") && !data.has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/ssh-auth" if data.text("ssh-privatekey").is_empty() => {
            need("ssh-privatekey");
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if !data.has(key) {
                    need(key);
                }
            }
        }
        _ => {}
    }
}

/// Credentials for registries are a JSON object.
fn docker(data: &Object, key: &str, path: &Path<'_>, errors: &mut Errors) {
    if !data.has(key) {
        errors.push(FieldError::required(path.key(key), ""));
        return;
    }
    let bytes = STANDARD.decode(data.text(key)).unwrap_or_default();
    if let Some(detail) = not_an_object(&bytes) {
        let shown = "<secret contents redacted>";
        errors.push(FieldError::invalid(path.key(key), shown, &detail));
    }
}

/// Why bytes are no JSON object, in the words of Go's decoder.
fn not_an_object(bytes: &[u8]) -> Option<String> {
    let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Some("unexpected end of JSON input".to_owned());
    };
    let kind = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(_) | Value::Null) => return None,
        Ok(value) => value.kind_name(),
        Err(error) if error.is_eof() => return Some("unexpected end of JSON input".to_owned()),
        Err(_) => {
            let shown = char::from(*first);
            let detail = format!("invalid character '{shown}' looking for beginning of value");
            return Some(detail);
        }
    };
    let detail =
        format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}");
    Some(detail)
}

/// A certificate and its key should be what they are called.
fn secret_warnings(object: &Object, warnings: &mut Vec<String>) {
    if object.text("type") != "kubernetes.io/tls" {
        return;
    }
    let data = object.part("data");
    let blocks = |key: &str| pem_blocks(&STANDARD.decode(data.text(key)).unwrap_or_default());
    let (certificate, key) = (blocks("tls.crt"), blocks("tls.key"));
    let is_certificate = |kind: &String| kind == "CERTIFICATE";
    let is_key = |kind: &String| kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY");
    if !certificate.iter().any(is_certificate) {
        warnings.push(match certificate.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".to_owned(),
            kinds if kinds.len() == 1 && kinds.iter().any(is_key) => {
                "tls: failed to find certificate PEM data in certificate input, but did find a \
                 private key; PEM inputs may have been switched"
                    .to_owned()
            }
            kinds => format!(
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after \
                 skipping PEM blocks of the following types: [{}]",
                kinds.join(" ")
            ),
        });
    } else if !key.iter().any(is_key) {
        warnings.push(match key.as_slice() {
            [] => "tls: failed to find any PEM data in key input".to_owned(),
            [kind] if is_certificate(kind) => {
                "tls: found a certificate rather than a key in the PEM for the private key"
                    .to_owned()
            }
            kinds => format!(
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input \
                 after skipping PEM blocks of the following types: [{}]",
                kinds.join(" ")
            ),
        });
    }
}

/// The types of the PEM blocks in a text.
fn pem_blocks(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut rest = &*text;
    while let Some((_, tail)) = rest.split_once("-----BEGIN ") {
        let Some((kind, body)) = tail.split_once("-----") else { break };
        match body.split_once(&format!("-----END {kind}-----")) {
            Some((_, after)) => {
                found.push(kind.to_owned());
                rest = after;
            }
            None => rest = body,
        }
    }
    found
}
