//! Simulation, fault injection and history checking.
//!
//! A run, simulated or of real processes, records a [`history::History`]: what clients asked and
//! saw. [`check::check`] judges it.

pub mod check;
pub mod history;
pub mod history_file;
pub mod invariants;
pub mod sim;
