//! kill -9, at once for all that are hit.

use super::{Injected, Undo, hold, names};
use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use crate::process::network::Node;
use rand::rngs::StdRng;

pub async fn some(
    cluster: &mut Cluster,
    nodes: &[Node],
    rng: &mut StdRng,
) -> Result<Injected, ProcessError> {
    for node in nodes {
        cluster.server(*node).kill().await;
    }
    let undo = nodes.iter().map(|node| Undo::Start(*node)).collect();
    Ok(Injected { what: format!("kill -9 {}", names(nodes)), hold: hold(rng, 50..800), undo })
}
