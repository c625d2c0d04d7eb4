//! Recorded exchanges with an upstream server about custom resources, answered by a server of
//! which only the parts in this crate are real: definition, decoding, defaults, managed fields,
//! life cycle, validation, tables, discovery.

#[path = "golden_custom/server.rs"]
mod server;
mod shared;

use serde_json::Value as Json;
use server::{Answer, Server};

#[test]
fn custom_resources_are_as_recorded() {
    let Some(cases) = shared::all_golden() else { return };
    let of = |area: &'static str| cases.iter().filter(move |case| case["area"] == area);
    let install = cases.iter().find(|case| case["id"] == "crd/aa-install");
    let definition = install.and_then(|case| case["steps"].as_array()).and_then(|steps| {
        steps.iter().find(|step| step["p"].as_str().is_some_and(|p| p.ends_with("definitions")))
    });
    let definition = definition.expect("the case that installs the definition");
    let mut server = Server::new(&definition["b"]);
    let (mut checked, mut wrong) = (0, Vec::new());
    for case in of("crd") {
        for (at, step) in case["steps"].as_array().into_iter().flatten().enumerate() {
            let Some(answer) = server.answer(step) else { continue };
            if step["setup"] == true {
                continue;
            }
            checked += 1;
            let mut found = Vec::new();
            compare(step, answer, &mut found);
            let name = format!("{} step {at} {} {}", case["id"], step["m"], step["p"]);
            wrong.extend(found.into_iter().map(|line| format!("{name}\n    {line}")));
        }
    }
    println!("{checked} answers compared, {} differences", wrong.len());
    assert!(checked > 40, "only {checked} answers could be compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(step: &Json, answer: Answer, found: &mut Vec<String>) {
    let mut got = answer.body;
    if step["code"] != answer.code {
        found.push(format!("code: {}, expected {}: {got}", answer.code, step["code"]));
        return;
    }
    let mut expected = step["r"].clone();
    hide(&mut got);
    hide(&mut expected);
    shared::differences("", &expected, &got, found);
}

/// Replaces what differs between two right servers.
fn hide(value: &mut Json) {
    match value {
        Json::Object(object) => {
            if object.get("kind").is_some_and(|kind| kind == "Table") {
                for column in object["columnDefinitions"].as_array_mut().into_iter().flatten() {
                    column.as_object_mut().map(|column| column.remove("description"));
                }
            }
            for (name, value) in object.iter_mut() {
                let time = value.as_str().is_some_and(|text| text == server::TIME);
                match name.as_str() {
                    "uid" => *value = "UID".into(),
                    "resourceVersion" => *value = "RV".into(),
                    _ if time => *value = "TIME".into(),
                    _ => hide(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}
