//! The Raft log from outside: openraft's suite, crashes, faults, the bytes on disk.

#![expect(
    clippy::disallowed_methods,
    reason = "a variable says that golden files are to be written"
)]

mod crash;
mod faults;
mod golden;
mod machine;
mod suite;
mod support;
mod threads;
