//! Changes of the cluster that an administrator makes.

use super::Injected;
use crate::process::client;
use crate::process::cluster::Cluster;
use crate::process::network::Node;
use std::time::Duration;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

/// Asks the leader to hand over; it may refuse while another fault is about.
pub async fn move_leader(cluster: &Cluster, to: Node) -> Injected {
    let what = match ask_to_move(cluster, to).await {
        Ok(()) => format!("leadership moved to r{to}"),
        Err(reason) => format!("leadership not moved to r{to}: {reason}"),
    };
    Injected { what, hold: Duration::from_millis(100), undo: Vec::new() }
}

async fn ask_to_move(cluster: &Cluster, to: Node) -> Result<(), String> {
    let statuses = cluster.statuses().await;
    let target = statuses.iter().find(|(endpoint, _)| endpoint.node == to);
    let target_id = target.and_then(|(_, status)| status.header.as_ref()).map(|h| h.member_id);
    let target_id = target_id.ok_or("it does not answer")?;
    let (leader, _) = cluster.leader().await.ok_or("there is no leader")?;
    let endpoints = cluster.endpoints.all();
    let endpoint = endpoints.iter().find(|endpoint| endpoint.node == leader);
    let endpoint = endpoint.ok_or("the leader is no member")?;
    let request = pb::MoveLeaderRequest { target_id };
    let mut service = client::maintenance(endpoint);
    client::order(Duration::from_secs(3), service.move_leader(request)).await.map(drop)
}

pub async fn replace(cluster: &mut Cluster, node: Node) -> Injected {
    let what = match cluster.replace(node).await {
        Ok(new) => format!("r{node} replaced by r{new}"),
        Err(reason) => {
            cluster.findings.push(format!("r{node} could not be replaced: {reason}"));
            format!("r{node} not replaced: {reason}")
        }
    };
    Injected { what, hold: Duration::from_millis(100), undo: Vec::new() }
}
