//! TLS for one pool: from `connection.tls` to what a new connection needs.
//!
//! [`TlsClient::open`] reads the files and says everything that is wrong or does less than it seems
//! to. After that [`TlsClient::connector`] is cheap, and [`TlsClient::refresh`] takes up rotated
//! files. The handshake itself is not made here.

mod ciphers;
mod client;
mod file;
mod identity;
mod key;
mod peer;
mod roots;
mod verify;
mod versions;

pub use client::{Refreshed, TlsClient};
pub use peer::{LastPeer, PeerCertificate};
