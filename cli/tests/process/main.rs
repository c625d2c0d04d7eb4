//! The real binary as processes: clusters of `xebec up` on addresses of their own, asked with the
//! real `etcdctl`, the real `kubectl`, the client for Python and with xebec's own commands.

#![expect(clippy::disallowed_methods, reason = "processes are waited for in real time")]

mod bench;
mod clients;
mod config;
mod conformance;
mod custom;
mod etcdctl;
mod golden;
mod harness;
mod kubectl;
mod kubernetes;
mod members;
mod quota;
mod server;
mod snapshot;
mod up;
