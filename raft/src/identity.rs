//! Who a replica is: ids derived as etcd derives them, or learnt from the cluster when joining.
//!
//! Invariant: an id names one member for ever. Added members get random ids; nothing reuses one.

use crate::errors::JoinError;
use crate::limits::CALL_TIMEOUT;
use crate::member::Member;
use crate::options::Identity;
use crate::runtime::random_u64;
use crate::transport::{Lane, Method, Target, Transport, TransportError};
use crate::wire::{Header, MemberListAnswer, PlainCall, decode, encode};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// The members of a new cluster and its id, from `(name, peer URLs)` of each and the token:
/// every replica that starts with the same list gets the same result, and the one etcd gets.
pub fn initial_cluster(members: &[(String, Vec<String>)], token: &str) -> (u64, Vec<Member>) {
    let mut found: Vec<Member> = members
        .iter()
        .map(|(name, peer_urls)| Member {
            id: member_id(peer_urls, token),
            name: name.clone(),
            peer_urls: peer_urls.clone(),
            ..Member::default()
        })
        .collect();
    found.sort_by_key(|member| member.id);
    let ids: Vec<u8> = found.iter().flat_map(|member| member.id.to_be_bytes()).collect();
    (first_u64(&ids), found)
}

/// A fresh id for a member that is added to a running cluster.
pub fn fresh_id() -> u64 {
    // 0 means "nobody".
    random_u64().max(1)
}

fn member_id(peer_urls: &[String], token: &str) -> u64 {
    let mut urls = peer_urls.to_vec();
    urls.sort();
    first_u64((urls.concat() + token).as_bytes())
}

fn first_u64(bytes: &[u8]) -> u64 {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let first: [u8; 8] = hash.as_ref()[..8].try_into().expect("SHA-1 has 20 bytes");
    u64::from_be_bytes(first)
}

/// Asks `peers` (the peer URLs of each) for the members of their cluster and finds the one with
/// `own_peer_urls`, which somebody has added.
pub async fn join(
    transport: &dyn Transport,
    peers: &[Vec<String>],
    own_peer_urls: &[String],
) -> Result<Identity, JoinError> {
    let mut newest: Option<MemberListAnswer> = None;
    let mut failures = Vec::new();
    for peer_urls in peers {
        match member_list(transport, peer_urls).await {
            Ok(answer) => {
                let index = newest.as_ref().map_or(0, |newest| newest.membership_index);
                if newest.is_none() || answer.membership_index > index {
                    newest = Some(answer);
                }
            }
            Err(error) => failures.push(format!("{}: {error}", peer_urls.join(","))),
        }
    }
    let Some(newest) = newest else {
        return Err(JoinError::Unreachable { message: failures.join("; ") });
    };
    let own = newest
        .members
        .iter()
        .find(|member| member.peer_urls.iter().any(|url| own_peer_urls.contains(url)));
    match own {
        Some(own) => Ok(Identity { cluster_id: newest.cluster_id, member_id: own.id }),
        None => Err(JoinError::Unknown { peer_urls: own_peer_urls.join(",") }),
    }
}

async fn member_list(
    transport: &dyn Transport,
    peer_urls: &[String],
) -> Result<MemberListAnswer, TransportError> {
    let target = Target { member_id: 0, peer_urls: peer_urls.to_vec() };
    let header = Header { cluster_id: 0, from: 0, to: 0 };
    let request = encode(&PlainCall { header });
    let answer =
        transport.call(&target, Lane::Control, Method::MemberList, request, CALL_TIMEOUT).await;
    answer.and_then(decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids that etcd 3.6 prints for a cluster of one with its defaults.
    #[test]
    fn ids_are_etcds() {
        let members = [("default".to_string(), vec!["http://localhost:2380".to_string()])];
        let (cluster_id, members) = initial_cluster(&members, "etcd-cluster");
        assert_eq!(format!("{:x}", members[0].id), "8e9e05c52164694d");
        assert_eq!(format!("{cluster_id:x}"), "cdf818194e3a8c32");
    }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let a = ("a".to_string(), vec!["http://a:1".to_string(), "http://a:2".to_string()]);
        let b = ("b".to_string(), vec!["http://b:1".to_string()]);
        let swapped = ("a".to_string(), vec!["http://a:2".to_string(), "http://a:1".to_string()]);
        let (one, _) = initial_cluster(&[a, b.clone()], "t");
        let (other, _) = initial_cluster(&[b, swapped], "t");
        assert_eq!(one, other);
    }
}
