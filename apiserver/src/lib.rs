//! The servers of a replica.
