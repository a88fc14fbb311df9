//! The engine as a NIF: decode, call, encode.
//!
//! It has no policy, and no state but the engine and the reporter's process identifier. Calls return in
//! microseconds, except those marked dirty. The Erlang side is `http_pusher_nif`.
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod atoms;
mod engine_nifs;
mod event_nifs;
mod handler_options;
mod held;
mod ids;
mod options;
mod pair;
mod policy;
mod pool_nifs;
mod push_nifs;
mod report_nifs;
mod spool_nifs;
mod watch_nifs;

use std::sync::LazyLock;

use engine::engine::Engine;

/// Lives as long as the process, even if the module is unloaded and loaded again.
static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

rustler::init!("http_pusher_nif");
