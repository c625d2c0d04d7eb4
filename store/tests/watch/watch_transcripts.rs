//! Runs `transcripts/*.txt`: lines after `> ` are commands, the lines below are what came of them.
//! `UPDATE_EXPECT=1 cargo test` rewrites the latter.

use crate::world::{Change, Client, World, range, spec};
use bytes::Bytes;
use expect_test::expect_file;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use xebec_store::kv::{Event, KeyValue};
use xebec_store::watch::{Delivery, Limits, WatchSpec};

#[test]
fn watch_transcripts_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watch/transcripts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a well-formed transcript")
        .map(|entry| entry.expect("a well-formed transcript").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a well-formed transcript");
        expect_file![&file].assert_eq(&replay(&text));
    }
}

fn replay(text: &str) -> String {
    let mut script = Script::new();
    let mut out = String::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            let _ = writeln!(out, "{line}");
            for result in script.run(command) {
                let _ = writeln!(out, "{result}");
            }
        } else if line.starts_with('#') || line.is_empty() {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

struct Script {
    world: World,
    clients: BTreeMap<String, Client>,
}

impl Script {
    fn new() -> Self {
        Self { world: World::new(Limits::default()), clients: BTreeMap::new() }
    }

    fn run(&mut self, command: &str) -> Vec<String> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match verb {
            "hub" => self.world = World::new(limits(&words)),
            "txn" => self.world.apply(&changes(rest)),
            // On disk only, as if a snapshot had brought it.
            "missed" => drop(self.world.write(&changes(rest))),
            "dispatch" => drop(self.world.hub.dispatch()),
            "compact" => self.world.compact(words[0].parse().expect("a well-formed transcript")),
            "reset" => self.world.reset(),
            "restart" => {
                self.clients.clear();
                self.world.restart(limits(&words));
            }
            "open" => drop(self.clients.insert(words[0].into(), self.world.open())),
            "close" => drop(self.clients.remove(words[0])),
            "hub?" => return vec![self.describe_hub()],
            _ => return self.run_client(verb, &words),
        }
        Vec::new()
    }

    fn describe_hub(&self) -> String {
        let stats = self.world.hub.stats();
        format!(
            "revision {} of {}; {} streams, {} watches, {} groups",
            self.world.hub.revision(),
            self.world.revision,
            stats.streams,
            stats.watches,
            stats.groups
        )
    }

    fn run_client(&mut self, verb: &str, words: &[&str]) -> Vec<String> {
        let client = self.clients.get_mut(words[0]).expect("an open stream");
        let number = |at: usize| {
            words.get(at).map(|word| word.parse::<i64>().expect("a well-formed transcript"))
        };
        let max_events =
            number(1).map_or(100, |n| usize::try_from(n).expect("a well-formed transcript"));
        match verb {
            "watch" => {
                let first = client
                    .stream
                    .watch(number(1).expect("a well-formed transcript"), watch_spec(&words[2..]));
                vec![first.map_or("id in use".into(), |first| format!("from {first}"))]
            }
            "cancel" if client.stream.cancel(number(1).expect("a well-formed transcript")) => {
                vec!["cancelled".into()]
            }
            "cancel" => vec!["no such watch".into()],
            "ready?" => {
                let ready = if client.is_ready() { "ready" } else { "not ready" };
                vec![format!("{ready}, woken {} times", client.wake_count())]
            }
            "synced?" => vec![format!(
                "{:?}",
                client.stream.synced_revision(number(1).expect("a well-formed transcript"))
            )],
            "synced-all?" => vec![format!("{:?}", client.stream.synced_revision_of_all())],
            "next" => match client.stream.next(max_events) {
                Some(delivery) => show(delivery, client),
                None => vec!["nothing".into()],
            },
            "all" => {
                let mut lines = Vec::new();
                while let Some(delivery) = client.stream.next(max_events) {
                    lines.extend(show(delivery, client));
                }
                lines
            }
            "read" if client.read_one() => Vec::new(),
            "read" => vec!["no read is out".into()],
            _ => panic!("unknown command {verb}"),
        }
    }
}

fn limits(words: &[&str]) -> Limits {
    let mut limits = Limits::default();
    for word in words {
        let (name, value) = word.split_once('=').expect("a well-formed transcript");
        let value = value.parse().expect("a well-formed transcript");
        match name {
            "history" => limits.history_bytes = value,
            "rings" => limits.rings_bytes = value,
            "inbox" => limits.inbox_bytes = value,
            _ => panic!("unknown limit {name}"),
        }
    }
    limits
}

/// `a=1; b=2; -c`
fn changes(text: &str) -> Vec<Change> {
    let owned = |text: &str| Bytes::from(text.to_owned());
    text.split(';')
        .map(|change| match change.trim().split_once('=') {
            Some((key, value)) => Change::Put(owned(key), owned(value)),
            None => Change::Delete(owned(
                change.trim().strip_prefix('-').expect("a well-formed transcript"),
            )),
        })
        .collect()
}

/// `a`, `a..c` or `a..` (to the end), then options.
fn watch_spec(words: &[&str]) -> WatchSpec {
    let (key, end) = match words[0].split_once("..") {
        Some((key, "")) => (key, "\0"),
        Some((key, end)) => (key, end),
        None => (words[0], ""),
    };
    let mut spec = spec(range(key, end), 0);
    for word in &words[1..] {
        match *word {
            "no_put" => spec.no_put = true,
            "no_delete" => spec.no_delete = true,
            "prev_kv" => spec.prev_kv = true,
            start => {
                spec.start_revision = start
                    .strip_prefix("from=")
                    .expect("a well-formed transcript")
                    .parse()
                    .expect("a well-formed transcript");
            }
        }
    }
    spec
}

fn show(delivery: Delivery, client: &mut Client) -> Vec<String> {
    match delivery {
        Delivery::Events { id, prev_kv, batches } => {
            let show = |batch: &std::sync::Arc<xebec_store::watch::EventBatch>| {
                let events: Vec<_> =
                    batch.events().iter().map(|event| show_event(event, prev_kv)).collect();
                format!("{id}: @{} {}", batch.revision(), events.join("; "))
            };
            batches.iter().map(show).collect()
        }
        Delivery::Behind(catch_up) => {
            let line = format!("{catch_up:?}");
            client.out.push(catch_up);
            vec![line]
        }
        Delivery::Compacted { id, compact_revision } => {
            vec![format!("{id}: ended, compacted at {compact_revision}")]
        }
    }
}

fn show_event(event: &Event, prev_kv: bool) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let value = |kv: &KeyValue| format!("{} (@{})", text(&kv.value), kv.mod_revision);
    let mut line = if event.is_delete() {
        format!("-{}", text(&event.kv.key))
    } else {
        format!("{}={}", text(&event.kv.key), text(&event.kv.value))
    };
    if event.kv.is_create() {
        line.push_str(" created");
    }
    if prev_kv && let Some(prev) = &event.prev {
        let _ = write!(line, " was {}", value(prev));
    }
    line
}
