//! The Raft log from outside: openraft's suite, crashes, faults, the bytes on disk.

mod crash;
mod faults;
mod golden;
mod machine;
mod suite;
mod support;
mod threads;
