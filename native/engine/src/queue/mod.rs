//! The queue of a pool as plain data: lanes, phases, workers, counts. Without I/O, locks or clocks,
//! so that it can be tested against a model and searched by a model checker.

pub mod core;
pub mod lanes;
pub mod phase;
pub mod step;
