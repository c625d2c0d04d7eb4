//! The bytes on disk of every format version, as files that are only ever added.
//!
//! `tests/golden/log-v<n>.txt` has one line per record: its name, key and value, in hexadecimal.
//! Today's program must read all of them, and write what the newest says.

use bytes::Bytes;
use openraft::EntryPayload;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xebec_raft::Member;
use xebec_raft::log::format;
use xebec_raft::types::{EncodedBatch, Entry, LogId, Membership, Vote};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).expect("ascii"), 16).expect("hex");
    digits.map(byte).collect()
}

fn membership() -> Membership {
    let member = |id: u64, name: &str| Member {
        id,
        name: name.to_owned(),
        peer_urls: vec![format!("https://127.0.0.1{id}:2380")],
        client_urls: vec![format!("https://127.0.0.1{id}:2379")],
        is_learner: false,
    };
    let nodes = BTreeMap::from([
        (1, member(1, "one")),
        (2, member(2, "two")),
        (u64::MAX, member(3, "a learner")),
    ]);
    Membership::new(vec![BTreeSet::from([1]), BTreeSet::from([1, 2])], nodes).expect("valid")
}

fn entries() -> Vec<(&'static str, Entry)> {
    let commands = EncodedBatch(Bytes::from_static(b"opaque to the log"));
    let new = |index, payload| Entry { log_id: LogId::new_term_index(300, index), payload };
    vec![
        ("blank", new(0, EntryPayload::Blank)),
        ("commands", new(70_000, EntryPayload::Normal(commands))),
        ("membership", new(u64::MAX - 1, EntryPayload::Membership(membership()))),
    ]
}

fn log_id() -> LogId {
    LogId::new_term_index(300, 70_000)
}

fn votes() -> Vec<(&'static str, Vote)> {
    vec![("vote", Vote::new(300, 7)), ("vote-committed", Vote::new_committed(300, u64::MAX))]
}

/// Every kind of record as this program writes it: name, key, value.
fn records() -> Vec<(String, Bytes, Bytes)> {
    let mut records = Vec::new();
    for (name, entry) in entries() {
        let key = Bytes::copy_from_slice(&format::entry_key(entry.log_id.index));
        records.push((name.to_owned(), key, format::encode_entry(&entry)));
    }
    for (name, vote) in votes() {
        records.push((name.to_owned(), format::state_key("vote"), format::encode_vote(&vote)));
    }
    for name in ["purged", "committed"] {
        let value = format::encode_log_id(name, &log_id());
        records.push((name.to_owned(), format::state_key(name), value));
    }
    records
}

fn check(name: &str, value: Bytes) {
    if let Some((_, entry)) = entries().into_iter().find(|(known, _)| *known == name) {
        let read = format::decode_entry(entry.log_id.index, value).expect("an entry");
        assert_eq!(format!("{read:?}"), format!("{entry:?}"), "{name}");
    } else if let Some((_, vote)) = votes().into_iter().find(|(known, _)| *known == name) {
        assert_eq!(format::decode_vote(value).expect("a vote"), vote, "{name}");
    } else {
        let name = if name == "purged" { "purged" } else { "committed" };
        assert_eq!(format::decode_log_id(name, value).expect("an id"), log_id(), "{name}");
    }
}

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn file(version: u8) -> std::path::PathBuf {
    directory().join(format!("log-v{version}.txt"))
}

#[test]
fn log_reads_every_version_of_its_format() {
    for version in 1..=format::VERSION {
        let text = std::fs::read_to_string(file(version)).expect("a golden file");
        let mut names = Vec::new();
        for line in text.lines() {
            let mut fields = line.split(' ');
            let mut field = || fields.next().expect("three fields");
            let (name, _key, value) = (field(), field(), unhex(field()));
            check(name, value);
            names.push(name.to_owned());
        }
        assert_eq!(names.len(), records().len(), "version {version} has every record");
    }
}

/// `XEBEC_GOLDEN=1` writes the file of a version that has none yet.
#[test]
fn log_writes_the_newest_version_of_its_format() {
    let lines = records()
        .into_iter()
        .map(|(name, key, value)| format!("{name} {} {}\n", hex(&key), hex(&value)));
    let text: String = lines.collect();
    let path = file(format::VERSION);
    if std::env::var_os("XEBEC_GOLDEN").is_some() && !path.exists() {
        std::fs::write(&path, &text).expect("a golden file");
    }
    let golden = std::fs::read_to_string(&path).expect("a golden file");
    assert_eq!(text, golden, "a change of the format needs a new version");
}
