//! openraft's own messages, and their protobuf forms.

use super::{Header, malformed};
use crate::member::Member;
use crate::transport::TransportError;
use crate::types::{EncodedBatch, Entry, LogId, Membership, TypeConfig, Vote};
use bytes::Bytes;
use openraft::EntryPayload;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct LogIdMessage {
    #[prost(uint64, tag = "1")]
    pub term: u64,
    #[prost(uint64, tag = "2")]
    pub index: u64,
}

impl From<&LogId> for LogIdMessage {
    fn from(id: &LogId) -> Self {
        Self { term: *id.leader_id, index: id.index }
    }
}

impl From<LogIdMessage> for LogId {
    fn from(id: LogIdMessage) -> Self {
        Self::new_term_index(id.term, id.index)
    }
}

fn to_log_id(id: Option<&LogId>) -> Option<LogIdMessage> {
    id.map(LogIdMessage::from)
}

fn from_log_id(id: Option<LogIdMessage>) -> Option<LogId> {
    id.map(LogId::from)
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct VoteMessage {
    #[prost(uint64, tag = "1")]
    pub term: u64,
    #[prost(fixed64, tag = "2")]
    pub node: u64,
    #[prost(bool, tag = "3")]
    pub committed: bool,
}

impl From<&Vote> for VoteMessage {
    fn from(vote: &Vote) -> Self {
        Self {
            term: vote.leader_id.term,
            node: vote.leader_id.voted_for,
            committed: vote.committed,
        }
    }
}

impl From<VoteMessage> for Vote {
    fn from(vote: VoteMessage) -> Self {
        if vote.committed {
            Self::new_committed(vote.term, vote.node)
        } else {
            Self::new(vote.term, vote.node)
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VoterSet {
    #[prost(fixed64, repeated, tag = "1")]
    pub ids: Vec<u64>,
}

/// Also what the store keeps as its membership blob, see [`StoredMembershipMessage`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct MembershipMessage {
    /// One set of voters, or two in a joint configuration.
    #[prost(message, repeated, tag = "1")]
    pub configs: Vec<VoterSet>,
    #[prost(message, repeated, tag = "2")]
    pub members: Vec<Member>,
}

impl From<&Membership> for MembershipMessage {
    fn from(membership: &Membership) -> Self {
        Self {
            configs: membership
                .get_joint_config()
                .iter()
                .map(|set| VoterSet { ids: set.iter().copied().collect() })
                .collect(),
            members: membership.nodes().map(|(_, member)| member.clone()).collect(),
        }
    }
}

impl TryFrom<MembershipMessage> for Membership {
    type Error = TransportError;

    fn try_from(message: MembershipMessage) -> Result<Self, TransportError> {
        let configs: Vec<BTreeSet<u64>> =
            message.configs.into_iter().map(|set| set.ids.into_iter().collect()).collect();
        let members: std::collections::BTreeMap<u64, Member> =
            message.members.into_iter().map(|member| (member.id, member)).collect();
        Self::new(configs, members).map_err(malformed)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryMessage {
    #[prost(message, required, tag = "1")]
    pub log_id: LogIdMessage,
    #[prost(oneof = "EntryKind", tags = "2, 3")]
    pub kind: Option<EntryKind>,
}

/// An entry of no kind is blank.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EntryKind {
    #[prost(bytes = "bytes", tag = "2")]
    Commands(Bytes),
    #[prost(message, tag = "3")]
    Membership(MembershipMessage),
}

impl From<Entry> for EntryMessage {
    fn from(entry: Entry) -> Self {
        let kind = match entry.payload {
            EntryPayload::Blank => None,
            EntryPayload::Normal(batch) => Some(EntryKind::Commands(batch.0)),
            EntryPayload::Membership(membership) => {
                Some(EntryKind::Membership(MembershipMessage::from(&membership)))
            }
        };
        Self { log_id: LogIdMessage::from(&entry.log_id), kind }
    }
}

impl EntryMessage {
    pub fn into_entry(self) -> Result<Entry, TransportError> {
        let payload = match self.kind {
            None => EntryPayload::Blank,
            Some(EntryKind::Commands(bytes)) => EntryPayload::Normal(EncodedBatch(bytes)),
            Some(EntryKind::Membership(membership)) => {
                EntryPayload::Membership(membership.try_into()?)
            }
        };
        Ok(openraft::Entry { log_id: self.log_id.into(), payload })
    }
}

/// One AppendEntries, on an append stream or (without entries) on a heartbeat stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendMessage {
    /// Counts the messages of the stream; the answer repeats it.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(message, required, tag = "2")]
    pub vote: VoteMessage,
    #[prost(message, optional, tag = "3")]
    pub previous: Option<LogIdMessage>,
    #[prost(message, repeated, tag = "4")]
    pub entries: Vec<EntryMessage>,
    #[prost(message, optional, tag = "5")]
    pub committed: Option<LogIdMessage>,
}

impl AppendMessage {
    pub fn new(sequence: u64, request: AppendEntriesRequest<TypeConfig>) -> Self {
        Self {
            sequence,
            vote: VoteMessage::from(&request.vote),
            previous: to_log_id(request.prev_log_id.as_ref()),
            entries: request.entries.into_iter().map(EntryMessage::from).collect(),
            committed: to_log_id(request.leader_commit.as_ref()),
        }
    }

    pub fn into_request(self) -> Result<AppendEntriesRequest<TypeConfig>, TransportError> {
        let entries: Vec<Entry> =
            self.entries.into_iter().map(EntryMessage::into_entry).collect::<Result<_, _>>()?;
        Ok(AppendEntriesRequest {
            vote: self.vote.into(),
            prev_log_id: from_log_id(self.previous),
            entries,
            leader_commit: from_log_id(self.committed),
        })
    }
}

/// The answer to one [`AppendMessage`], in the order of the requests.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendAnswer {
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// On success: the last entry that is known to match.
    #[prost(message, optional, tag = "2")]
    pub matching: Option<LogIdMessage>,
    #[prost(message, optional, tag = "3")]
    pub conflict: Option<LogIdMessage>,
    #[prost(message, optional, tag = "4")]
    pub higher_vote: Option<VoteMessage>,
}

impl AppendAnswer {
    pub fn new(sequence: u64, result: &StreamAppendResult<TypeConfig>) -> Self {
        let mut answer = Self { sequence, ..Self::default() };
        match result {
            Ok(matching) => answer.matching = to_log_id(matching.as_ref()),
            Err(StreamAppendError::Conflict(at)) => answer.conflict = Some(at.into()),
            Err(StreamAppendError::HigherVote(vote)) => answer.higher_vote = Some(vote.into()),
        }
        answer
    }

    pub fn into_result(self) -> StreamAppendResult<TypeConfig> {
        if let Some(vote) = self.higher_vote {
            return Err(StreamAppendError::HigherVote(vote.into()));
        }
        if let Some(at) = self.conflict {
            return Err(StreamAppendError::Conflict(at.into()));
        }
        Ok(from_log_id(self.matching))
    }
}

/// A vote or a pre-vote.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VoteCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    #[prost(message, required, tag = "2")]
    pub vote: VoteMessage,
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogIdMessage>,
    #[prost(bool, tag = "4")]
    pub leadership_transfer: bool,
}

impl VoteCall {
    pub fn new(header: Header, request: &VoteRequest<TypeConfig>) -> Self {
        Self {
            header,
            vote: VoteMessage::from(&request.vote),
            last: to_log_id(request.last_log_id.as_ref()),
            leadership_transfer: request.leadership_transfer,
        }
    }

    pub fn into_request(self) -> VoteRequest<TypeConfig> {
        let mut request = VoteRequest::new(self.vote.into(), from_log_id(self.last));
        request.leadership_transfer = self.leadership_transfer;
        request
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VoteAnswer {
    #[prost(message, required, tag = "1")]
    pub vote: VoteMessage,
    #[prost(bool, tag = "2")]
    pub granted: bool,
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogIdMessage>,
}

impl From<VoteResponse<TypeConfig>> for VoteAnswer {
    fn from(response: VoteResponse<TypeConfig>) -> Self {
        Self {
            vote: VoteMessage::from(&response.vote),
            granted: response.vote_granted,
            last: to_log_id(response.last_log_id.as_ref()),
        }
    }
}

impl From<VoteAnswer> for VoteResponse<TypeConfig> {
    fn from(answer: VoteAnswer) -> Self {
        Self::new(Vote::from(answer.vote), from_log_id(answer.last), answer.granted)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TransferCall {
    #[prost(message, required, tag = "1")]
    pub header: Header,
    #[prost(message, required, tag = "2")]
    pub from_leader: VoteMessage,
    #[prost(fixed64, tag = "3")]
    pub to: u64,
    #[prost(message, optional, tag = "4")]
    pub last: Option<LogIdMessage>,
}

impl TransferCall {
    pub fn new(header: Header, request: &TransferLeaderRequest<TypeConfig>) -> Self {
        Self {
            header,
            from_leader: VoteMessage::from(request.from_leader()),
            to: *request.to_node_id(),
            last: to_log_id(request.last_log_id()),
        }
    }

    pub fn into_request(self) -> TransferLeaderRequest<TypeConfig> {
        TransferLeaderRequest::new(self.from_leader.into(), self.to, from_log_id(self.last))
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TransferAnswer {
    #[prost(bool, tag = "1")]
    pub accepted: bool,
    /// If refused because the vote has changed: the vote of the target.
    #[prost(message, optional, tag = "2")]
    pub vote: Option<VoteMessage>,
    /// If refused because the log of the target is behind: its last entry.
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogIdMessage>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};
    use openraft::entry::RaftEntry;

    fn member(id: u64) -> Member {
        Member {
            id,
            name: format!("m{id}"),
            peer_urls: vec!["http://x".into()],
            ..Member::default()
        }
    }

    #[test]
    fn entries_survive_the_wire() {
        let joint = Membership::new(
            vec![BTreeSet::from([1]), BTreeSet::from([1, 2])],
            std::collections::BTreeMap::from([(1, member(1)), (2, member(2)), (3, member(3))]),
        )
        .expect("a valid membership");
        let entries = vec![
            Entry::new(LogId::new_term_index(1, 4), EntryPayload::Blank),
            Entry::new(
                LogId::new_term_index(2, 5),
                EntryPayload::Normal(EncodedBatch(Bytes::from_static(b"abc"))),
            ),
            Entry::new(LogId::new_term_index(2, 6), EntryPayload::Membership(joint)),
        ];
        let request = AppendEntriesRequest {
            vote: Vote::new_committed(2, 9),
            prev_log_id: Some(LogId::new_term_index(1, 3)),
            entries: entries.clone(),
            leader_commit: None,
        };
        let bytes = encode(&AppendMessage::new(7, request));
        let back = decode::<AppendMessage>(bytes).and_then(AppendMessage::into_request);
        let back = back.expect("what was encoded decodes");
        assert_eq!(back.vote, Vote::new_committed(2, 9));
        assert_eq!(back.prev_log_id, Some(LogId::new_term_index(1, 3)));
        assert_eq!(back.leader_commit, None);
        assert_eq!(format!("{:?}", back.entries), format!("{entries:?}"));
    }

    #[test]
    fn answers_survive_the_wire() {
        for result in [
            Ok(None),
            Ok(Some(LogId::new_term_index(3, 4))),
            Err(StreamAppendError::Conflict(LogId::new_term_index(3, 4))),
            Err(StreamAppendError::HigherVote(Vote::new(5, 6))),
        ] {
            let bytes = encode(&AppendAnswer::new(1, &result));
            let back = decode::<AppendAnswer>(bytes).expect("decodes");
            assert_eq!(back.into_result(), result);
        }
    }
}
