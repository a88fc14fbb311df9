//! What an endpoint is made from: its base URL, and what `connection.tls` says.

use std::path::PathBuf;

use crate::secret::Secret;

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
