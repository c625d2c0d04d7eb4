//! A replica as the cluster knows it: what openraft stores with each node of the membership.

/// One member of the cluster. It is part of the membership entries in the log.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Member {
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    /// Empty until the member has started and published its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Where the other replicas reach it, as URLs.
    #[prost(string, repeated, tag = "3")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it, as URLs; empty until published.
    #[prost(string, repeated, tag = "4")]
    pub client_urls: Vec<String>,
    /// Filled from the membership when listed; a learner has no vote.
    #[prost(bool, tag = "5")]
    pub is_learner: bool,
}
