//! The real binary as processes: clusters of `xebec up` on addresses of their own, asked with the
//! real `etcdctl` and with xebec's own commands.

mod config;
mod etcdctl;
mod harness;
mod members;
mod server;
mod snapshot;
mod up;
