//! etcd's v3 API.
pub mod proto;
pub mod wire;
