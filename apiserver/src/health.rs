//! Health, check by check (etcd `etcdhttp/health.go`).

use crate::etcd::Context;
use serde_json::{Map, Value, json};
use xebec_store::command::{AlarmKind, KeyRange, Range};
use xebec_store::kv::Revision;

/// Does this replica read its keyspace?
const SERIALIZABLE_READ: &str = "serializable_read";
/// Does the cluster agree on what is current?
const LINEARIZABLE_READ: &str = "linearizable_read";
const DATA_CORRUPTION: &str = "data_corruption";
const NON_LEARNER: &str = "non_learner";

const LIVE: [&str; 1] = [SERIALIZABLE_READ];
const READY: [&str; 4] = [DATA_CORRUPTION, SERIALIZABLE_READ, LINEARIZABLE_READ, NON_LEARNER];

type Check = Result<(), String>;

/// The answer of `/health`: healthy or not, and JSON with the first reason and all checks. The
/// query may leave alarms out (`exclude=NOSPACE`) and may ask for this replica alone
/// (`serializable=true`).
pub async fn summary(context: &Context, query: &str) -> (bool, String) {
    let serializable = values(query, "serializable").any(|value| value == "true");
    let mut checks = vec![("replica", replica(context)), ("alarms", alarms(context, query))];
    if !serializable {
        checks.push(("leader", leader(context)));
    }
    if checks.iter().all(|(_, check)| check.is_ok()) {
        checks.push(("read", read_reason(context, serializable).await));
    }
    let reason = checks.iter().find_map(|(_, check)| check.as_ref().err());
    let healthy = reason.is_none();
    let all: Map<String, Value> = checks
        .iter()
        .map(|(name, check)| ((*name).to_owned(), check.as_ref().err().map_or("ok", |e| e).into()))
        .collect();
    let body = json!({
        "health": healthy.to_string(),
        "reason": reason.map_or("", |reason| reason),
        "checks": all,
    });
    (healthy, body.to_string())
}

/// The answer of `/livez` or `/readyz`, or of one check below it; `None` if there is no such
/// check.
pub async fn probe(
    context: &Context,
    live: bool,
    only: &str,
    query: &str,
) -> Option<(bool, String)> {
    let all: &[&str] = if live { &LIVE } else { &READY };
    let excluded: Vec<&str> = values(query, "exclude").collect();
    let chosen: Vec<&str> = if only.is_empty() {
        all.iter().copied().filter(|name| !excluded.contains(name)).collect()
    } else {
        vec![all.iter().copied().find(|name| *name == only)?]
    };
    let mut report = String::new();
    let mut healthy = true;
    for name in chosen {
        match run(context, name).await {
            Ok(()) => report.push_str(&format!("[+]{name} ok\n")),
            Err(reason) => {
                healthy = false;
                report.push_str(&format!("[-]{name} failed: {reason}\n"));
            }
        }
    }
    if !healthy {
        return Some((false, report));
    }
    let verbose = query.split('&').any(|pair| pair.split('=').next() == Some("verbose"));
    Some((true, if verbose { report + "ok\n" } else { "ok\n".to_owned() }))
}

async fn run(context: &Context, name: &str) -> Check {
    match name {
        DATA_CORRUPTION => {
            let corrupt = |alarm: &xebec_store::AlarmMember| alarm.kind() == AlarmKind::Corrupt;
            let found = context.view().alarms().iter().any(corrupt);
            if found { Err("alarm activated: CORRUPT".to_owned()) } else { Ok(()) }
        }
        NON_LEARNER if context.is_learner() => Err("not supported for learner".to_owned()),
        SERIALIZABLE_READ => read(context, true).await.map(drop),
        LINEARIZABLE_READ => read(context, false).await.map(drop),
        _ => Ok(()),
    }
}

fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(move |(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

fn alarms(context: &Context, query: &str) -> Check {
    let excluded: Vec<&str> = values(query, "exclude").collect();
    let view = context.view();
    let name = |kind: AlarmKind| match kind {
        AlarmKind::NoSpace => "NOSPACE",
        AlarmKind::Corrupt => "CORRUPT",
        AlarmKind::None => "UNKNOWN",
    };
    let mut standing = view.alarms().iter().map(|alarm| name(alarm.kind()));
    match standing.find(|name| !excluded.contains(name)) {
        Some(name) => Err(format!("ALARM {name}")),
        None => Ok(()),
    }
}

/// A replica that has stopped, or taken itself out.
fn replica(context: &Context) -> Check {
    context.replica.failure().map_or(Ok(()), Err)
}

fn leader(context: &Context) -> Check {
    if context.has_leader() { Ok(()) } else { Err("RAFT NO LEADER".to_owned()) }
}

async fn read_reason(context: &Context, serializable: bool) -> Check {
    let read = read(context, serializable).await;
    read.map(drop).map_err(|reason| format!("RANGE ERROR:{reason}"))
}

async fn read(context: &Context, serializable: bool) -> Result<Revision, String> {
    if !serializable {
        context.read_index().await.map_err(|status| status.message().to_owned())?;
    }
    replica(context)?;
    let view = context.view();
    let smallest = KeyRange { key: vec![0].into(), end: vec![0].into() };
    let range = Range { range: smallest, limit: 1, keys_only: true, ..Range::default() };
    view.range(&range).map_err(|error| error.to_string())?;
    Ok(view.revision())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_leniently() {
        let all = |query, name| values(query, name).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("serializable=true", "serializable"), ["true"]);
        assert_eq!(all("exclude=A&x&exclude=B&exclude=", "exclude"), ["A", "B"]);
        assert!(all("&&=&a", "a").is_empty());
    }
}
