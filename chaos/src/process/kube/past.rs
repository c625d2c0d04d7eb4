//! Whether the state at a revision is what the changes up to it make, at whichever replica it is
//! asked for.

use super::client::{Outcome, version};
use super::judge::{Action, Seen};
use super::writer::text;
use super::{MAPS, PATIENCE, Run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Revisions that are looked at, spread over all that a watch has seen.
const SAMPLES: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);

type State = BTreeMap<String, String>;

/// What is wrong; `seen` are the changes since there was nothing.
pub async fn inspect(run: &Run, seen: &[Seen]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut state = State::new();
    let changes: Vec<&Seen> = seen.iter().filter(|event| event.is_change()).collect();
    let step = changes.len().div_ceil(SAMPLES).max(1);
    for (at, event) in changes.into_iter().enumerate() {
        match event.action {
            Action::Deleted => state.remove(&event.name),
            _ => state.insert(event.name.clone(), event.value.clone()),
        };
        if at % step != 0 {
            continue;
        }
        match state_at(run, at / step, event.revision).await {
            Some(listed) if listed == state => {}
            listed => findings.push(format!(
                "after revision {} there should be {state:?}, and there is {listed:?}",
                event.revision
            )),
        }
    }
    findings
}

/// What one replica after the other is asked for until one tells it.
async fn state_at(run: &Run, first: usize, revision: i64) -> Option<State> {
    let path = format!("{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact");
    let deadline = Instant::now() + PATIENCE;
    for replica in first.. {
        match run.client.ask(replica, "GET", &path, &Value::Null).await {
            Outcome::Answered(200, list) if version(&list) == revision => {
                let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                let pair =
                    |item: &Value| (text(&item["metadata"]["name"]), text(&item["data"]["v"]));
                return Some(items.iter().map(pair).collect());
            }
            Outcome::Unknown if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            _ => return None,
        }
    }
    None
}
