//! The engine of mongoose-http-pusher: it accepts notifications, keeps the order in each lane, POSTs
//! them over its own connections and reports one outcome for each.
//!
//! It knows no Erlang: the NIF and the command-line program are its callers.
//!
//! A notification goes down this table. Its outcome goes back up to the reporter, which the engine
//! wakes and which then takes the outcome. A module imports only modules below it, and the crates below
//! this one.
//!
//! | where | what |
//! | --- | --- |
//! | [`engine`] | pools, host types and handlers by number; hand-over; start and stop |
//! | [`metrics`] | metrics by pool name |
//! | [`handler_plan`] | what a handler's options ask for beyond the stock module's |
//! | `worker`, `delivery` | what a worker does; one notification from its start to its outcome |
//! | `compressors` | what makes bodies smaller |
//! | [`pool`] | a pool's queue under its lock, opening, draining, expiry |
//! | [`report`] | outcomes and rejections on their way to the reporter; counters |
//! | [`spools`] | what handlers with `delivery = "at_least_once"` have on disk, and how it comes into memory |
//! | [`settings`] | the options of a pool, and the settings they are checked into |
//! | `runtime` | the engine's threads, and the bell of the reporter |
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must stay inside one delivery: build with panic = \"unwind\"");

mod compressors;
mod delivery;
pub mod engine;
pub mod handler_plan;
pub mod metrics;
pub mod pool;
pub mod report;
mod request;
mod runtime;
pub mod settings;
pub mod spools;
mod worker;

pub use delivery::MAX_BODY;
