//! Directions of the network cut. A replica that is cut off from the others may still be reached
//! by clients: that is where stale reads would come from.

use super::{Injected, Undo, hold};
use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use crate::process::network::{CLIENTS, Node};
use rand::rngs::StdRng;

const HOLD_MS: std::ops::Range<u64> = 300..1_800;

async fn cut(
    cluster: &Cluster,
    what: String,
    directions: Vec<(Node, Node)>,
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    for (from, to) in &directions {
        cluster.stage.network.cut(*from, *to).await?;
    }
    let undo = directions.into_iter().map(|(from, to)| Undo::Join(from, to)).collect();
    Ok(Injected { what, hold: hold(rng, HOLD_MS), undo })
}

fn others(cluster: &Cluster, node: Node) -> impl Iterator<Item = Node> {
    cluster.nodes().into_iter().filter(move |other| *other != node)
}

/// From the other replicas, not from the clients.
pub async fn isolate(
    cluster: &Cluster,
    node: Node,
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    let directions = others(cluster, node).flat_map(|other| [(node, other), (other, node)]);
    cut(cluster, format!("r{node} alone with clients"), directions.collect(), rng).await
}

pub async fn one_way(
    cluster: &Cluster,
    node: Node,
    out: bool,
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    let directions =
        others(cluster, node).map(|other| if out { (node, other) } else { (other, node) });
    let what = if out { "unheard by" } else { "deaf to" };
    cut(cluster, format!("r{node} {what} the others"), directions.collect(), rng).await
}

/// Every replica from every other.
pub async fn split(cluster: &Cluster, rng: &mut StdRng) -> Result<Injected, ProcessError> {
    let nodes = cluster.nodes();
    let directions =
        nodes.iter().flat_map(|from| others(cluster, *from).map(move |to| (*from, to)));
    cut(cluster, "every replica alone".to_owned(), directions.collect(), rng).await
}

pub async fn cut_clients(
    cluster: &Cluster,
    node: Node,
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    let directions = vec![(CLIENTS, node), (node, CLIENTS)];
    cut(cluster, format!("clients cut from r{node}"), directions, rng).await
}

/// From everybody, clients too, with the interface down.
pub async fn unplug(
    cluster: &Cluster,
    node: Node,
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    cluster.stage.network.link(node, false).await?;
    let undo = vec![Undo::Plug(node)];
    Ok(Injected { what: format!("r{node} unplugged"), hold: hold(rng, HOLD_MS), undo })
}
