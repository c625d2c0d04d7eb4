//! Managed fields between a resource and its `scale` subresource, which shows one field of it.

use super::element::Element;
use super::fieldset::Set;
use super::managed::{ManagedFieldsError, Managers, Record, Source};
use crate::value::Value;

/// Where each version of the resource keeps what `scale` shows as `spec.replicas`; `None` for a
/// version without a scale subresource.
pub type ReplicasPaths<'p> = [(&'p str, Option<&'p [&'p str]>)];

const SCALE_VERSION: &str = "autoscaling/v1";
const SCALE_PATH: &[&str] = &["spec", "replicas"];

fn path_in<'p>(paths: &ReplicasPaths<'p>, version: &str) -> Option<Option<&'p [&'p str]>> {
    paths.iter().find(|(known, _)| *known == version).map(|(_, path)| *path)
}

fn has(set: &Set<'_>, path: &[&str]) -> bool {
    let path: Vec<Element<'_>> = path.iter().map(|name| Element::Field(name)).collect();
    set.has(&path)
}

/// The entries of the resource as `scale` shows them: those that own the replicas.
pub fn to_subresource(
    entries: &[Value],
    paths: &ReplicasPaths<'_>,
) -> Result<Vec<Value>, ManagedFieldsError> {
    let managers = Managers::decode(entries)?;
    let mut shown = Managers::default();
    for record in &managers.records {
        let Some(Some(path)) = path_in(paths, &record.api_version) else { continue };
        if has(&record.set, path) {
            shown.put(rewritten(record, SCALE_VERSION, SCALE_PATH));
        }
    }
    Ok(Source::Borrowed(entries).assemble(shown.encode()))
}

/// The entries of the resource after a write through `scale` left its own entries so.
/// `api_version` is the resource's.
pub fn to_parent(
    entries: &[Value],
    scale_entries: &[Value],
    api_version: &str,
    paths: &ReplicasPaths<'_>,
) -> Result<Vec<Value>, ManagedFieldsError> {
    let mut managers = Managers::decode(entries)?;
    let mut scale = Managers::decode(scale_entries)?;
    managers.records.retain_mut(|record| {
        let Some(path) = path_in(paths, &record.api_version) else { return false };
        let Some(path) = path.filter(|path| has(&record.set, path)) else { return true };
        if let Some(at) = scale.find(&record.id) {
            scale.records.remove(at);
            return true;
        }
        // Somebody else has taken the replicas.
        record.change(|set| set.difference(&Set::of_paths(&[path])));
        !record.set.is_empty()
    });
    let path = path_in(paths, api_version).flatten().unwrap_or_default();
    for record in &scale.records {
        if has(&record.set, SCALE_PATH) {
            let mut new = rewritten(record, api_version, path);
            // Upstream knows the times of the resource's own entries only.
            new.time = managers.find(&record.id).and_then(|at| managers.records[at].time.clone());
            managers.put(new);
        }
    }
    Ok(Source::Borrowed(entries).assemble(managers.encode()))
}

fn rewritten<'a>(record: &Record<'a>, api_version: &'a str, path: &[&'a str]) -> Record<'a> {
    let mut new = Record::new(record.id.clone(), api_version, Set::of_paths(&[path]));
    new.stamp(record.time.clone());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &ReplicasPaths<'_> =
        &[("apps/v1", Some(&["spec", "replicas"])), ("apps/v2", None)];

    fn entry(manager: &str, version: &str, fields: &str) -> Value {
        let text = format!(
            r#"{{"manager":"{manager}","operation":"Update","apiVersion":"{version}",
            "time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{fields},
            "subresource":"scale"}}"#
        );
        serde_json::from_str(&text).expect("valid JSON")
    }

    fn text(entries: &[Value]) -> Vec<String> {
        let field = |entry: &Value, name: &str| {
            entry.get(name).map(|value| serde_json::to_string(value).expect("serializable"))
        };
        let show = |entry: &Value| {
            ["manager", "apiVersion", "fieldsV1"].map(|name| field(entry, name).unwrap_or_default())
        };
        entries.iter().map(|entry| show(entry).join(" ")).collect()
    }

    #[test]
    fn scale_shows_the_owners_of_the_replicas() {
        let entries = [
            entry("a", "apps/v1", r#"{"f:spec":{"f:paused":{},"f:replicas":{}}}"#),
            entry("b", "apps/v1", r#"{"f:spec":{"f:paused":{}}}"#),
            entry("c", "apps/v9", r#"{"f:spec":{"f:replicas":{}}}"#),
        ];
        let shown = to_subresource(&entries, PATHS).expect("valid");
        assert_eq!(text(&shown), [r#""a" "autoscaling/v1" {"f:spec":{"f:replicas":{}}}"#]);
    }

    #[test]
    fn who_scales_takes_the_replicas() {
        let entries = [
            entry("a", "apps/v1", r#"{"f:spec":{"f:paused":{},"f:replicas":{}}}"#),
            entry("b", "apps/v2", r#"{"f:spec":{"f:x":{}}}"#),
            entry("c", "apps/v9", r#"{"f:spec":{"f:x":{}}}"#),
        ];
        let scaled = [entry("hpa", "autoscaling/v1", r#"{"f:spec":{"f:replicas":{}}}"#)];
        let parent = to_parent(&entries, &scaled, "apps/v1", PATHS).expect("valid");
        assert_eq!(
            text(&parent),
            [
                r#""hpa" "apps/v1" {"f:spec":{"f:replicas":{}}}"#,
                r#""a" "apps/v1" {"f:spec":{"f:paused":{}}}"#,
                r#""b" "apps/v2" {"f:spec":{"f:x":{}}}"#,
            ]
        );
        let has_time = |entry: &Value| entry.get("time").is_some();
        assert_eq!(parent.iter().map(has_time).collect::<Vec<_>>(), [false, true, true]);
    }
}
