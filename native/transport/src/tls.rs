//! TLS for one pool, from the `connection.tls` options to the configuration of a new connection.
//!
//! [`TlsClient::open`] reads the files and reports everything that is wrong or does less than it seems
//! to. After that, [`TlsClient::connector`] is cheap, and a [`Look`] applies rotated files. The
//! handshake itself is made in `dial`.

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

/// How long to wait before reading files again that could not be read `failures` times in a row, for
/// reasons that may pass.
#[must_use]
pub fn pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(250).saturating_mul(1 << (failures.clamp(1, 16) - 1));
    doubled.min(Duration::from_secs(30))
}
