//! TLS for one pool: from `connection.tls` to what a new connection needs.
//!
//! [`TlsClient::open`] reads the files and says everything that is wrong or does less than it seems
//! to. After that [`TlsClient::connector`] is cheap, and a [`Look`] takes up rotated files. The
//! handshake itself is not made here.

mod ciphers;
mod client;
mod file;
mod identity;
mod key;
mod peer;
mod roots;
mod verify;
mod versions;
mod watch;

use std::time::Duration;

pub use client::{Files, Look, Refreshed, TlsClient};
pub use peer::{LastPeer, PeerCertificate};
pub use watch::CHECK_EVERY;

/// How long to wait before files are tried again that could not be read `failures` times in a row, for
/// reasons that may pass.
#[must_use]
pub fn pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(250).saturating_mul(1 << (failures.clamp(1, 16) - 1));
    doubled.min(Duration::from_secs(30))
}
