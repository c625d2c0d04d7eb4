//! [`Stage`]: the stages of a request, in their order. Each is one span of a trace.

/// What is being done for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Who asks; then on whose behalf.
    Authenticate,
    /// Whether they may.
    Authorize,
    /// Bytes to an object of the kind, completed with its defaults.
    Decode,
    /// Plug-ins that change the object, then those that judge it, around validation.
    Admit,
    /// What upstream's rules say about the object.
    Validate,
    /// Agreed on by a quorum and applied here.
    Propose,
    /// Reading from the keyspace.
    Read,
    /// The answer in the form that was asked for.
    Respond,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Authorize => "authorize",
            Self::Decode => "decode",
            Self::Admit => "admit",
            Self::Validate => "validate",
            Self::Propose => "propose",
            Self::Read => "read",
            Self::Respond => "respond",
        }
    }
}
