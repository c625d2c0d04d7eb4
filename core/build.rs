//! Collects the descriptions of API types from the source of the `k8s-openapi` crate, which
//! generates them from upstream's OpenAPI document, into one compressed file that is compiled in.
//!
//! The crate is a dependency that no platform ever builds: its source is read, its code is not used.

// Cargo speaks to build scripts through the environment.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let types = source_of("k8s-openapi").join("src/v1_36");
    let mut files = Vec::new();
    collect(&types, &mut files);
    files.sort();
    let mut text = String::new();
    for file in &files {
        let source = fs::read_to_string(file).expect("a source file is readable");
        describe(&source, &mut text);
    }
    assert!(text.len() > 500_000, "k8s-openapi's source is not of the form this script reads");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = fs::File::create(Path::new(&out).join("descriptions.deflate")).expect("writable");
    let mut packed = flate2::write::DeflateEncoder::new(out, flate2::Compression::best());
    packed.write_all(text.as_bytes()).and_then(|()| packed.finish()).expect("OUT_DIR is writable");
}

/// Where cargo keeps a dependency's source.
fn source_of(name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").expect("cargo sets CARGO");
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for offline in [&["--offline"][..], &[]] {
        let metadata = Command::new(&cargo)
            .args(["metadata", "--format-version", "1"])
            .args(offline)
            .current_dir(&manifest)
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&metadata.stdout);
        let package = text.split_once(&format!("{{\"name\":\"{name}\","));
        let path = package.and_then(|(_, rest)| rest.split_once("\"manifest_path\":\""));
        if let Some((path, _)) = path.and_then(|(_, rest)| rest.split_once('"')) {
            let path = PathBuf::from(path.replace("\\\\", "\\"));
            return path.parent().expect("a manifest lies in a directory").to_owned();
        }
    }
    panic!("cargo does not find the source of {name}: run `cargo fetch` first");
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a source directory is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Writes `=type`, then a line of field, tab and description for each; no field for the type's own.
/// Descriptions stay the JSON strings that they are in the source.
fn describe(source: &str, text: &mut String) {
    let Some((_, schema)) = source.split_once("fn schema_name()") else { return };
    let Some(name) = schema.split('"').nth(1) else { return };
    text.push_str(&format!("={name}\n"));
    let mut field = "";
    for line in schema.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim_start();
        if indent == 16 && line.starts_with('"') {
            field = line.split('"').nth(1).unwrap_or_default();
        }
        let own = (indent == 12).then(|| line.strip_prefix("\"description\": ")).flatten();
        let plain = (indent == 20).then(|| line.strip_prefix("\"description\": ")).flatten();
        let inserted = (indent == 20).then(|| {
            line.strip_prefix("schema_obj.ensure_object().insert(\"description\".into(), ")
        });
        if let Some(literal) = own.and_then(|rest| rest.strip_suffix(',')) {
            text.push_str(&format!("\t{literal}\n"));
        } else if let Some(literal) = plain.and_then(|rest| rest.strip_suffix(',')) {
            text.push_str(&format!("{field}\t{literal}\n"));
        } else if let Some(literal) = inserted.flatten().and_then(|l| l.strip_suffix(".into());")) {
            text.push_str(&format!("{field}\t{literal}\n"));
        }
    }
}
