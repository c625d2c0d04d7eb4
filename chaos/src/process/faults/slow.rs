//! Networks that are slow, lossy, or come and go.

use super::{Injected, Undo, hold, names};
use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use crate::process::network::Node;
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;

pub async fn some(
    cluster: &Cluster,
    nodes: &[Node],
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    for node in nodes {
        cluster.stage.network.slow(*node).await?;
    }
    let undo = nodes.iter().map(|node| Undo::Unslow(*node)).collect();
    Ok(Injected {
        what: format!("slow network of {}", names(nodes)),
        hold: hold(rng, 500..2_000),
        undo,
    })
}

/// Directions between replicas cut and joined again, some milliseconds each.
pub async fn flap(cluster: &Cluster, rng: &mut StdRng) -> Result<Injected, ProcessError> {
    const CUTS: u32 = 25;
    let nodes = cluster.nodes();
    if nodes.len() < 2 {
        return Ok(Injected { what: "nothing".to_owned(), hold: Duration::ZERO, undo: Vec::new() });
    }
    for _ in 0..CUTS {
        let from = nodes[rng.random_range(0..nodes.len())];
        let to = nodes[rng.random_range(0..nodes.len())];
        if from == to {
            continue;
        }
        cluster.stage.network.cut(from, to).await?;
        tokio::time::sleep(hold(rng, 10..80)).await;
        cluster.stage.network.join(from, to).await?;
    }
    Ok(Injected { what: "flapping network".to_owned(), hold: Duration::ZERO, undo: Vec::new() })
}
