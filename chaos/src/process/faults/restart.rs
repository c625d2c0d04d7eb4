//! Replicas stopped as planned, which hands leadership over, and started again.

use super::{Injected, names};
use crate::process::ProcessError;
use crate::process::cluster::Cluster;
use crate::process::network::Node;
use std::time::Duration;

pub async fn some(cluster: &mut Cluster, nodes: &[Node]) -> Result<Injected, ProcessError> {
    for node in nodes {
        if !cluster.server(*node).stop().await {
            cluster.findings.push(format!("r{node} did not stop when asked to"));
        }
        cluster.run(*node)?;
    }
    let what = format!("restart of {}", names(nodes));
    Ok(Injected { what, hold: Duration::from_millis(100), undo: Vec::new() })
}
