//! The queue of a pool: which items wait, and whose turn it is.
//!
//! An item is pushed to a lane and waits there behind earlier items. A worker takes the item when it is
//! at the head of its lane and the lane's turn has come; when the item is finished, its lane is free
//! for the next one. All of that is one value, [`Core`], whose owner keeps it under a lock. Each step
//! returns what to do once the lock is released ([`Step`]). [`PoolBounds`] limits what may be pending
//! in total.
//!
//! This crate does not know what an item or a worker is. It has no I/O, no lock and no clock, so that
//! the queue can be tested against a model (`tests/queue_model`) and searched by a model checker.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod bounds;
mod core;
mod lanes;
mod patience;
mod phase;
mod step;

pub use bounds::{Bound, Budget, PoolBounds, Reservation, Share};
pub use core::Core;
pub use lanes::{
    Batching, Companion, Expiry, Gate, GateId, GroupId, LaneLimits, Lanes, Leftovers, Place, Taken,
    Ticket,
};
pub use patience::NotKept;
pub use phase::{Bare, Begin, Parts, Phase, Rules, Stage, WhenBusy};
pub use step::{Call, Due, QueueCounts, Staff, Step, Turn};
