//! Whether watches told what happened: every write once, in order, and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Added,
    Modified,
    Deleted,
    /// No change: all up to here has been told.
    Bookmark,
}

/// A write that was, or may have been, done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub name: String,
    /// Unique to the write; of a deletion, what was deleted.
    pub value: String,
    pub action: Action,
    /// Known of acknowledged writes, but not of deletions.
    pub revision: Option<i64>,
    pub acknowledged: bool,
}

/// What a watch told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub revision: i64,
    pub action: Action,
    pub name: String,
    pub value: String,
}

impl Seen {
    pub fn is_change(&self) -> bool {
        self.action != Action::Bookmark
    }
}

/// Findings of one watch are cut off here: more say the same.
const FINDINGS_MAX: usize = 10;

/// What is wrong with what a watch told that began after `base`, when nothing was there.
pub fn judge(base: i64, writes: &[Write], seen: &[Seen]) -> Vec<String> {
    let mut findings = order(base, seen);
    findings.extend(states(seen));
    findings.extend(against_writes(writes, seen));
    findings.truncate(FINDINGS_MAX);
    findings
}

/// Changes come in the order of their revisions, once each; a bookmark is not behind what was told
/// before it, and nothing that it covers comes after it.
fn order(base: i64, seen: &[Seen]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut reached = base;
    for event in seen {
        let is_next =
            if event.is_change() { event.revision > reached } else { event.revision >= reached };
        if !is_next {
            findings.push(format!("after revision {reached} came {event:?}"));
        }
        reached = reached.max(event.revision);
    }
    findings
}

/// What is added was not there; what is modified or deleted was, and is deleted as it was.
fn states(seen: &[Seen]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut state: BTreeMap<&str, &str> = BTreeMap::new();
    for event in seen.iter().filter(|event| event.is_change()) {
        let before = match event.action {
            Action::Deleted => state.remove(event.name.as_str()),
            _ => state.insert(&event.name, &event.value),
        };
        let fits = match event.action {
            Action::Added => before.is_none(),
            Action::Deleted => before == Some(&event.value),
            _ => before.is_some(),
        };
        if !fits {
            findings.push(format!("{event:?} though before it there was {before:?}"));
        }
    }
    findings
}

/// Every acknowledged write was told once, at its revision; nothing was told that nobody wrote.
fn against_writes(writes: &[Write], seen: &[Seen]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut told: HashMap<(&str, Action, &str), i64> = HashMap::new();
    for event in seen.iter().filter(|event| event.is_change()) {
        let key = (event.name.as_str(), event.action, event.value.as_str());
        if told.insert(key, event.revision).is_some() {
            findings.push(format!("told twice: {event:?}"));
        }
    }
    for write in writes.iter().filter(|write| write.acknowledged) {
        let key = (write.name.as_str(), write.action, write.value.as_str());
        match told.get(&key) {
            None => findings.push(format!("never told: {write:?}")),
            Some(at) if write.revision.is_some_and(|revision| revision != *at) => {
                findings.push(format!("told at revision {at}: {write:?}"));
            }
            Some(_) => {}
        }
    }
    let tried: HashSet<(&str, Action, &str)> =
        writes.iter().map(|w| (w.name.as_str(), w.action, w.value.as_str())).collect();
    let known: HashSet<&str> = writes.iter().map(|write| write.name.as_str()).collect();
    // Others write too, to objects of their own.
    let invented = told.keys().filter(|key| known.contains(key.0) && !tried.contains(*key));
    findings.extend(invented.map(|key| format!("nobody wrote {key:?}")));
    findings
}

/// All watches told the same.
pub fn differences(spectators: &[(String, Vec<Seen>, Vec<String>)]) -> Vec<String> {
    let changes = |seen: &[Seen]| -> Vec<Seen> {
        seen.iter().filter(|event| event.is_change()).cloned().collect()
    };
    let Some((first_name, first, _)) = spectators.first() else { return Vec::new() };
    let first = changes(first);
    let others = spectators.iter().skip(1);
    let findings = others.filter_map(|(name, seen, _)| {
        let seen = changes(seen);
        let at = first.iter().zip(&seen).position(|(one, other)| one != other);
        match at {
            Some(at) => {
                Some(format!("{first_name} and {name} differ: {:?} and {:?}", first[at], seen[at]))
            }
            None if first.len() != seen.len() => {
                Some(format!("{first_name} told {} changes, {name} {}", first.len(), seen.len()))
            }
            None => None,
        }
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(revision: i64, action: Action, name: &str, value: &str) -> Seen {
        Seen { revision, action, name: name.into(), value: value.into() }
    }

    fn write(revision: i64, action: Action, value: &str) -> Write {
        let revision = (action != Action::Deleted).then_some(revision);
        Write { name: "a".into(), value: value.into(), action, revision, acknowledged: true }
    }

    /// Created, changed, deleted; a bookmark in between.
    fn good() -> (Vec<Write>, Vec<Seen>) {
        let writes = vec![
            write(11, Action::Added, "1"),
            write(12, Action::Modified, "2"),
            write(0, Action::Deleted, "2"),
        ];
        let told = vec![
            seen(11, Action::Added, "a", "1"),
            seen(11, Action::Bookmark, "", ""),
            seen(12, Action::Modified, "a", "2"),
            seen(14, Action::Deleted, "a", "2"),
        ];
        (writes, told)
    }

    fn findings(change: impl FnOnce(&mut Vec<Write>, &mut Vec<Seen>)) -> Vec<String> {
        let (mut writes, mut told) = good();
        change(&mut writes, &mut told);
        judge(10, &writes, &told)
    }

    #[test]
    fn what_happened_is_good() {
        assert_eq!(findings(|_, _| {}), Vec::<String>::new());
        let unanswered = |writes: &mut Vec<Write>, _: &mut Vec<Seen>| {
            let lost = Write { acknowledged: false, ..write(13, Action::Modified, "lost") };
            writes.push(lost);
        };
        assert_eq!(findings(unanswered), Vec::<String>::new(), "it may have been done or not");
    }

    #[test]
    fn planted_faults_are_found() {
        type Fault = fn(&mut Vec<Write>, &mut Vec<Seen>);
        let faults: &[(&str, Fault)] = &[
            ("never told", |_, told| drop(told.remove(2))),
            ("told twice", |_, told| {
                let again = Seen { revision: 13, ..told[2].clone() };
                told.insert(3, again);
            }),
            ("after revision", |_, told| told.swap(2, 3)),
            ("told at revision", |_, told| told[2].revision = 13),
            ("after revision 15", |_, told| told[1].revision = 15),
            ("nobody wrote", |_, told| told[2].value = "x".into()),
            ("before it there was", |_, told| told[0].action = Action::Modified),
            ("after revision 10", |_, told| told[0].revision = 9),
        ];
        for (expected, fault) in faults {
            let found = findings(*fault);
            assert!(found.iter().any(|f| f.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn watches_that_differ_are_found() {
        let (_, told) = good();
        let named = |name: &str, told: &[Seen]| (name.to_owned(), told.to_vec(), Vec::new());
        let shorter = named("two", &told[..2]);
        assert!(differences(&[named("one", &told), named("same", &told)]).is_empty());
        assert_eq!(differences(&[named("one", &told), shorter]).len(), 1);
        let mut other = told.clone();
        other[0].value = "x".into();
        assert_eq!(differences(&[named("one", &told), named("two", &other)]).len(), 1);
    }
}
