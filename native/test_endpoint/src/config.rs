//! What a test endpoint is started with, and why it may not start.

use crate::plan::{Plan, PlanError};
use crate::records::Record;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use thiserror::Error;

/// Called with every request received, from the task of its connection; must not block.
#[derive(Clone)]
pub struct Observer(pub Arc<dyn Fn(&Record) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Observer")
    }
}

/// What a test endpoint is started with.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Addresses to listen at, all with the same port.
    pub bind: Vec<IpAddr>,
    /// Port to listen at; 0 takes a free one.
    pub port: u16,
    /// TLS instead of plain TCP.
    pub tls: Option<TlsSettings>,
    /// Speaks HTTP/2 too: where TLS's ALPN agrees on it, or on plain TCP where the client starts
    /// with its preface.
    pub http2: bool,
    /// HTTP/2: streams that a client may have open at once on a connection.
    pub max_streams: u32,
    /// What to do with what comes.
    pub plan: Plan,
    /// Most records to keep; 0 records nothing.
    pub max_records: usize,
    /// Most bytes of a body to keep in its record.
    pub max_body: usize,
    /// Told of every request received.
    pub observer: Option<Observer>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            port: 0,
            tls: None,
            http2: false,
            max_streams: 10_000,
            plan: Plan::default(),
            max_records: 100_000,
            max_body: 1024 * 1024,
            observer: None,
        }
    }
}

/// How the test endpoint speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Who it says it is.
    pub identity: Identity,
    /// Whether it wants to know who the client is.
    pub client_auth: ClientAuth,
    /// Protocol versions it takes.
    pub versions: TlsVersions,
}

impl TlsSettings {
    /// A certificate for `localhost`, `127.0.0.1` and `::1` by an authority made on the spot, TLS 1.2
    /// and 1.3, no client certificates.
    #[must_use]
    pub fn self_signed() -> Self {
        let names = ["localhost", "127.0.0.1", "::1"];
        Self {
            identity: Identity::SelfSigned(names.map(str::to_owned).to_vec()),
            client_auth: ClientAuth::None,
            versions: TlsVersions::Both,
        }
    }
}

/// Certificate and key of the endpoint.
#[derive(Clone)]
pub enum Identity {
    /// For those names and addresses, by an authority made on the spot;
    /// [`EndpointHandle::ca_pem`](crate::EndpointHandle::ca_pem) tells the authority.
    SelfSigned(Vec<String>),
    /// As given, PEM.
    Pem {
        /// The certificate, then those between it and the root.
        chain: String,
        /// Its private key.
        key: String,
    },
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned(names) => out.debug_tuple("SelfSigned").field(names).finish(),
            // A private key has no business in a log.
            Self::Pem { .. } => out.write_str("Pem"),
        }
    }
}

/// Whether clients show a certificate.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Not asked for.
    None,
    /// Asked for; those who have none are served as well. Authorities as PEM.
    Optional(String),
    /// Those who have none fail in the handshake. Authorities as PEM.
    Required(String),
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3
    Both,
    /// 1.2
    Only12,
    /// 1.3
    Only13,
}

/// Why a test endpoint could not start or could not do what it was told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No address to listen at was given.
    #[error("no address to listen at")]
    NoAddress,
    /// Listening failed.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A certificate or key cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// The plan cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
}
