//! Bytes from outside never make a replica panic or stop: rotten records of the log are refused as
//! corrupt, and messages that no replica would send are refused or without effect. Seeded and
//! bounded; the seed of a failure is in its message.

use crate::world::{Cluster, get, must_put, run};
use bytes::Bytes;
use std::panic::catch_unwind;
use std::time::Duration;
use tokio::sync::mpsc;
use xebec_raft::log::format::{decode_entry, decode_log_id, decode_vote, encode_vote};
use xebec_raft::transport::{Duplex, Method, PeerService};
use xebec_raft::types::Vote;

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn noise(&mut self, length_max: u64) -> Vec<u8> {
        (0..self.below(length_max)).map(|_| self.next() as u8).collect()
    }
}

/// Fields with tags, types and lengths as protobuf has them, and nothing sensible in them. The
/// header, if it decodes, is of another cluster: who holds a certificate of this one and lies is
/// no stranger.
fn message(rng: &mut Rng) -> Bytes {
    let mut header = vec![1 << 3 | 1];
    header.extend((rng.next() | 1).to_le_bytes());
    let mut out = vec![1 << 3 | 2, header.len() as u8];
    out.extend(header);
    for _ in 0..rng.below(6) {
        let tag = rng.below(15) as u8 + 1;
        match rng.below(3) {
            0 => out.extend([tag << 3, rng.below(128) as u8]),
            1 => {
                out.push(tag << 3 | 1);
                out.extend(rng.next().to_le_bytes());
            }
            _ => {
                let inner = rng.noise(24);
                out.extend([tag << 3 | 2, inner.len() as u8]);
                out.extend(inner);
            }
        }
    }
    Bytes::from(out)
}

#[test]
fn no_record_makes_the_log_panic() {
    let vote = encode_vote(&Vote::new(3, 7));
    for seed in 0..20_000 {
        let mut rng = Rng(seed);
        let mut spoilt = vote.to_vec();
        let at = rng.below(spoilt.len() as u64) as usize;
        spoilt[at] ^= 1 << rng.below(8);
        for bytes in [Bytes::from(rng.noise(80)), Bytes::from(spoilt)] {
            let results = catch_unwind(|| {
                let entry = decode_entry(5, bytes.clone()).is_err();
                (
                    entry,
                    decode_vote(bytes.clone()).is_err(),
                    decode_log_id("purged", bytes).is_err(),
                )
            });
            assert_eq!(results.ok(), Some((true, true, true)), "seed {seed}");
        }
    }
}

const METHODS: [Method; 13] = [
    Method::Vote,
    Method::PreVote,
    Method::Heartbeat,
    Method::TransferLeader,
    Method::ReadIndex,
    Method::LeaseRenew,
    Method::LeaseTimeToLive,
    Method::MemberList,
    Method::MemberChange,
    Method::Hash,
    Method::Append,
    Method::Propose,
    Method::Snapshot,
];

/// Sends a message as a call, and several as a stream; the task fails if the handler panics.
async fn attack(service: PeerService, method: Method, seed: u64) {
    let mut rng = Rng(seed);
    let mut bytes =
        || if seed.is_multiple_of(2) { message(&mut rng) } else { Bytes::from(rng.noise(60)) };
    // What is answered does not matter, only that it is.
    let _ = service.call(method, bytes()).await;
    let (to_service, rx) = mpsc::channel(8);
    let (tx, mut answers) = mpsc::channel(8);
    for _ in 0..4 {
        to_service.try_send(Ok(bytes())).expect("there is room");
    }
    drop(to_service);
    let drain = async { while answers.recv().await.is_some() {} };
    tokio::join!(service.stream(method, Duplex { tx, rx }), drain);
}

#[test]
fn no_message_of_a_stranger_makes_a_replica_panic_or_stop() {
    const SEEDS: u64 = 200;
    run(7, async {
        let cluster = Cluster::ready(3).await;
        must_put(cluster.replica(0), "before", "1").await;
        let term = cluster.replica(0).status().term;
        for seed in 0..SEEDS {
            for (index, method) in METHODS.into_iter().enumerate() {
                let place = (seed as usize + index) % 3;
                let service = cluster.replica(place).peer_service();
                let attacked = tokio::spawn(attack(service, method, seed));
                let ended = tokio::time::timeout(Duration::from_secs(60), attacked).await;
                let ended = ended.unwrap_or_else(|_| panic!("{method:?}, seed {seed}: it hangs"));
                ended.unwrap_or_else(|error| panic!("{method:?}, seed {seed}: {error}"));
            }
        }
        for place in 0..3 {
            assert_eq!(cluster.nodes[place].failure(), None);
            must_put(cluster.replica(place), "after", &place.to_string()).await;
        }
        assert_eq!(get(cluster.replica(2), "before").as_deref(), Some("1"));
        assert_eq!(cluster.replica(0).status().term, term, "strangers moved the term");
    });
}
