//! Keys of one volume that would be written over each other, for people to read.

use super::super::super::fields::Fields;
use super::WARNINGS_MAX;
use crate::field_error::quoted;
use crate::value::Object;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Keys of one volume that would be written over each other.
pub(super) fn of(spec: &Object, warnings: &mut Vec<String>) {
    for (_, volume) in spec.objects("volumes") {
        let name = quoted(volume.text("name"));
        for (kind, words, key) in
            [("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")]
        {
            if let Some(source) = volume.object(kind) {
                let of = quoted(source.text(key));
                let lead = format!("volume {name} ({words} {of}): overlapping paths");
                overlap(&paths(source), &lead, warnings);
            }
        }
        if let Some(source) = volume.object("downwardAPI") {
            let lead = format!("volume {name} (DownwardAPI): overlapping paths");
            overlap(&paths(source), &lead, warnings);
        }
        if let Some(source) = volume.object("projected") {
            projected(source, &name, warnings);
        }
    }
}

fn paths(source: &Object) -> Vec<&str> {
    source.objects("items").map(|(_, item)| item.text("path")).collect()
}

fn projected(projection: &Object, name: &str, warnings: &mut Vec<String>) {
    let (mut all, mut is_clean) = (Known::default(), true);
    for (_, source) in projection.objects("sources") {
        if source.iter().all(|(_, value)| value.is_null()) {
            warnings.push(format!("volume {name} (Projected) has no sources provided"));
            continue;
        }
        let (mut own, mut lead) = (Vec::new(), String::new());
        let with_items = |kind| source.object(kind).filter(|one| !one.list("items").is_empty());
        if let Some(one) = with_items("configMap") {
            own = paths(one);
            lead = format!("Projected ConfigMap {}", quoted(one.text("name")));
        } else if let Some(one) = with_items("secret") {
            own = paths(one);
            lead = format!("Projected Secret {}", quoted(one.text("name")));
        } else if let Some(one) = with_items("downwardAPI") {
            own = paths(one);
            lead = "Projected DownwardAPI".to_owned();
        } else if let Some(one) = source.object("serviceAccountToken") {
            own = vec![one.text("path")];
            lead = "Projected ServiceAccountToken".to_owned();
        }
        if own.is_empty() {
            continue;
        }
        let lead = format!("volume {name} ({lead}): overlapping paths");
        overlap(&own, &lead, warnings);
        let mut unique = own.clone();
        unique.sort_unstable();
        unique.dedup();
        // Told again of all paths with every source once there is something to tell.
        is_clean = is_clean && unique.iter().all(|path| all.meeting(trimmed(path)).is_none());
        if !is_clean {
            let mut sorted = unique.clone();
            sorted.extend(all.given.iter());
            sorted.sort_unstable();
            overlap(&sorted, &lead, warnings);
            is_clean = false;
        }
        unique.into_iter().for_each(|path| all.add(path));
        if warnings.len() >= WARNINGS_MAX {
            return;
        }
    }
}

/// Paths in their order, for finding those above and below another.
#[derive(Default)]
struct Known<'p> {
    /// As they were given.
    given: BTreeSet<&'p str>,
    /// Without slashes at their ends.
    trimmed: BTreeSet<&'p str>,
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

impl<'p> Known<'p> {
    fn add(&mut self, path: &'p str) {
        self.given.insert(path);
        self.trimmed.insert(trimmed(path));
    }

    /// A path that begins as another does, or with it.
    fn meeting(&self, path: &str) -> Option<&'p str> {
        if path.is_empty() || self.trimmed.contains("") {
            return None;
        }
        let from = (Bound::Included(path), Bound::Unbounded);
        let below = self.trimmed.range::<str, _>(from).next().filter(|one| one.starts_with(path));
        below.copied().or_else(|| self.above(path))
    }

    fn above(&self, path: &str) -> Option<&'p str> {
        let mut start = path;
        loop {
            let to = (Bound::Unbounded, Bound::Included(start));
            let near = self.trimmed.range::<str, _>(to).next_back()?;
            if path.starts_with(near) {
                return Some(near);
            }
            // What stands above begins like both.
            let shared = near.char_indices().zip(start.chars()).find(|((_, a), b)| a != b);
            start = &start[..shared.map_or(near.len(), |((at, _), _)| at)];
        }
    }
}

fn overlap(paths: &[&str], lead: &str, warnings: &mut Vec<String>) {
    let mut known = Known::default();
    for path in paths {
        let end = trimmed(path);
        if let Some(other) = known.meeting(end) {
            warnings.push(format!("{lead}: {} with {}", quoted(end), quoted(other)));
            if warnings.len() >= WARNINGS_MAX {
                return;
            }
        }
        known.add(path);
    }
}
