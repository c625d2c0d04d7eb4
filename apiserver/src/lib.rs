//! The servers of a replica.
pub mod etcd;
