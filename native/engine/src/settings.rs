//! The options and settings of a pool: where to POST, over which protocol, how many requests at once
//! and for how long.
//!
//! [`PoolOptions`] is the form that both callers use (the NIF from the live host, the command-line
//! program from a TOML file): the names of `outgoing_pools.http`, unchecked values. [`PoolSettings`] is
//! the checked form that the rest of the engine uses; only [`PoolOptions::check`] makes it. Certificate
//! files are read when the pool opens (see `tls`).

mod check;

use std::num::NonZeroUsize;
use std::time::Duration;

use queue::WhenBusy;
use transport::{BaseUrl, TlsOptions};

/// The strategies of the host's pools, as named in the configuration file.
pub const STRATEGIES: [&str; 5] = [
    "best_worker",
    "random_worker",
    "next_worker",
    "available_worker",
    "next_available_worker",
];

/// Options of one `outgoing_pools.http` pool, with the host's names and units, still unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// `connection.host`: `http[s]://name[:port]`.
    pub host: String,
    /// `connection.path_prefix`.
    pub path_prefix: String,
    /// `connection.request_timeout` in milliseconds: bounds one attempt. For 0 see
    /// [`PoolSettings::request_timeout`].
    pub request_timeout: u64,
    /// `call_timeout` in milliseconds: from the head of the lane to the outcome.
    pub call_timeout: u64,
    /// `workers`: at most this many requests are in flight.
    pub workers: u64,
    /// `strategy`. Only `next_available_worker` behaves differently here: its notifications never wait.
    pub strategy: String,
    /// `max_worker_queue_len`, per worker.
    pub max_worker_queue_len: Option<u64>,
    /// An option of our own: HTTP/2 (only over TLS).
    pub http2: bool,
    /// `connection.tls`: required for `https`, ignored for `http`.
    pub tls: Option<TlsOptions>,
}

/// The checked options of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Scheme, host and port.
    pub base: BaseUrl,
    /// The prefix of every handler's path, see [`transport::url`].
    pub path_prefix: String,
    /// The most requests in flight.
    pub workers: NonZeroUsize,
    /// Whether a notification may wait for a worker.
    pub when_busy: WhenBusy,
    /// The most waiting notifications, in addition to the engine's own bounds.
    pub max_waiting: Option<usize>,
    /// Bounds one attempt, including connecting. Zero means what it means in the stock module's client:
    /// only `call_timeout` bounds connecting, the request is written, and its answer counts only if it
    /// is there at once; otherwise the outcome is `request_timeout`.
    pub request_timeout: Duration,
    /// Bounds the time from the head of the lane to the outcome.
    pub call_timeout: Duration,
    /// Whether to use HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
    /// Set if and only if the base is https.
    pub tls: Option<TlsOptions>,
}
