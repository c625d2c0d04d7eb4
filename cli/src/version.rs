//! `xebec version`.

use crate::surroundings::say;

/// The version of etcd's API that the servers speak.
const ETCD_API: &str = "3.6";

pub fn run() {
    say(format_args!("xebec {}\netcd API {ETCD_API}", env!("CARGO_PKG_VERSION")));
}
