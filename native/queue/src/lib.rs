//! What waits in a pool, and whose turn it is.
//!
//! An item is pushed for a lane, waits there behind those before it, is taken by a worker when it is at
//! the head of its lane and the lane's turn has come, and gives its lane free when it is finished. All
//! of that is one value, [`Core`], whose owner keeps it under a lock; each step returns what is to be
//! done after the lock is let go ([`Step`]). Beside it, [`PoolBounds`] says what may be pending at
//! all.
//!
//! What an item or a worker is, is not known here. There is no I/O, no lock and no clock, so the queue
//! can be tested against a model (`tests/queue_model.rs`) and searched by a model checker.
#![forbid(unsafe_code)]

mod bounds;
mod core;
mod lanes;
mod phase;
mod step;

pub use bounds::{Bound, Budget, PoolBounds};
pub use core::Core;
pub use lanes::{Expiry, LaneLimits, Lanes, Leftovers, Taken, Ticket};
pub use phase::{Phase, Rules, WhenBusy};
pub use step::{Step, Tally, Turn};
