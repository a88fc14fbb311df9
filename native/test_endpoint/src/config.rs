//! The settings of a test endpoint, and why it may not start.

use crate::plan::{Behaviour, Plan, PlanError};
use crate::records::Record;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use thiserror::Error;

/// A function called with every request received, in the task of its connection; it must not block.
#[derive(Clone)]
pub struct Observer(pub Arc<dyn Fn(&Record) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Observer")
    }
}

/// What a [`Responder`] returns. It is dropped if the client leaves before it is ready.
pub type Decision = Pin<Box<dyn Future<Output = Behaviour> + Send>>;

/// Decides about each request that was received to its end, in place of the plan. Its behaviour must not have a fault
/// of connections, nor one that happens while a request is read.
#[derive(Clone)]
pub struct Responder(pub Arc<dyn Fn(&Record) -> Decision + Send + Sync>);

impl fmt::Debug for Responder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Responder")
    }
}

/// The settings of a test endpoint.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Addresses to listen at, all with the same port.
    pub bind: Vec<IpAddr>,
    /// Port to listen at; 0 means any free port.
    pub port: u16,
    /// TLS instead of plain TCP.
    pub tls: Option<TlsSettings>,
    /// Speaks HTTP/2 too: over TLS if ALPN agrees on it, over plain TCP if the client starts with
    /// its preface.
    pub http2: bool,
    /// HTTP/2: streams that a client may have open at once on a connection.
    pub max_streams: u32,
    /// What to do with requests and connections.
    pub plan: Plan,
    /// Most records to keep; 0 records nothing.
    pub max_records: usize,
    /// Most bytes of a body to keep in its record.
    pub max_body: usize,
    /// Called with every request received.
    pub observer: Option<Observer>,
    /// Decides about requests in place of the plan.
    pub responder: Option<Responder>,
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
            responder: None,
        }
    }
}

/// How the test endpoint speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Its certificate and key.
    pub identity: Identity,
    /// Whether clients must show a certificate.
    pub client_auth: ClientAuth,
    /// Protocol versions it accepts.
    pub versions: TlsVersions,
}

impl TlsSettings {
    /// A certificate for `localhost`, `127.0.0.1` and `::1`, signed by a new authority; TLS 1.2 and 1.3;
    /// no client certificates.
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
    /// A certificate for those names and addresses, signed by a new authority, which
    /// [`EndpointHandle::ca_pem`](crate::EndpointHandle::ca_pem) returns.
    SelfSigned(Vec<String>),
    /// These, in PEM.
    Pem {
        /// The certificate, then the intermediate ones.
        chain: String,
        /// Its private key.
        key: String,
    },
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned(names) => out.debug_tuple("SelfSigned").field(names).finish(),
            // A private key must not get into a log.
            Self::Pem { .. } => out.write_str("Pem"),
        }
    }
}

/// Whether clients show a certificate.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Not requested.
    None,
    /// Requested; clients without a certificate are served too. The authorities, in PEM.
    Optional(String),
    /// Required; clients without a certificate fail in the handshake. The authorities, in PEM.
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

/// Why a test endpoint could not start, or refused an instruction.
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
