//! Writes ConfigMaps of its own, each through another replica, on top of what it last read. So the
//! outcome of a write that nobody answered shows when the object is read again, or never matters.

use super::client::{Client, Outcome, version};
use super::judge::{Action, Write};
use super::{MAPS, Run};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Objects of one writer.
const OBJECTS: u32 = 5;
const PACE: Duration = Duration::from_millis(15);

struct Writer {
    run: Arc<Run>,
    rng: StdRng,
    id: u32,
    turn: u64,
    /// What was last read or written, by object.
    objects: Vec<Option<Value>>,
    writes: Vec<Write>,
}

/// Writes until the run is over; what it did.
pub async fn write(run: Arc<Run>, id: u32) -> Vec<Write> {
    let rng = run.rng(u64::from(id));
    let objects = (0..OBJECTS).map(|_| None).collect();
    let mut writer = Writer { run, rng, id, turn: 0, objects, writes: Vec::new() };
    while !writer.run.is_over() {
        let object = writer.rng.random_range(0..OBJECTS as usize);
        writer.step(object).await;
        tokio::time::sleep(PACE).await;
    }
    writer.writes
}

impl Writer {
    async fn step(&mut self, object: usize) {
        let name = format!("w{}-{object}", self.id);
        let path = format!("{MAPS}/{name}");
        self.turn += 1;
        let value = format!("{}-{}", self.id, self.turn);
        let (action, method, target, body) = match &self.objects[object] {
            None => {
                let body = json!({"metadata": {"name": name}, "data": {"v": value}});
                (Action::Added, "POST", MAPS, body)
            }
            Some(held) if self.turn.is_multiple_of(6) => {
                let version = &held["metadata"]["resourceVersion"];
                let body = json!({"kind": "DeleteOptions", "apiVersion": "v1",
                                  "preconditions": {"resourceVersion": version}});
                (Action::Deleted, "DELETE", path.as_str(), body)
            }
            Some(held) if self.turn.is_multiple_of(2) => {
                let mut body = held.clone();
                body["data"]["v"] = value.as_str().into();
                (Action::Modified, "PUT", path.as_str(), body)
            }
            Some(held) => {
                let version = &held["metadata"]["resourceVersion"];
                let body = json!({"metadata": {"resourceVersion": version}, "data": {"v": value}});
                (Action::Modified, "PATCH", path.as_str(), body)
            }
        };
        // What is deleted is known by what it last held.
        let value = match (&self.objects[object], action) {
            (Some(held), Action::Deleted) => text(&held["data"]["v"]),
            _ => value,
        };
        let replica = self.rng.random_range(0..16);
        let outcome = self.run.client.ask(replica, method, target, &body).await;
        let mut write = Write { name, value, action, revision: None, acknowledged: false };
        match outcome {
            Outcome::Answered(200 | 201, answer) => {
                self.run.acknowledged.fetch_add(1, Ordering::Relaxed);
                write.acknowledged = true;
                let stays = action != Action::Deleted;
                // The answer to a deletion does not say its revision.
                write.revision = stays.then(|| version(&answer));
                self.objects[object] = stays.then_some(answer);
                self.writes.push(write);
            }
            // Something before it was done though nobody said so.
            Outcome::Answered(..) => self.objects[object] = self.reread(&path).await,
            Outcome::Unknown => {
                self.writes.push(write);
                self.objects[object] = self.reread(&path).await;
            }
        }
    }

    async fn reread(&mut self, path: &str) -> Option<Value> {
        let client: &Client = &self.run.client;
        while !self.run.is_over() {
            let replica = self.rng.random_range(0..16);
            match client.ask(replica, "GET", path, &Value::Null).await {
                Outcome::Answered(200, object) => return Some(object),
                Outcome::Answered(404, _) => return None,
                _ => tokio::time::sleep(PACE).await,
            }
        }
        None
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
