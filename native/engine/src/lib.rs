//! The engine of mongoose-http-pusher: it takes notifications, keeps the order in each lane, POSTs them
//! over its own connections and reports what became of every one.
//!
//! It knows nothing of Erlang: the NIF and the command-line program are its callers.
//!
//! | where | what |
//! | --- | --- |
//! | [`engine`] | pools, host types and handlers by number; start and stop |
//! | [`queue`] | lanes, turns, phases, counts: plain data |
//! | [`pool`] | a pool's queue under its lock, draining, expiry |
//! | [`worker`], [`delivery`] | what a worker does; one notification from start to outcome |
//! | [`request`], [`header`] | the request on the wire; which headers a callback module may set |
//! | [`transport`] | names, sockets, TLS, HTTP |
//! | [`report`] | outcomes and rejections on their way to the reporter; totals |
//! | [`figures`] | what there is to watch, by pool name |
//! | [`settings`], [`url`], [`tls`] | what a pool is told, checked |
#![forbid(unsafe_code)]

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must stay inside one delivery: build with panic = \"unwind\"");

pub mod delivery;
pub mod engine;
pub mod figures;
pub mod pool;
pub mod report;
pub mod request;
pub mod runtime;
pub mod settings;
pub mod worker;
