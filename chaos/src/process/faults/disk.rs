//! Disks with too little room, or none.

use super::{Injected, Undo, hold};
use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use crate::process::disk::RESERVE_MIB;
use crate::process::network::Node;
use rand::rngs::StdRng;

/// Below what the replica was told to keep free: writes are refused, all else goes on.
pub fn tight(cluster: &Cluster, node: Node, rng: &mut StdRng) -> Result<Injected, ProcessError> {
    cluster.stage.disks.fill(node, RESERVE_MIB / 2)?;
    let undo = vec![Undo::Unfill(node)];
    Ok(Injected {
        what: format!("disk of r{node} below reserve"),
        hold: hold(rng, 1_500..2_500),
        undo,
    })
}

/// Not a byte left.
pub fn full(cluster: &Cluster, node: Node, rng: &mut StdRng) -> Result<Injected, ProcessError> {
    cluster.stage.disks.fill(node, 0)?;
    let undo = vec![Undo::Unfill(node)];
    Ok(Injected { what: format!("disk of r{node} full"), hold: hold(rng, 500..2_000), undo })
}
