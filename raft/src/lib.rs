//! Consensus: openraft wired to the keyspace.
