//! Forms that cells of several kinds share.

use super::tree::Tree;
use crate::value::Value;

pub(super) const NONE: &str = "<none>";
pub(super) const UNSET: &str = "<unset>";

/// The names and images of a pod template's containers.
pub(super) fn containers(template: Tree<'_>) -> (String, String) {
    let containers = template.at("spec.containers").items();
    let names: Vec<&str> = containers.clone().map(|one| one.at("name").text()).collect();
    let images: Vec<&str> = containers.map(|one| one.at("image").text()).collect();
    (names.join(","), images.join(","))
}

/// A map of labels: `a=b,c=d`.
pub(super) fn labels(map: Tree<'_>) -> String {
    let pairs: Vec<String> =
        map.sorted_fields().iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
    if pairs.is_empty() { NONE.to_owned() } else { pairs.join(",") }
}

/// A label selector in the text form; `None` where an operator is unknown.
pub(super) fn selector(selector: Tree<'_>) -> Option<String> {
    let labels = selector.at("matchLabels").sorted_fields();
    let labels = labels.iter().map(|(key, value)| (*key, format!("{key}={}", value.text())));
    let mut requirements: Vec<(&str, String)> = labels.collect();
    for expression in selector.at("matchExpressions").items() {
        let key = expression.at("key").text();
        let mut values: Vec<&str> = expression.at("values").items().map(Tree::text).collect();
        values.sort_unstable();
        let text = match expression.at("operator").text() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        };
        requirements.push((key, text));
    }
    requirements.sort_by_key(|(key, _)| *key);
    let texts: Vec<String> = requirements.into_iter().map(|(_, text)| text).collect();
    Some(texts.join(","))
}

/// The same of a value.
pub(crate) fn label_selector(value: &Value) -> Option<String> {
    selector(Tree::new(value))
}

/// A label selector, with words for none and for one that is malformed.
pub(super) fn selector_or_none(of: Tree<'_>) -> String {
    match selector(of) {
        None => "<error>".to_owned(),
        Some(text) if text.is_empty() => NONE.to_owned(),
        Some(text) => text,
    }
}

/// The first few of a list, and how many more there are.
pub(super) fn some_of(texts: &[String], shown: usize) -> String {
    let head = texts[..texts.len().min(shown)].join(",");
    if texts.len() > shown {
        return format!("{head} + {} more...", texts.len() - shown);
    }
    if head.is_empty() { UNSET.to_owned() } else { head }
}

/// The addresses of a load balancer, sorted.
pub(super) fn load_balancer(status: Tree<'_>) -> String {
    let addresses =
        status.at("ingress").items().map(|one| one.at("ip").text_or(one.at("hostname").text()));
    let mut addresses: Vec<&str> = addresses.filter(|address| !address.is_empty()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.join(",")
}

/// `RWO,ROX,RWX,RWOP`, each once.
pub(super) fn access_modes(modes: Tree<'_>) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| modes.items().any(|one| one.text() == mode);
    let found: Vec<&str> =
        SHORT.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short).collect();
    found.join(",")
}

/// The texts of a list's elements.
pub(super) fn joined(list: Tree<'_>, with: &str) -> String {
    let texts: Vec<&str> = list.items().map(Tree::text).collect();
    texts.join(with)
}

/// The status of a condition, by its type.
pub(super) fn condition<'v>(conditions: Tree<'v>, kind: &str) -> Option<Tree<'v>> {
    conditions.items().find(|one| one.at("type").text() == kind)
}

pub(super) fn is_true(conditions: Tree<'_>, kind: &str) -> bool {
    condition(conditions, kind).is_some_and(|one| one.at("status").text() == "True")
}

/// Host and port, with brackets around an IPv6 address.
pub(super) fn host_port(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
