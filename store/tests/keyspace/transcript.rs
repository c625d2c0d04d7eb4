//! Transcripts: readable conversations with a store, in `tests/*.txt`.
//!
//! A block is some commands, a line `----`, and what they answered. `UPDATE_EXPECT=1` rewrites the
//! answers. Lines that begin with `#` are comments. The commands:
//!
//! ```text
//! put KEY VALUE [lease=N] [prev] [ignore-value] [ignore-lease]
//! delete RANGE [prev]                 RANGE: key | from..to | from.. (to the end)
//! get RANGE [rev=N] [limit=N] [sort=TARGET] [desc] [keys-only] [count-only] [min-mod=N] …
//! txn, then indented lines:  if TARGET RANGE =|!=|<|> VALUE   then COMMAND   else COMMAND
//!                            (COMMAND may be txn again, with lines indented further)
//! compact N    sweep    versions    events FROM    hash FROM TO
//! grant ID TTL    revoke ID    leases    alarm raise|clear none|nospace|corrupt MEMBER    alarms
//! batch, then indented commands: applied as one entry
//! restart
//! ```

use crate::support::{Fixture, all, bytes, events, sweep, text};
use std::fmt::Write as _;
use std::path::PathBuf;
use xebec_store::command::{
    Alarm, Body, Compact, Compare, CompareTarget, DeleteRange, KeyRange, LeaseGrant, LeaseRevoke,
    Op, OpKind, Put, Range, Txn,
};
use xebec_store::disk::{KEYS, keys};
use xebec_store::kv::{Event, KeyValue, Revision};
use xebec_store::{OpResponse, Outcome, RangeResult, Response, TxnResponse};

#[test]
fn revision() {
    check("revision.txt");
}

#[test]
fn range() {
    check("range.txt");
}

#[test]
fn txn() {
    check("txn.txt");
}

#[test]
fn lease() {
    check("lease.txt");
}

#[test]
fn compaction() {
    check("compaction.txt");
}

#[test]
fn alarm() {
    check("alarm.txt");
}

fn check(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let wanted = std::fs::read_to_string(&path).expect("the transcript is part of the tests");
    let got = replay(&wanted);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, got).expect("a writable checkout");
    } else {
        assert_eq!(got, wanted, "{name}: UPDATE_EXPECT=1 rewrites it");
    }
}

fn replay(script: &str) -> String {
    let mut fixture = Fixture::new();
    let mut out = String::new();
    for (at, block) in script.trim_end().split("\n\n").enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let commands = block.split("----\n").next().unwrap_or_default().trim_end();
        writeln!(out, "{commands}").expect("a string grows");
        let lines: Vec<_> = commands.lines().filter(|line| !line.starts_with('#')).collect();
        if lines.is_empty() {
            continue;
        }
        out.push_str("----\n");
        let mut lines = Lines { lines: &lines };
        while let Some(line) = lines.take(0) {
            command(&mut fixture, line, &mut lines, &mut out);
        }
    }
    out
}

struct Lines<'a> {
    lines: &'a [&'a str],
}

impl<'a> Lines<'a> {
    /// The next line, if it is indented at least so far.
    fn take(&mut self, indent: usize) -> Option<&'a str> {
        let (first, rest) = self.lines.split_first()?;
        if first.len() - first.trim_start().len() < indent {
            return None;
        }
        self.lines = rest;
        Some(first)
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn command(fixture: &mut Fixture, line: &str, lines: &mut Lines<'_>, out: &mut String) {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["get", ..] => {
            let found = fixture.store.view().range(&get(&words));
            match found {
                Ok(result) => print_range(out, "", &result),
                Err(error) => say(out, &format!("error: {error}")),
            }
        }
        ["sweep"] => say(out, &format!("dropped {}", sweep(&fixture.store, 1))),
        ["versions"] => versions(fixture, out),
        ["events", from] => match events(&fixture.store, all(), number(from)) {
            Ok(found) => found.iter().flatten().for_each(|event| say(out, &show_event(event))),
            Err(compacted) => say(out, &format!("compacted at {compacted}")),
        },
        ["hash", a, b] => {
            let view = fixture.store.view();
            let hash = |at| view.hash_at(number(at));
            match (hash(a), hash(b)) {
                (Ok(a), Ok(b)) => say(out, if a == b { "equal" } else { "different" }),
                (Err(error), _) | (_, Err(error)) => say(out, &format!("error: {error}")),
            }
        }
        ["leases"] => {
            let view = fixture.store.view();
            for (id, ttl_s) in view.leases() {
                let keys = view.lease(id).map(|lease| lease.keys).unwrap_or_default();
                let keys: Vec<_> = keys.iter().map(|key| text(key)).collect();
                say(out, &format!("lease {id}, {ttl_s} s: {}", keys.join(" ")));
            }
        }
        ["alarms"] => {
            for alarm in fixture.store.view().alarms() {
                say(out, &format!("{:?} of {}", alarm.kind(), alarm.member));
            }
        }
        ["restart"] => {
            fixture.store.persist().expect("the disk is well");
            fixture.home.crash(&mut |_| 0);
            fixture.reopen();
            say(out, &format!("revision {}", fixture.store.view().revision()));
        }
        ["batch"] => {
            let mut bodies = Vec::new();
            while let Some(line) = lines.take(1) {
                bodies.push(body(line, lines));
            }
            fixture.run_all(bodies).iter().for_each(|outcome| print_outcome(out, outcome));
        }
        _ => {
            let body = body(line, lines);
            print_outcome(out, &fixture.run(body));
        }
    }
}

fn body(line: &str, lines: &mut Lines<'_>) -> Body {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["compact", revision] => Body::Compact(Compact { revision: number(revision) }),
        ["grant", id, ttl] => Body::LeaseGrant(LeaseGrant { id: number(id), ttl_s: number(ttl) }),
        ["revoke", id] => Body::LeaseRevoke(LeaseRevoke { id: number(id) }),
        ["alarm", what, kind, member] => Body::Alarm(Alarm {
            active: what == "raise",
            kind: ["none", "nospace", "corrupt"]
                .iter()
                .position(|known| *known == kind)
                .expect("an alarm") as i32,
            member: number(member) as u64,
        }),
        _ => match op(&words, indent(line), lines) {
            OpKind::Put(put) => Body::Put(put),
            OpKind::DeleteRange(delete) => Body::DeleteRange(delete),
            OpKind::Txn(txn) => Body::Txn(txn),
            OpKind::Range(_) => panic!("a range is no command"),
        },
    }
}

fn op(words: &[&str], indent: usize, lines: &mut Lines<'_>) -> OpKind {
    match words {
        ["put", key, value, flags @ ..] => {
            let value = value.trim_matches('"');
            OpKind::Put(Put {
                key: bytes(key),
                value: bytes(value),
                lease: option(flags, "lease").unwrap_or(0),
                prev_kv: flags.contains(&"prev"),
                ignore_value: flags.contains(&"ignore-value"),
                ignore_lease: flags.contains(&"ignore-lease"),
            })
        }
        ["delete", range, flags @ ..] => OpKind::DeleteRange(DeleteRange {
            range: key_range(range),
            prev_kv: flags.contains(&"prev"),
        }),
        ["get", ..] => OpKind::Range(get(words)),
        ["txn"] => OpKind::Txn(parse_txn(indent + 1, lines)),
        _ => panic!("not a command: {words:?}"),
    }
}

fn parse_txn(indented: usize, lines: &mut Lines<'_>) -> Txn {
    let mut txn = Txn::default();
    while let Some(line) = lines.take(indented) {
        let words: Vec<_> = line.split_whitespace().collect();
        match &words[..] {
            ["if", target, range, result, operand] => {
                txn.compares.push(compare(target, range, result, operand));
            }
            ["then", rest @ ..] => {
                txn.success.push(Op { kind: Some(op(rest, indent(line), lines)) });
            }
            ["else", rest @ ..] => {
                txn.failure.push(Op { kind: Some(op(rest, indent(line), lines)) });
            }
            _ => panic!("not part of a transaction: {line}"),
        }
    }
    txn
}

fn compare(target: &str, range: &str, result: &str, operand: &str) -> Compare {
    let target = match target {
        "value" => CompareTarget::Value(bytes(operand.trim_matches('"'))),
        "version" => CompareTarget::Version(number(operand)),
        "create" => CompareTarget::Create(number(operand)),
        "mod" => CompareTarget::Mod(number(operand)),
        "lease" => CompareTarget::Lease(number(operand)),
        _ => panic!("not a target: {target}"),
    };
    let result = ["=", ">", "<", "!="].iter().position(|known| *known == result);
    let result = result.expect("a comparison") as i32;
    Compare { range: key_range(range), result, target: Some(target) }
}

fn get(words: &[&str]) -> Range {
    let sorts = ["key", "version", "create", "mod", "value"];
    let sort = words.iter().find_map(|word| word.strip_prefix("sort="));
    let sort = sort.map(|name| sorts.iter().position(|known| *known == name).expect("a target"));
    let order = i32::from(sort.is_some()) + i32::from(words.contains(&"desc"));
    let option = |name| option(words, name).unwrap_or(0);
    Range {
        range: key_range(words[1]),
        limit: option("limit"),
        revision: option("rev"),
        sort_order: order,
        sort_target: sort.unwrap_or(0) as i32,
        keys_only: words.contains(&"keys-only"),
        count_only: words.contains(&"count-only"),
        min_mod_revision: option("min-mod"),
        max_mod_revision: option("max-mod"),
        min_create_revision: option("min-create"),
        max_create_revision: option("max-create"),
    }
}

fn option(words: &[&str], name: &str) -> Option<i64> {
    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(number))
}

fn key_range(text: &str) -> KeyRange {
    match text.split_once("..") {
        None => KeyRange { key: bytes(text), end: bytes("") },
        Some((key, "")) => KeyRange { key: bytes(key), end: bytes("\0") },
        Some((key, end)) => KeyRange { key: bytes(key), end: bytes(end) },
    }
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

fn say(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a string grows");
}

fn print_outcome(out: &mut String, outcome: &Outcome) {
    let answer = match &outcome.result {
        Ok(Response::Put { prev: None } | Response::Compact | Response::LeaseRevoke) => "ok".into(),
        Ok(Response::Put { prev: Some(prev) }) => format!("ok, was {}", show(prev)),
        Ok(Response::DeleteRange { deleted, .. }) => format!("deleted {deleted}"),
        Ok(Response::Txn(txn)) => format!("txn {}", branch(txn)),
        Ok(Response::LeaseGrant { id, ttl_s }) => format!("lease {id} for {ttl_s} s"),
        Ok(Response::Alarm { alarms }) => format!("{} alarms", alarms.len()),
        Err(error) => format!("error: {error}"),
    };
    say(out, &format!("revision {}: {answer}", outcome.revision));
    match &outcome.result {
        Ok(Response::DeleteRange { prev_kvs, .. }) => {
            prev_kvs.iter().for_each(|prev| say(out, &format!("  was {}", show(prev))));
        }
        Ok(Response::Txn(txn)) => print_txn(out, "  ", txn),
        _ => {}
    }
}

fn branch(txn: &TxnResponse) -> &'static str {
    if txn.succeeded { "succeeded" } else { "failed" }
}

fn print_txn(out: &mut String, indent: &str, txn: &TxnResponse) {
    for response in &txn.responses {
        match response {
            OpResponse::Put { revision, prev } => {
                let was =
                    prev.as_ref().map_or(String::new(), |prev| format!(", was {}", show(prev)));
                say(out, &format!("{indent}put at {revision}{was}"));
            }
            OpResponse::DeleteRange { revision, deleted, prev_kvs } => {
                say(out, &format!("{indent}deleted {deleted} at {revision}"));
                let was = |prev| say(out, &format!("{indent}  was {}", show(prev)));
                prev_kvs.iter().map(|prev| &**prev).for_each(was);
            }
            OpResponse::Range { revision, result } => {
                say(out, &format!("{indent}range at {revision}"));
                print_range(out, &format!("{indent}  "), result);
            }
            OpResponse::Txn(nested) => {
                say(out, &format!("{indent}txn {}", branch(nested)));
                print_txn(out, &format!("{indent}  "), nested);
            }
            OpResponse::Empty => say(out, &format!("{indent}nothing")),
        }
    }
}

fn print_range(out: &mut String, indent: &str, result: &RangeResult) {
    for kv in &result.kvs {
        say(out, &format!("{indent}{}", show(kv)));
    }
    let more = if result.more { ", more" } else { "" };
    say(out, &format!("{indent}count {}{more}", result.count));
}

fn show(kv: &KeyValue) -> String {
    let KeyValue { create_revision, mod_revision, version, lease, .. } = kv;
    let lease = if *lease == 0 { String::new() } else { format!(" lease {lease}") };
    let (key, value) = (text(&kv.key), text(&kv.value));
    format!("{key}={value} [{create_revision}..{mod_revision} v{version}{lease}]")
}

fn show_event(event: &Event) -> String {
    let was = event.prev.as_ref().map_or(String::new(), |prev| format!(", was {}", show(prev)));
    if event.is_delete() {
        return format!("{}: delete {}{was}", event.revision(), text(&event.kv.key));
    }
    format!("{}: put {}{was}", event.revision(), show(&event.kv))
}

fn versions(fixture: &Fixture, out: &mut String) {
    let engine = fixture.store.engine();
    let mut cursor = engine.cursor(KEYS, &[], &[]).expect("a readable engine");
    let mut found: Vec<(String, Revision, bool)> = Vec::new();
    while cursor.next().expect("a readable engine") {
        let at = keys::de_key(cursor.key()).expect("a whole key");
        let key = text(&at.key().expect("a whole key"));
        found.push((key, at.revision, keys::is_tombstone(cursor.value())));
    }
    for (key, revision, tombstone) in found {
        say(out, &format!("{key} {revision}{}", if tombstone { " deleted" } else { "" }));
    }
}
