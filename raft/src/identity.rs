//! Who a replica is: ids derived as etcd derives them, or learnt from the cluster when joining.
#![allow(clippy::unimplemented, unused_variables)] // signatures first; bodies follow

use crate::errors::JoinError;
use crate::member::Member;
use crate::options::Identity;
use crate::transport::Transport;

/// The members of a new cluster and its id, from `(name, peer URLs)` of each and the token:
/// every replica that starts with the same list gets the same result.
pub fn initial_cluster(members: &[(String, Vec<String>)], token: &str) -> (u64, Vec<Member>) {
    unimplemented!()
}

/// Asks `peers` for the members of their cluster and finds the one with `own_peer_urls`.
pub async fn join(
    transport: &dyn Transport,
    peers: &[Vec<String>],
    own_peer_urls: &[String],
) -> Result<Identity, JoinError> {
    unimplemented!()
}
