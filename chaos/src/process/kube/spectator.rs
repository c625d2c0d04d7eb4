//! A watch of all ConfigMaps of the run until the last of them comes, resumed whenever it breaks
//! off: at the same replica, or for the one that wanders at another, also while all is well.

use super::client::version;
use super::judge::{Action, Seen};
use super::writer::text;
use super::{LAST, MAPS, Run};
use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use rand::RngExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A watch that says nothing for so long is left, as clients do when a connection is dead.
const SILENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// How a watch ended.
enum End {
    Broken,
    /// The last write has been seen.
    Done,
    /// The server says that it cannot go on.
    Refused(String),
}

/// The watch's name, what it saw, and what the servers told it that they must not.
pub async fn watch(
    run: Arc<Run>,
    home: Option<usize>,
    base: i64,
) -> (String, Vec<Seen>, Vec<String>) {
    let name = match home {
        Some(replica) => format!("the watch of replica {}", replica + 1),
        None => "the wandering watch".to_owned(),
    };
    let mut rng = run.rng(1_000 + home.unwrap_or(99) as u64);
    let (mut seen, mut problems) = (Vec::<Seen>::new(), Vec::new());
    let mut sitting = 0_u64;
    loop {
        let replica = home.unwrap_or_else(|| rng.random_range(0..run.client.replicas()));
        sitting += 1;
        // The wanderer leaves after some events, or stays to the end: then the server tells how far
        // it is, and the next one goes on from there.
        let (patience, seconds) = match home {
            Some(_) => (usize::MAX, 600),
            None if sitting.is_multiple_of(3) => (usize::MAX, 1),
            None => (rng.random_range(1..30), 600),
        };
        let from = seen.last().map_or(base, |last| last.revision);
        let path = format!(
            "{MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds={seconds}"
        );
        match follow(&run, replica, &path, (&mut seen, patience)).await {
            End::Done => return (name, seen, problems),
            End::Broken => tokio::time::sleep(PAUSE).await,
            End::Refused(why) => {
                problems.push(format!("resuming after {from}: {why}"));
                return (name, seen, problems);
            }
        }
    }
}

async fn follow(
    run: &Run,
    replica: usize,
    path: &str,
    (seen, patience): (&mut Vec<Seen>, usize),
) -> End {
    let Some(mut caller) = run.client.connect(replica).await else { return End::Broken };
    let opened = tokio::time::timeout(SILENCE, caller.open(path)).await;
    let Ok(Ok(mut response)) = opened else { return End::Broken };
    match response.status().as_u16() {
        200 => {}
        // A replica that is not ready yet, or has not come so far.
        429 | 500.. => return End::Broken,
        code => return End::Refused(format!("code {code}")),
    }
    let (mut read, mut events) = (BytesMut::new(), 0);
    loop {
        let frame = tokio::time::timeout(SILENCE, response.body_mut().frame()).await;
        let Ok(Some(Ok(frame))) = frame else { return End::Broken };
        let Ok(data) = frame.into_data() else { continue };
        read.extend_from_slice(&data);
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            match event(&read[..end]) {
                Ok(event) => {
                    let is_last = event.name == LAST;
                    seen.push(event);
                    if is_last {
                        return End::Done;
                    }
                }
                Err(why) => return End::Refused(why),
            }
            read.advance(end + 1);
            events += 1;
            // Events that were sent but are not read are sent again by the next replica.
            if events >= patience {
                return End::Broken;
            }
        }
    }
}

/// One line of a watch.
fn event(line: &[u8]) -> Result<Seen, String> {
    let text_of = || String::from_utf8_lossy(line).into_owned();
    let event: Value = serde_json::from_slice(line).map_err(|_| text_of())?;
    let object = &event["object"];
    let action = match event["type"].as_str() {
        Some("ADDED") => Action::Added,
        Some("MODIFIED") => Action::Modified,
        Some("DELETED") => Action::Deleted,
        Some("BOOKMARK") => Action::Bookmark,
        _ => return Err(text_of()),
    };
    Ok(Seen {
        revision: version(object),
        action,
        name: text(&object["metadata"]["name"]),
        value: text(&object["data"]["v"]),
    })
}
