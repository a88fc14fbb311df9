//! The engine as a NIF: decode, call, encode.
//!
//! No policy and no state of its own, but the engine and the process that reports. Calls return in
//! microseconds, except those marked dirty. Calls from Erlang come from `http_pusher_nif`.

mod atoms;
mod engine_nifs;
mod held;
mod options;
mod pool_nifs;
mod push_nifs;
mod report_nifs;
mod watch_nifs;

use std::sync::LazyLock;

use engine::engine::Engine;

/// Lives as long as the process, across unloading and loading of the module.
static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

rustler::init!("http_pusher_nif");
