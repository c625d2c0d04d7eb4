//! Simulation, fault injection and history checking.
