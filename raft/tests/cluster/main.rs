//! Whole replicas in one process: elections, failures, members, leases, operations.

mod basics;
mod failures;
mod hostile;
mod leases;
mod members;
mod operations;
mod snapshots;
mod world;
