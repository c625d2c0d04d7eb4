//! `xebec status`: every member at a glance.

use crate::client::{Client, Connection, Endpoints};
use crate::failure::{Failure, Kind};
use crate::surroundings::say;
use crate::table::table;
use std::collections::BTreeMap;
use tonic::Status as RpcStatus;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

/// What one endpoint says of itself.
struct Row {
    url: String,
    status: Result<pb::StatusResponse, RpcStatus>,
    hash: Option<u32>,
}

/// Prints the table; fails if a member does not answer or differs from the others.
pub async fn run(connection: &Connection) -> Result<(), Failure> {
    let endpoints = connection.resolve()?;
    let rows = rows(&endpoints).await;
    let names = names(&endpoints).await;
    say(render(&rows, &names));
    let down: Vec<&str> =
        rows.iter().filter(|row| row.status.is_err()).map(|row| row.url.as_str()).collect();
    if !down.is_empty() {
        let message = format!(
            "{} of {} endpoints do not answer: {}",
            down.len(),
            rows.len(),
            down.join(", ")
        );
        return Err(Failure::new(Kind::Unavailable, message)
            .remedy("see their logs; a cluster needs a majority of its members"));
    }
    let mut hashes: Vec<u32> = rows.iter().filter_map(|row| row.hash).collect();
    hashes.dedup();
    if hashes.len() > 1 {
        return Err(Failure::new(Kind::Data, "members disagree about the data (see the hashes)")
            .remedy("remove the odd one out and add it anew: docs/operations.md"));
    }
    Ok(())
}

/// The table alone, with whatever is known.
pub async fn member_table(endpoints: &Endpoints) -> String {
    render(&rows(endpoints).await, &names(endpoints).await)
}

async fn rows(endpoints: &Endpoints) -> Vec<Row> {
    let mut rows = Vec::new();
    for client in &endpoints.clients {
        rows.push(Row { url: client.url.clone(), status: client.status().await, hash: None });
    }
    // All at the oldest revision that everybody has: hashes of different ones tell nothing.
    let revision = |row: &Row| Some(row.status.as_ref().ok()?.header.as_ref()?.revision);
    let Some(common) = rows.iter().filter_map(revision).min() else { return rows };
    for (row, client) in rows.iter_mut().zip(&endpoints.clients) {
        if row.status.is_ok() {
            row.hash = client.hash_kv(common).await.ok().map(|response| response.hash);
        }
    }
    rows
}

/// Names by member id, from the first member that knows them.
async fn names(endpoints: &Endpoints) -> BTreeMap<u64, String> {
    async fn of(client: &Client) -> Option<BTreeMap<u64, String>> {
        let members = client.members().await.ok()?.members;
        Some(members.into_iter().map(|member| (member.id, member.name)).collect())
    }
    for client in &endpoints.clients {
        if let Some(names) = of(client).await {
            return names;
        }
    }
    BTreeMap::new()
}

fn render(rows: &[Row], names: &BTreeMap<u64, String>) -> String {
    let mut table = table([
        "member", "id", "endpoint", "role", "term", "revision", "db size", "hash", "health",
    ]);
    for row in rows {
        let status = match &row.status {
            Ok(status) => status,
            Err(error) => {
                let cells = ["", "", &row.url, "", "", "", "", "", &summary(error)];
                table.add_row(cells);
                continue;
            }
        };
        let header = status.header.unwrap_or_default();
        let health = match (status.leader, status.errors.is_empty()) {
            (0, _) => "no leader".to_owned(),
            (_, true) => "healthy".to_owned(),
            (_, false) => status.errors.join(", "),
        };
        table.add_row([
            names.get(&header.member_id).cloned().unwrap_or_default(),
            format!("{:x}", header.member_id),
            row.url.clone(),
            role(status, header.member_id).to_owned(),
            status.raft_term.to_string(),
            header.revision.to_string(),
            size(status.db_size),
            row.hash.map(|hash| format!("{hash:08x}")).unwrap_or_default(),
            health,
        ]);
    }
    table.to_string()
}

fn role(status: &pb::StatusResponse, member_id: u64) -> &'static str {
    match status {
        _ if status.leader == member_id => "leader",
        _ if status.is_learner => "learner",
        _ => "follower",
    }
}

/// The first words of a failed call.
fn summary(error: &RpcStatus) -> String {
    let text = crate::client::failure("", error).message;
    let text = text.trim_start_matches(": ");
    text.chars().take(60).collect()
}

/// To three digits, with a binary unit.
pub fn size(bytes: i64) -> String {
    let mut value = bytes.max(0) as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match value {
        _ if unit == "B" => format!("{value} B"),
        value if value < 10.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn sizes_have_three_digits() {
        let sizes = [0, 999, 1000, 20_480, 5 << 20, 3 << 30].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KiB", "20 KiB", "5.0 MiB", "3.0 GiB"]);
    }

    #[test]
    fn shows_members_up_and_down() {
        let header = pb::ResponseHeader { member_id: 0xabc, revision: 7, ..Default::default() };
        let status = pb::StatusResponse {
            header: Some(header),
            leader: 0xabc,
            raft_term: 3,
            db_size: 20_480,
            ..Default::default()
        };
        let up = Row { url: "https://a:1".to_owned(), status: Ok(status), hash: Some(0xff) };
        let error = RpcStatus::unavailable("connection refused");
        let down = Row { url: "https://b:1".to_owned(), status: Err(error), hash: None };
        let names = BTreeMap::from([(0xabc, "m1".to_owned())]);
        expect![[r#"
             member   id    endpoint      role     term   revision   db size   hash       health             
            ═════════════════════════════════════════════════════════════════════════════════════════════════
             m1       abc   https://a:1   leader   3      7          20 KiB    000000ff   healthy            
                            https://b:1                                                   connection refused "#]].assert_eq(&render(&[up, down], &names));
    }
}
