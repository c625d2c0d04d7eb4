//! The facts that lie beside the repository; tests skip, with a word, where they do not.
#![allow(dead_code)] // Each test binary uses its part of this module.

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file or directory of the facts.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/k8s").join(name);
    if path.exists() {
        return Some(path);
    }
    // A worktree lies one level deeper.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/k8s").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {name} beside the repository");
    None
}

/// The recorded cases of an area.
pub fn golden(area: &str) -> Option<Vec<Json>> {
    let cases = all_golden()?;
    Some(cases.into_iter().filter(|case| case["area"] == area).collect())
}

pub fn all_golden() -> Option<Vec<Json>> {
    let file = std::fs::File::open(find("golden/cases-public.jsonl.gz")?).expect("readable");
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzip of UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a case per line")).collect())
}

/// Where two values differ, in words.
pub fn differences(path: &str, expected: &Json, got: &Json, found: &mut Vec<String>) {
    match (expected, got) {
        (Json::Object(a), Json::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => differences(&format!("{path}.{key}"), value, other, found),
                    None => found.push(format!("{path}.{key}: missing, expected {}", cut(value))),
                }
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                found.push(format!("{path}.{key}: unexpected {}", cut(value)));
            }
        }
        (Json::Array(a), Json::Array(b)) => {
            if a.len() != b.len() {
                found.push(format!("{path}: {} items, expected {}", b.len(), a.len()));
            }
            for (at, (value, other)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), value, other, found);
            }
        }
        _ if expected == got => {}
        _ => found.push(format!("{path}: {}, expected {}", cut(got), cut(expected))),
    }
}

fn cut(value: &Json) -> String {
    value.to_string().chars().take(160).collect()
}
