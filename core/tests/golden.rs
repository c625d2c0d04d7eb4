//! Every golden vector, from JSON to protobuf and back. They lie beside the repository; where they
//! do not, there is nothing to compare with and the test says so.

use std::path::{Path, PathBuf};
use xebec_core::codec::{json, proto};
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::value::Value;

fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/k8s/testdata");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no golden vectors at {}", path.display());
    None
}

/// `apps.v1.Deployment.json` → the message of that kind.
fn message_of(stem: &str) -> Option<MessageId> {
    let mut parts = stem.rsplitn(3, '.');
    let (kind, version, group) = (parts.next()?, parts.next()?, parts.next()?);
    let short = group.split('.').next()?;
    let package = match group {
        "apiextensions.k8s.io" => "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions".into(),
        "apiregistration.k8s.io" => "k8s.io.kube_aggregator.pkg.apis.apiregistration".into(),
        "internal.apiserver.k8s.io" => "k8s.io.api.apiserverinternal".into(),
        "rbac.authorization.k8s.io" => "k8s.io.api.rbac".into(),
        "flowcontrol.apiserver.k8s.io" => "k8s.io.api.flowcontrol".into(),
        "audit.k8s.io" => "k8s.io.apiserver.pkg.apis.audit".into(),
        _ => format!("k8s.io.api.{short}"),
    };
    let full = format!("{package}.{version}.{kind}");
    let meta = format!("k8s.io.apimachinery.pkg.apis.meta.v1.{kind}");
    BUILT_IN.find(&full).or_else(|| BUILT_IN.find(&meta))
}

#[test]
fn protobuf_is_byte_for_byte_and_json_value_for_value() {
    let Some(dir) = vectors() else { return };
    let (mut checked, mut wrong) = (0, Vec::new());
    let mut names: Vec<_> = std::fs::read_dir(dir).expect("readable").flatten().collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    for entry in names {
        let path = entry.path();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|e| e != "json") || stem.contains("after_roundtrip") {
            continue;
        }
        checked += 1;
        if let Err(message) = check(&path, &stem) {
            wrong.push(format!("{stem}: {message}"));
        }
    }
    assert!(checked > 150, "only {checked} vectors");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(path: &Path, stem: &str) -> Result<(), String> {
    let id = message_of(stem).ok_or("no such message")?;
    let json = std::fs::read(path).expect("readable");
    let value: Value = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
    let golden = std::fs::read(path.with_extension("pb")).expect("readable");
    let object = value.as_object().ok_or("not an object")?;
    let decoded = json::decode(&BUILT_IN, id, &json).map_err(|e| e.to_string())?;
    if let Some(error) = decoded.strict_errors.first() {
        return Err(error.clone());
    }
    if let Some(found) = difference(&value, &Value::Object(decoded.object), "json") {
        return Err(found);
    }
    let text = serde_json::to_vec(&Value::Object(object.clone())).map_err(|e| e.to_string())?;
    let mut transcoder = proto::Transcoder::default();
    let transcoded = transcoder.encode(&BUILT_IN, id, &text);
    if transcoded != proto::encode(&BUILT_IN, id, object).ok().as_deref() {
        return Err("its text and its tree differ in protobuf".to_owned());
    }
    let written = proto::encode_enveloped(&BUILT_IN, id, object).map_err(|e| e.to_string())?;
    let opened = proto::open(&golden).map_err(|e| e.to_string())?;
    let mut read = proto::decode(&BUILT_IN, id, opened.raw).map_err(|e| e.to_string())?;
    if BUILT_IN.message(id).typed && !opened.kind.is_empty() {
        read.insert("kind", opened.kind.into());
        read.insert("apiVersion", opened.api_version.into());
    }
    let lossy = path.with_extension("after_roundtrip.json");
    let expected = if lossy.exists() {
        serde_json::from_slice(&std::fs::read(lossy).expect("readable"))
            .map_err(|e| e.to_string())?
    } else {
        if written != golden {
            let at = written.iter().zip(&golden).take_while(|(a, b)| a == b).count();
            return Err(format!("protobuf differs at byte {at} of {}", golden.len()));
        }
        value.clone()
    };
    difference(&expected, &Value::Object(read), "").map_or(Ok(()), Err)
}

/// The first place where two trees differ, whatever the order of their fields.
fn difference(a: &Value, b: &Value, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = a.iter().find(|(key, _)| b.get(key).is_none());
            let extra = b.iter().find(|(key, _)| a.get(key).is_none());
            if let Some((key, value)) = missing.or(extra) {
                let side = if missing.is_some() { "lost" } else { "made up" };
                return Some(format!("{path}.{key} is {side}: {value:?}"));
            }
            a.iter().find_map(|(key, value)| {
                difference(value, b.get(key).expect("checked"), &format!("{path}.{key}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().find_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]")))
        }
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) if *a as f64 == *b => {
            None
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: {a:?} became {b:?}")),
    }
}
