//! What a pool is told: where to POST, over what, how many at once and for how long.
//!
//! [`PoolOptions`] is the form in which both callers have it (the NIF from the live host, the
//! command-line program from a TOML file): names as in `outgoing_pools.http`, values unchecked.
//! [`PoolSettings`] is the checked form that the rest of the engine works with; there is no other
//! way to make one than [`PoolOptions::check`]. Reading certificate files is not done here but when
//! the pool is opened (see `tls`).

mod check;

use std::num::NonZeroUsize;
use std::time::Duration;

use queue::WhenBusy;
use transport::{BaseUrl, TlsOptions};

/// The strategies of the host's pools; what they are called in the configuration file.
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
    /// `connection.request_timeout`, milliseconds; bounds one attempt. For 0 see
    /// [`PoolSettings::request_timeout`].
    pub request_timeout: u64,
    /// `call_timeout`, milliseconds; from the head of the lane to the outcome.
    pub call_timeout: u64,
    /// `workers`: requests in flight at the most.
    pub workers: u64,
    /// `strategy`; only `next_available_worker` differs here: it never waits.
    pub strategy: String,
    /// `max_worker_queue_len`, per worker.
    pub max_worker_queue_len: Option<u64>,
    /// Own setting: HTTP/2 (only over TLS).
    pub http2: bool,
    /// `connection.tls`; needed for `https`, without effect for `http`.
    pub tls: Option<TlsOptions>,
}

/// Checked options of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Scheme, host and port.
    pub base: BaseUrl,
    /// Put before every handler's path, see [`transport::url`].
    pub path_prefix: String,
    /// Requests in flight at the most.
    pub workers: NonZeroUsize,
    /// Whether a notification may wait for a worker.
    pub when_busy: WhenBusy,
    /// Waiting notifications at the most, besides the engine's own bounds.
    pub max_waiting: Option<usize>,
    /// One attempt, connecting included. Zero has the meaning it has in the stock module's client:
    /// connecting is bounded by `call_timeout` alone, the request is written, and its answer counts
    /// only if it is there at once; otherwise the outcome is `request_timeout`.
    pub request_timeout: Duration,
    /// From the head of the lane to the outcome.
    pub call_timeout: Duration,
    /// HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
    /// Set if and only if the base is https.
    pub tls: Option<TlsOptions>,
}
