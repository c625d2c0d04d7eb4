//! Tables and bare metadata compared with recorded answers: the object of the same case is shown,
//! and what comes out must be the recorded table. Ages are placeholders in the recording.

mod shared;

use serde_json::Value as Json;
use xebec_core::registry::{CustomColumn, Registry, Resource, Selection, Version};
use xebec_core::table::{Include, Printer, TableOptions, partial_list, partial_object};
use xebec_core::time::Timestamp;
use xebec_core::value::Value;

const META: &str = "meta.k8s.io/v1";

fn options() -> TableOptions<'static> {
    let now = Timestamp { seconds: 2_000_000_000, nanos: 0 };
    TableOptions { include: Include::Metadata, no_headers: false, api_version: META, now }
}

/// The resource that a path names: `/apis/apps/v1/namespaces/n/deployments/x`.
fn resource_of<'r>(registry: &'r Registry, path: &str) -> Option<(&'r Resource, &'r Version)> {
    let path = path.split('?').next()?;
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match steps.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let plural = match rest {
        ["namespaces", _, plural, ..] => *plural,
        [plural, ..] => *plural,
        [] => return None,
    };
    registry.find(group, version, plural).map(|(resource, version)| (&**resource, version))
}

/// The recording's custom resource.
fn widgets(registry: &Registry) -> Registry {
    let base = registry.find_resource("", "configmaps").expect("configmaps");
    let mut widget = (**base).clone();
    widget.group = "golden.example.com".into();
    widget.plural = "widgets".into();
    widget.kind = "Widget".into();
    widget.custom = true;
    widget.versions[0].columns = vec![CustomColumn {
        name: "Size".into(),
        kind: "string".into(),
        json_path: ".spec.size".into(),
        ..CustomColumn::default()
    }];
    registry.with(widget).expect("no conflict")
}

/// Times of the recording are the word TIME, and so are ages made from them.
fn settle(got: &mut Json, expected: &Json) {
    match (got, expected) {
        (Json::Object(got), Json::Object(expected)) => {
            got.remove("description");
            for (name, value) in got.iter_mut() {
                settle(value, expected.get(name).unwrap_or(&Json::Null));
            }
        }
        (Json::Array(got), Json::Array(expected)) => {
            for (value, other) in got.iter_mut().zip(expected) {
                settle(value, other);
            }
        }
        (got, Json::String(text)) if text == "AGE" => {
            // A recorded age is of a time, which the recording hides, or of a duration.
            let age = got.as_str().expect("an age is text");
            assert!(age == "<unknown>" || age.ends_with(['s', 'm', 'h', 'd', 'y']), "{age}");
            *got = Json::from("AGE");
        }
        (got, Json::String(text)) if text == "IP" && got.is_string() => *got = Json::from("IP"),
        _ => {}
    }
}

fn tree(json: &Json) -> Value {
    serde_json::from_value(json.clone()).expect("a tree of JSON")
}

#[test]
fn recorded_tables_come_out() {
    let Some(cases) = shared::all_golden() else { return };
    let registry = widgets(&Registry::built_in(Selection::Default));
    let (mut tables, mut partials, mut wrong) = (0, 0, Vec::new());
    for case in cases {
        let mut object: Option<(String, Json)> = None;
        for step in case["steps"].as_array().expect("steps") {
            let (answer, path) = (&step["r"], step["p"].as_str().expect("path"));
            let accept = step["h"]["Accept"].as_str().unwrap_or_default();
            let kind = answer["kind"].as_str().unwrap_or_default();
            if !accept.contains(";as=") && answer["metadata"]["name"].is_string() {
                object = Some((path.to_owned(), answer.clone()));
                continue;
            }
            let Some((resource, version)) = resource_of(&registry, path) else { continue };
            let Some((_, shown)) = object.clone() else { continue };
            let shown = tree(&shown);
            let got = match kind {
                "Table" => {
                    tables += 1;
                    Printer::new(resource, version).table(&shown, &options())
                }
                "PartialObjectMetadata" => {
                    partials += 1;
                    partial_object(&resource.kind, &shown, META)
                }
                _ => continue,
            };
            let mut got = serde_json::to_value(&got).expect("a tree serializes");
            settle(&mut got, answer);
            let mut found = Vec::new();
            shared::differences("", answer, &got, &mut found);
            if !found.is_empty() {
                wrong.push(format!("{} {path}:\n  {}", case["id"], found.join("\n  ")));
            }
        }
    }
    println!("{tables} tables, {partials} partial objects, {} wrong", wrong.len());
    assert!(tables >= 38 && partials >= 32, "{tables} tables, {partials} partial objects");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_fills_its_columns() {
    let registry = Registry::built_in(Selection::All);
    let empty = tree(&serde_json::json!({"metadata": {"name": "x"}}));
    for resource in registry.resources() {
        let printer = Printer::new(resource, &resource.versions[0]);
        let columns = printer.columns().as_array().map_or(0, <[Value]>::len);
        let cells = printer.cells(&empty, options().now).len();
        // Upstream's table of addresses has a cell too many.
        let extra = usize::from(&*resource.kind == "IPAddress");
        assert_eq!(columns + extra, cells, "{}", resource.kind);
    }
}

#[test]
fn lists_keep_their_metadata() {
    let registry = Registry::built_in(Selection::Default);
    let (resource, version) = registry.find("", "v1", "configmaps").expect("configmaps");
    let list = tree(&serde_json::json!({
        "metadata": {"resourceVersion": "7", "continue": "c", "remainingItemCount": 3},
        "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}],
    }));
    let options = TableOptions { include: Include::None, no_headers: true, ..options() };
    let table = Printer::new(resource, version).table(&list, &options);
    let table = serde_json::to_value(&table).expect("a tree serializes");
    assert_eq!(table["metadata"]["remainingItemCount"], 3);
    assert_eq!(table["columnDefinitions"], Json::Null);
    assert_eq!(table["rows"][1]["cells"][0], "b");
    assert_eq!(table["rows"][1]["object"], Json::Null);
    let partial =
        serde_json::to_value(partial_list("ConfigMap", &list, META)).expect("a tree serializes");
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][0]["kind"], "PartialObjectMetadata");
}
