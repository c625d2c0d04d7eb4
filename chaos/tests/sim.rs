//! The simulation: seeds hold, runs repeat, and planted bugs are found.

mod sim {
    mod determinism;
    mod planted;
    mod scenarios;
    mod seeds;
}
