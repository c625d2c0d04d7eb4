//! `metadata.managedFields`: who owns which fields, read and written.

use super::fieldset::{FieldsError, Set};
use super::gotext;
use crate::field_error::quoted;
use crate::time::Timestamp;
use crate::value::{Object, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// What tells one entry from another. Appliers are known without their version, so that one entry
/// follows a manager from version to version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ManagerId<'a> {
    pub(crate) manager: Cow<'a, str>,
    pub(crate) operation: Operation,
    /// Empty for appliers.
    pub(crate) api_version: Cow<'a, str>,
    pub(crate) subresource: Cow<'a, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl<'a> ManagerId<'a> {
    /// A manager without a name is `unknown`.
    pub(crate) fn new(
        manager: &'a str,
        operation: Operation,
        api_version: &'a str,
        subresource: &'a str,
    ) -> Self {
        let applies = operation == Operation::Apply;
        Self {
            manager: if manager.is_empty() { "unknown" } else { manager }.into(),
            operation,
            api_version: if applies { "" } else { api_version }.into(),
            subresource: subresource.into(),
        }
    }

    /// The text by which upstream orders managers.
    pub(crate) fn text(&self) -> String {
        let mut out = String::from("{");
        let fields = [
            ("manager", &*self.manager),
            ("operation", self.operation.as_str()),
            ("apiVersion", &self.api_version),
            ("subresource", &self.subresource),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            let comma = if out.len() > 1 { "," } else { "" };
            out.push_str(comma);
            gotext::push_json_text(&mut out, name, false);
            out.push(':');
            gotext::push_json_text(&mut out, value, true);
        }
        out.push('}');
        out
    }

    /// How a conflict names the manager.
    pub(crate) fn shown(&self) -> String {
        let mut out = quoted(&self.manager);
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource {}", quoted(&self.subresource)));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }
}

/// One entry.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    pub(crate) id: ManagerId<'a>,
    pub(crate) set: Set<'a>,
    pub(crate) api_version: Cow<'a, str>,
    pub(crate) time: Option<Cow<'a, str>>,
    /// Where the entry stands in the list it was read from, while it is what would be written.
    entry: Option<usize>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(id: ManagerId<'a>, api_version: &'a str, set: Set<'a>) -> Self {
        Self { id, set, api_version: api_version.into(), time: None, entry: None }
    }

    pub(crate) fn applied(&self) -> bool {
        self.id.operation == Operation::Apply
    }

    /// Changes the set.
    pub(crate) fn change(&mut self, change: impl FnOnce(Set<'a>) -> Set<'a>) {
        self.set = change(std::mem::take(&mut self.set));
        self.entry = None;
    }

    pub(crate) fn stamp(&mut self, time: Option<Cow<'a, str>>) {
        self.time = time;
        self.entry = None;
    }

    fn seconds(&self) -> i64 {
        let time = self.time.as_deref().and_then(Timestamp::parse);
        time.map_or(0, |time| time.seconds)
    }
}

/// `managedFields` that upstream would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManagedFieldsError {
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    #[error("apiVersion must not be empty")]
    ApiVersion,
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    #[error("invalid fieldsType {} in managed fields entry {entry}", quoted(given))]
    FieldsType { given: String, entry: usize },
    #[error("error decoding versioned set in managed fields entry {entry}: {error}")]
    Fields { entry: usize, error: FieldsError },
}

/// Checks what a mutating admission plug-in made of `managedFields`.
pub fn validate(entries: &[Value]) -> Result<(), ManagedFieldsError> {
    Managers::decode(entries).map(drop)
}

/// The list on an object; empty where there is none.
pub(crate) fn entries_of(object: &Object) -> &[Value] {
    let list = object.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    list.and_then(Value::as_array).unwrap_or_default()
}

/// Every entry of an object, each manager once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Managers<'a> {
    pub(crate) records: Vec<Record<'a>>,
}

/// What becomes of the list.
pub(crate) enum Entry {
    /// The entry at this position of the list read.
    Kept(usize),
    Written(Value),
}

/// How many entries of updates there may be; the oldest above that become one.
const UPDATERS_MAX: usize = 10;

impl<'a> Managers<'a> {
    pub(crate) fn decode(entries: &'a [Value]) -> Result<Self, ManagedFieldsError> {
        static NOTHING: Value = Value::Object(Object::EMPTY);
        let mut managers = Self { records: Vec::with_capacity(entries.len()) };
        let mut places: HashMap<ManagerId<'a>, usize> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(ManagedFieldsError::Operation),
            };
            if text("apiVersion").is_empty() {
                return Err(ManagedFieldsError::ApiVersion);
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => return Err(ManagedFieldsError::NoFieldsType(at)),
                other => {
                    return Err(ManagedFieldsError::FieldsType { given: other.into(), entry: at });
                }
            }
            let fields = entry.get("fieldsV1").filter(|fields| !fields.is_null());
            let decoded = Set::decode(fields.unwrap_or(&NOTHING))
                .map_err(|error| ManagedFieldsError::Fields { entry: at, error })?;
            let applies = operation == Operation::Apply;
            let record = Record {
                id: ManagerId {
                    manager: text("manager").into(),
                    operation,
                    api_version: if applies { "" } else { text("apiVersion") }.into(),
                    subresource: text("subresource").into(),
                },
                set: decoded.set,
                api_version: text("apiVersion").into(),
                time: entry.get("time").and_then(Value::as_str).map(Cow::Borrowed),
                entry: (decoded.canonical && fields.is_some()).then_some(at),
            };
            // The last entry of a manager counts, in the place of the first.
            let place = *places.entry(record.id.clone()).or_insert(managers.records.len());
            match managers.records.get_mut(place) {
                Some(held) => *held = record,
                None => managers.records.push(record),
            }
        }
        Ok(managers)
    }

    pub(crate) fn find(&self, id: &ManagerId<'_>) -> Option<usize> {
        self.records.iter().position(|record| record.id == *id)
    }

    /// Sets the entry of a manager.
    pub(crate) fn put(&mut self, record: Record<'a>) {
        match self.find(&record.id) {
            Some(at) => self.records[at] = record,
            None => self.records.push(record),
        }
    }

    /// Adds fields to the manager's own and marks the time.
    pub(crate) fn extend(&mut self, record: Record<'a>, now: &'a str) {
        let at = match self.find(&record.id) {
            Some(at) => {
                self.records[at].change(|set| record.set.union(set));
                at
            }
            None => {
                self.records.push(record);
                self.records.len() - 1
            }
        };
        self.records[at].stamp(Some(now.into()));
    }

    /// Merges the oldest updaters of each version until there are few enough: they move into the
    /// entry of the ancient ones of their version, which begins as the first of them.
    pub(crate) fn cap(&mut self) {
        let records = self.records.iter().enumerate();
        let mut updaters: Vec<(i64, String, usize)> = records
            .filter(|(_, record)| !record.applied())
            .map(|(at, record)| (record.seconds(), record.id.text(), at))
            .collect();
        let mut excess = updaters.len().saturating_sub(UPDATERS_MAX);
        if excess == 0 {
            return;
        }
        updaters.sort_unstable();
        let mut buckets = self.ancient();
        let mut firsts: HashMap<Cow<'a, str>, usize> = HashMap::new();
        let mut is_gone = vec![false; self.records.len()];
        for (_, _, at) in updaters {
            if excess == 0 {
                break;
            }
            let version = self.records[at].api_version.clone();
            let first = *firsts.entry(version.clone()).or_insert(at);
            if first == at {
                continue;
            }
            let bucket = *buckets.entry(version.clone()).or_insert(first);
            if bucket == at {
                continue;
            }
            self.records[bucket].id = ancient_of(version);
            let moved = self.records[at].clone();
            self.records[bucket].change(|set| moved.set.union(set));
            self.records[bucket].stamp(moved.time);
            is_gone[at] = true;
            excess -= 1;
        }
        let mut gone = is_gone.into_iter();
        self.records.retain(|_| !gone.next().unwrap_or_default());
    }

    /// Where the entries of ancient updaters are, by their versions.
    fn ancient(&self) -> HashMap<Cow<'a, str>, usize> {
        let all = self.records.iter().enumerate();
        all.filter(|(_, record)| record.id == ancient_of(record.id.api_version.clone()))
            .map(|(at, record)| (record.id.api_version.clone(), at))
            .collect()
    }

    /// The list to write, in upstream's order: appliers first, then by time and name.
    pub(crate) fn encode(&self) -> Vec<Entry> {
        let mut order: Vec<(i64, &Record<'a>)> =
            self.records.iter().map(|record| (record.seconds(), record)).collect();
        order.sort_by(|(a_seconds, a), (b_seconds, b)| {
            let operation = a.id.operation.cmp(&b.id.operation);
            operation
                .then(a_seconds.cmp(b_seconds))
                .then_with(|| a.id.manager.cmp(&b.id.manager))
                .then_with(|| a.api_version.cmp(&b.api_version))
                .then_with(|| a.id.subresource.cmp(&b.id.subresource))
        });
        order.into_iter().map(|(_, record)| encode(record)).collect()
    }
}

fn encode(record: &Record<'_>) -> Entry {
    if let Some(at) = record.entry {
        return Entry::Kept(at);
    }
    let mut entry = Object::with_capacity(7);
    let text = |entry: &mut Object, name: &str, value: &str| {
        if !value.is_empty() {
            entry.push(name, value.into());
        }
    };
    text(&mut entry, "manager", &record.id.manager);
    text(&mut entry, "operation", record.id.operation.as_str());
    text(&mut entry, "apiVersion", &record.api_version);
    text(&mut entry, "time", record.time.as_deref().unwrap_or_default());
    text(&mut entry, "fieldsType", "FieldsV1");
    entry.push("fieldsV1", record.set.encode());
    text(&mut entry, "subresource", &record.id.subresource);
    Entry::Written(Value::Object(entry))
}

/// The list of which entries were read: the object's own, or that of an object that stays.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Owned(Vec<Value>),
    Borrowed(&'a [Value]),
}

impl Source<'_> {
    pub(crate) fn entries(&self) -> &[Value] {
        match self {
            Self::Owned(entries) => entries,
            Self::Borrowed(entries) => entries,
        }
    }

    /// The list would be written as it was read.
    pub(crate) fn stays(&self, entries: &[Entry]) -> bool {
        entries.len() == self.entries().len()
            && entries
                .iter()
                .enumerate()
                .all(|(at, entry)| matches!(entry, Entry::Kept(k) if *k == at))
    }

    pub(crate) fn assemble(mut self, entries: Vec<Entry>) -> Vec<Value> {
        let mut one = |entry| match (entry, &mut self) {
            (Entry::Written(value), _) => value,
            (Entry::Kept(at), Self::Owned(own)) => std::mem::take(&mut own[at]),
            (Entry::Kept(at), Self::Borrowed(held)) => held[at].clone(),
        };
        entries.into_iter().map(&mut one).collect()
    }
}

/// Puts the list on an object; an empty one leaves none.
pub(crate) fn set_entries(object: &mut Object, entries: Vec<Value>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        if !entries.is_empty() {
            let mut metadata = Object::new();
            metadata.push("managedFields", Value::Array(entries));
            object.insert("metadata", Value::Object(metadata));
        }
        return;
    };
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields", Value::Array(entries));
    }
}

fn ancient_of(version: Cow<'_, str>) -> ManagerId<'_> {
    ManagerId {
        manager: "ancient-changes".into(),
        operation: Operation::Update,
        api_version: version,
        subresource: "".into(),
    }
}
