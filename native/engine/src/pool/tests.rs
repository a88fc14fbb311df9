//! Tests of a pool with its workers and its endpoint, on a paused clock.
//!
//! By what they show: [`attempts`] after each answer, [`outage`] of an endpoint, [`failing_lanes`] beside others,
//! [`rate`] limits, [`batches`], [`timeouts`] to the millisecond, [`late_files`] of certificates,
//! [`engine_stops`] in between, and [`yielding`] to other tasks. What they share is in `pools`, `scripted_endpoint` and `world`.

mod attempts;
mod batches;
mod engine_stops;
mod failing_lanes;
mod late_files;
mod outage;
pub(super) mod pools;
mod rate;
mod scripted_endpoint;
mod timeouts;
mod world;
mod yielding;
