//! The bytes of the log on disk; see `docs/log-format.md`.
//!
//! Keys are `s` and a name, for the few records of state, or `e` and the index of an entry,
//! big-endian. A value is a format version (one byte), a checksum (xxh3-64 over key, version and
//! body, big-endian), and the body, a protobuf message whose fields are only ever added. The key
//! is part of the checksum so that a value in the wrong place is noticed too.

use super::LogError;
use crate::member::Member;
use crate::types::{EncodedBatch, Entry, LogId, Membership, Vote};
use bytes::{BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use prost::Message;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;

/// Of every value that this program writes. One that it cannot read is refused by its number.
pub const VERSION: u8 = 1;

const HEADER_BYTES: usize = 1 + size_of::<u64>();
const ENTRY_PREFIX: u8 = b'e';

/// Above every entry's key, below nothing.
pub(super) const ENTRIES_END: [u8; 1] = [ENTRY_PREFIX + 1];

pub(super) const VOTE: &str = "vote";
pub(super) const PURGED: &str = "purged";
pub(super) const COMMITTED: &str = "committed";

/// The key of the entry at `index`.
pub fn entry_key(index: u64) -> [u8; 9] {
    let mut key = [ENTRY_PREFIX; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The key of a record of state: `vote`, `purged` or `committed`.
pub fn state_key(name: &str) -> Bytes {
    format!("s{name}").into()
}

pub(super) fn index_of(key: &[u8]) -> Option<u64> {
    let (prefix, index) = key.split_first()?;
    (*prefix == ENTRY_PREFIX).then_some(u64::from_be_bytes(index.try_into().ok()?))
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct LogIdRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    index: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct VoteRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(fixed64, tag = "2")]
    node: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

/// The index is in the key.
#[derive(Clone, PartialEq, prost::Message)]
struct EntryRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(oneof = "PayloadRecord", tags = "2, 3")]
    payload: Option<PayloadRecord>,
}

/// None of them: a blank entry.
#[derive(Clone, PartialEq, prost::Oneof)]
enum PayloadRecord {
    #[prost(bytes = "bytes", tag = "2")]
    Commands(Bytes),
    #[prost(message, tag = "3")]
    Membership(MembershipRecord),
}

#[derive(Clone, PartialEq, prost::Message)]
struct MembershipRecord {
    /// One set of voters, or two while they change.
    #[prost(message, repeated, tag = "1")]
    configs: Vec<VotersRecord>,
    /// Voters and learners.
    #[prost(message, repeated, tag = "2")]
    nodes: Vec<NodeRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct VotersRecord {
    #[prost(fixed64, repeated, tag = "1")]
    ids: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NodeRecord {
    #[prost(fixed64, tag = "1")]
    id: u64,
    #[prost(message, required, tag = "2")]
    member: Member,
}

/// The value of an entry at its key.
pub fn encode_entry(entry: &Entry) -> Bytes {
    let payload = match &entry.payload {
        EntryPayload::Blank => None,
        EntryPayload::Normal(batch) => Some(PayloadRecord::Commands(batch.0.clone())),
        EntryPayload::Membership(membership) => {
            Some(PayloadRecord::Membership(membership_record(membership)))
        }
    };
    let record = EntryRecord { term: *entry.log_id.leader_id, payload };
    seal(&entry_key(entry.log_id.index), &record)
}

/// Gives the entry at `index` back from its value.
pub fn decode_entry(index: u64, value: Bytes) -> Result<Entry, LogError> {
    let corrupt = |reason| LogError::CorruptEntry { index, reason };
    let record: EntryRecord = open(&entry_key(index), value, corrupt)?;
    let payload = match record.payload {
        None => EntryPayload::Blank,
        Some(PayloadRecord::Commands(bytes)) => EntryPayload::Normal(EncodedBatch(bytes)),
        Some(PayloadRecord::Membership(record)) => EntryPayload::Membership(
            membership(record).ok_or_else(|| corrupt("not a valid membership"))?,
        ),
    };
    Ok(Entry { log_id: LogId::new_term_index(record.term, index), payload })
}

pub fn encode_vote(vote: &Vote) -> Bytes {
    let record = VoteRecord {
        term: vote.leader_id.term,
        node: vote.leader_id.voted_for,
        committed: vote.committed,
    };
    seal(&state_key(VOTE), &record)
}

pub fn decode_vote(value: Bytes) -> Result<Vote, LogError> {
    let record: VoteRecord = open_state(VOTE, value)?;
    let new = if record.committed { Vote::new_committed } else { Vote::new };
    Ok(new(record.term, record.node))
}

/// The value of the `purged` or `committed` record.
pub fn encode_log_id(name: &'static str, id: &LogId) -> Bytes {
    seal(&state_key(name), &LogIdRecord { term: *id.leader_id, index: id.index })
}

pub fn decode_log_id(name: &'static str, value: Bytes) -> Result<LogId, LogError> {
    let record: LogIdRecord = open_state(name, value)?;
    Ok(LogId::new_term_index(record.term, record.index))
}

fn open_state<M: Message + Default>(name: &'static str, value: Bytes) -> Result<M, LogError> {
    open(&state_key(name), value, |reason| LogError::CorruptRecord { name, reason })
}

fn seal(key: &[u8], body: &impl Message) -> Bytes {
    let mut value = BytesMut::with_capacity(HEADER_BYTES + body.encoded_len());
    value.put_u8(VERSION);
    value.put_u64(0);
    body.encode(&mut value).expect("the buffer grows");
    let checksum = checksum(key, VERSION, &value[HEADER_BYTES..]);
    value[1..HEADER_BYTES].copy_from_slice(&checksum.to_be_bytes());
    value.freeze()
}

fn open<M: Message + Default>(
    key: &[u8],
    mut value: Bytes,
    corrupt: impl Fn(&'static str) -> LogError,
) -> Result<M, LogError> {
    if value.len() < HEADER_BYTES {
        return Err(corrupt("shorter than its header"));
    }
    let body = value.split_off(HEADER_BYTES);
    let (version, stored) = (value[0], &value[1..]);
    if stored != checksum(key, version, &body).to_be_bytes() {
        return Err(corrupt("checksum does not match"));
    }
    if version > VERSION {
        return Err(LogError::NewerFormat { found: version.into(), known: VERSION.into() });
    }
    M::decode(body).map_err(|_| corrupt("not a valid message"))
}

fn checksum(key: &[u8], version: u8, body: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(&[version]);
    hash.update(body);
    hash.digest()
}

fn membership_record(membership: &Membership) -> MembershipRecord {
    let configs = membership.get_joint_config().iter();
    let nodes = membership.nodes();
    MembershipRecord {
        configs: configs.map(|ids| VotersRecord { ids: ids.iter().copied().collect() }).collect(),
        nodes: nodes.map(|(id, member)| NodeRecord { id: *id, member: member.clone() }).collect(),
    }
}

fn membership(record: MembershipRecord) -> Option<Membership> {
    let configs: Vec<BTreeSet<u64>> =
        record.configs.into_iter().map(|voters| voters.ids.into_iter().collect()).collect();
    let nodes: std::collections::BTreeMap<u64, Member> =
        record.nodes.into_iter().map(|node| (node.id, node.member)).collect();
    Membership::new(configs, nodes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let payload = EntryPayload::Normal(EncodedBatch(Bytes::from_static(b"commands")));
        Entry { log_id: LogId::new_term_index(3, 7), payload }
    }

    #[test]
    fn every_damaged_bit_is_noticed() {
        let value = encode_entry(&entry());
        for bit in 0..value.len() * 8 {
            let mut damaged = value.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = decode_entry(7, damaged.into()).expect_err("damaged");
            assert!(error.to_string().contains("entry 7 is corrupt"), "{error}");
        }
        for len in 0..value.len() {
            decode_entry(7, value.slice(..len)).expect_err("cut short");
        }
    }

    #[test]
    fn a_value_of_another_index_is_noticed() {
        decode_entry(8, encode_entry(&entry())).expect_err("misplaced");
    }

    #[test]
    fn a_newer_version_is_named() {
        let key = entry_key(7);
        let mut value = encode_entry(&entry()).to_vec();
        value[0] = VERSION + 1;
        let sum = checksum(&key, VERSION + 1, &value[HEADER_BYTES..]);
        value[1..HEADER_BYTES].copy_from_slice(&sum.to_be_bytes());
        let error = decode_entry(7, value.into()).expect_err("newer");
        assert!(matches!(error, LogError::NewerFormat { found: 2, known: 1 }), "{error}");
    }

    #[test]
    fn keys_order_as_indexes() {
        assert!(entry_key(255) < entry_key(256));
        assert!(state_key(VOTE)[..] > ENTRIES_END[..] && entry_key(u64::MAX)[..] < ENTRIES_END[..]);
        assert_eq!(index_of(&entry_key(300)), Some(300));
        assert_eq!(index_of(&state_key(VOTE)), None);
    }
}
