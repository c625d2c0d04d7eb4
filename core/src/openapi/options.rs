//! Parameters of operations: the fields of the options messages.

use super::definitions::meta;
use super::descriptions;
use crate::schema::{BUILT_IN, Kind, Message};

/// A parameter in the query or path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parameter {
    pub name: String,
    pub in_path: bool,
    /// `string`, `boolean` or `integer`.
    pub kind: &'static str,
    pub description: String,
}

pub(super) fn path(name: &str, description: &str) -> Parameter {
    let (name, description) = (name.to_owned(), description.to_owned());
    Parameter { name, in_path: true, kind: "string", description }
}

pub(super) fn pretty() -> Parameter {
    Parameter {
        name: "pretty".to_owned(),
        in_path: false,
        kind: "string",
        description: describe("pretty"),
    }
}

/// The fields of `ListOptions` and its like.
pub(super) fn of_meta(name: &str) -> Vec<Parameter> {
    of_message(BUILT_IN.message(meta(name)))
}

/// The fields of a message that a query can carry.
pub(super) fn of_message(message: &Message) -> Vec<Parameter> {
    let fields = message.fields.iter().filter_map(|field| {
        let kind = match field.kind {
            Kind::String => "string",
            Kind::Bool => "boolean",
            Kind::Int32 | Kind::Int64 => "integer",
            _ => return None,
        };
        let described = descriptions::field(&message.name, &field.json);
        let description = described.map_or_else(|| describe(&field.json), str::to_owned);
        Some(Parameter { name: field.json.clone(), in_path: false, kind, description })
    });
    fields.collect()
}

/// What is said of parameters for which no description comes with the API's types.
fn describe(name: &str) -> String {
    const TEXTS: [(&str, &str); 22] = [
        ("allowWatchBookmarks", "Asks for BOOKMARK events in a watch."),
        ("command", "The command to execute, without a shell."),
        ("container", "The container; it may be left out where the pod has but one."),
        ("continue", "Continues a list from where an earlier page ended."),
        ("dryRun", "With the value All nothing is persisted."),
        ("fieldManager", "The name under which the fields that are set are owned."),
        ("fieldSelector", "Restricts the objects by their fields."),
        (
            "fieldValidation",
            "What happens to unknown and duplicate fields: Ignore, Warn or Strict.",
        ),
        ("follow", "Follows the log as it grows."),
        ("force", "Takes fields over from other owners when a configuration is applied."),
        ("labelSelector", "Restricts the objects by their labels."),
        ("limit", "The greatest number of objects in an answer."),
        ("path", "The path at the proxied server."),
        ("pretty", "With the value true the answer is indented."),
        ("previous", "The log of the container's previous instance."),
        ("resourceVersion", "The version that the answer may not be older than."),
        ("resourceVersionMatch", "How resourceVersion is meant."),
        ("sendInitialEvents", "Begins a watch with the objects that are there."),
        ("tailLines", "The number of lines from the end of the log."),
        ("timeoutSeconds", "Ends the request after so many seconds."),
        ("timestamps", "Puts its time before every line of the log."),
        ("watch", "Streams changes instead of giving a list."),
    ];
    let found = TEXTS.iter().find(|(of, _)| *of == name);
    found.map_or_else(String::new, |(_, text)| (*text).to_owned())
}
