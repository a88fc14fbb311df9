//! What a pool is told: where to POST, over what, how many at once and for how long.
//!
//! [`PoolOptions`] is the form in which both callers have it (the NIF from the live host, the
//! command-line program from a TOML file): names as in `outgoing_pools.http`, values unchecked.
//! [`PoolSettings`] is the checked form that the rest of the engine works with; there is no other
//! way to make one than [`PoolOptions::check`]. Reading certificate files is not done here but when
//! the pool is opened (see `tls`).

mod check;
mod own;
mod problem;
mod secret;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use own::{LOG_LEVELS, OWN_SETTINGS, OwnKind, OwnSetting, OwnValue, check_own};
pub use problem::{ConfigError, Remedy, Warning};
pub use secret::Secret;

use queue::WhenBusy;

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

/// The `connection.tls` options, made independent of the host's generation by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// What is demanded of the server's certificate.
    pub verify: Verify,
    /// `disconnect_on_failure = false`: a bad certificate is accepted.
    pub accept_any: bool,
    /// `cacertfile`; the system's store where it is not set.
    pub cacertfile: Option<PathBuf>,
    /// `certfile`; may hold the key too.
    pub certfile: Option<PathBuf>,
    /// `keyfile`; the certificate file where it is not set.
    pub keyfile: Option<PathBuf>,
    /// `password` of an encrypted key.
    pub password: Option<Secret>,
    /// `ciphers`, an OpenSSL cipher string.
    pub ciphers: Option<String>,
    /// `versions`: `tlsv1`, `tlsv1.1`, `tlsv1.2`, `tlsv1.3`; all that exist where it is not set.
    pub versions: Option<Vec<String>>,
    /// `server_name_indication.enabled`.
    pub sni: bool,
    /// `server_name_indication.host`: the name that is sent and checked instead of the URL's.
    pub sni_host: Option<String>,
    /// `server_name_indication.protocol`: whether a wildcard certificate may match `sni_host`
    /// (`https`) or names are compared as they are (`default`). As in the host, it acts only where
    /// `sni_host` is set; a name taken from the URL follows the rules of https.
    pub sni_protocol: Option<String>,
    /// Set options that mean nothing to this client, by name, to be named in a warning (`dhfile`,
    /// `crl_files`).
    pub ignored: Vec<String>,
}

/// The server is verified against the system's store; nothing else is set.
impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            verify: Verify::Peer,
            accept_any: false,
            cacertfile: None,
            certfile: None,
            keyfile: None,
            password: None,
            ciphers: None,
            versions: None,
            sni: true,
            sni_host: None,
            sni_protocol: None,
            ignored: Vec::new(),
        }
    }
}

/// What is demanded of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: any certificate, any name.
    None,
    /// A chain to a trusted root and the right name.
    Peer,
    /// As `Peer`, and a self-signed certificate passes too.
    SelfsignedPeer,
}

/// Where a pool POSTs to, without the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Over TLS.
    pub https: bool,
    /// Lower case; an IPv6 literal without its brackets.
    pub host: String,
    /// As given, or the scheme's default.
    pub port: u16,
}

impl BaseUrl {
    /// Host and port as they stand in a URL and in `Host`: an IPv6 literal in its brackets, the
    /// scheme's default port left out.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let default = if self.https { 443 } else { 80 };
        if self.port == default {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

/// Checked options of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Scheme, host and port.
    pub base: BaseUrl,
    /// Put before every handler's path, see [`crate::url`].
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
