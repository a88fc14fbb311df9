//! TLS for one pool, from the `connection.tls` options to the configuration of a new connection.
//!
//! [`TlsClient::open`] reads the files and reports everything that is wrong or does less than it seems
//! to. After that, [`TlsClient::connector`] is cheap, and a [`Look`] applies rotated files. The
//! handshake itself is made in `dial`.

mod ciphers;
mod client;
mod config;
mod file;
mod identity;
mod key;
mod peer;
mod roots;
mod verify;
mod versions;

use std::sync::Arc;

use rustls::RootCertStore;

use crate::ConfigError;
pub use client::{Files, Look, Refreshed, TlsClient};
pub use files::{CHECK_EVERY, GIVEN_UP_AFTER, pause};
pub use peer::{LastPeer, PeerCertificate};

/// The certificates of the system's store, which is read at most once completely. Blocks on the file
/// system.
pub fn system_roots() -> Result<Arc<RootCertStore>, ConfigError> {
    Ok(roots::system()?.store)
}
