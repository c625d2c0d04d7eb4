//! Discovery compared, as values, with the documents of an upstream v1.36 server that serves every
//! version, and with recorded answers of one that serves the default ones.

mod shared;

use serde_json::Value as Json;
use xebec_core::discovery::{Discovery, Stage, api_versions};
use xebec_core::registry::{Registry, Selection};

/// Differences, in words; empty where two documents are the same.
fn difference(expected: &Json, got: &Json) -> Vec<String> {
    let mut found = Vec::new();
    shared::differences("", expected, got, &mut found);
    found
}

fn parse(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).expect("our document is JSON")
}

#[test]
fn documents_are_upstreams() {
    let Some(dir) = shared::find("discovery") else { return };
    let registry = Registry::built_in(Selection::All);
    let discovery = Discovery::new(&registry);
    let mut compared = 0;
    for entry in std::fs::read_dir(dir).expect("readable").flatten() {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a text name");
        let expected = parse(&std::fs::read(&path).expect("readable"));
        let got = match stem {
            "aggregated_v2" => parse(&discovery.aggregated(false, Stage::V2).bytes),
            "api" => {
                let value = api_versions(&registry, "10.10.10.10:8050");
                serde_json::to_value(&value).expect("a tree serializes")
            }
            _ => parse(&discovery.plain[&format!("/{}", stem.replace("__", "/"))].bytes),
        };
        let found = difference(&expected, &got);
        assert!(found.is_empty(), "{stem}:\n{}", found.join("\n"));
        compared += 1;
    }
    assert_eq!(compared, discovery.plain.len() + 2, "every document has its counterpart");
}

#[test]
fn a_default_server_shows_what_upstreams_does() {
    let Some(cases) = shared::golden("discovery") else { return };
    let discovery = Discovery::new(&Registry::built_in(Selection::Default));
    assert!(!cases.is_empty());
    for case in cases {
        for step in case["steps"].as_array().expect("steps") {
            let path = step["p"].as_str().expect("path");
            let found = difference(&step["r"], &parse(&discovery.plain[path].bytes));
            assert!(found.is_empty(), "{path}:\n{}", found.join("\n"));
        }
    }
}

#[test]
fn the_two_aggregated_forms_differ_in_their_version() {
    let discovery = Discovery::new(&Registry::built_in(Selection::Default));
    let mut older = parse(&discovery.aggregated(true, Stage::V2Beta1).bytes);
    let newer = parse(&discovery.aggregated(true, Stage::V2).bytes);
    assert_eq!(older["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    older["apiVersion"] = newer["apiVersion"].clone();
    assert_eq!(older, newer);
    assert_eq!(newer["items"][0]["versions"][0]["resources"][0]["resource"], "bindings");
}
