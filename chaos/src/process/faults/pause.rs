//! SIGSTOP: from shorter than an election timeout to much longer.

use super::{Injected, Undo, hold, names};
use crate::process::cluster::Cluster;
use crate::process::network::Node;
use rand::rngs::StdRng;

pub fn some(cluster: &mut Cluster, nodes: &[Node], rng: &mut StdRng) -> Injected {
    for node in nodes {
        cluster.server(*node).pause();
    }
    let undo = nodes.iter().map(|node| Undo::Resume(*node)).collect();
    Injected { what: format!("SIGSTOP {}", names(nodes)), hold: hold(rng, 50..1_800), undo }
}
