//! The `xebec` binary.

#[allow(dead_code)]
mod config;
#[allow(dead_code)]
mod pki;

fn main() {}
