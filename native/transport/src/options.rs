//! What an endpoint is made from: its base URL and the `connection.tls` options.

use std::path::PathBuf;

use files::Secret;

/// The `connection.tls` options. The caller has made them independent of the host's generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// What is required of the server's certificate.
    pub verify: Verify,
    /// `disconnect_on_failure = false`: a bad certificate is accepted.
    pub accept_any: bool,
    /// `cacertfile`; the system's store if unset.
    pub cacertfile: Option<PathBuf>,
    /// `certfile`; the file may contain the key too.
    pub certfile: Option<PathBuf>,
    /// `keyfile`; the certificate file if unset.
    pub keyfile: Option<PathBuf>,
    /// `password` of an encrypted key.
    pub password: Option<Secret>,
    /// `ciphers`, an OpenSSL cipher string.
    pub ciphers: Option<String>,
    /// `versions`: `tlsv1`, `tlsv1.1`, `tlsv1.2`, `tlsv1.3`; all supported ones if unset.
    pub versions: Option<Vec<String>>,
    /// `server_name_indication.enabled`.
    pub sni: bool,
    /// `server_name_indication.host`: the name that is sent and checked instead of the URL's.
    pub sni_host: Option<String>,
    /// `server_name_indication.protocol`: whether a wildcard certificate may match `sni_host` (`https`)
    /// or names are compared literally (`default`). As in the host, this option has an effect only if
    /// `sni_host` is set; a name taken from the URL follows the rules of https.
    pub sni_protocol: Option<String>,
    /// Names of options that are set but mean nothing to this client (`dhfile`, `crl_files`). A warning
    /// lists them.
    pub ignored: Vec<String>,
}

/// Verifies the server against the system's store; no other option is set.
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

/// What is required of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: any certificate with any name is accepted.
    None,
    /// A chain to a trusted root and the right name.
    Peer,
    /// Like `Peer`, but a self-signed certificate is accepted too.
    SelfsignedPeer,
}

/// The URL that a pool POSTs to, without the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether to use TLS.
    pub https: bool,
    /// The host in lower case; an IPv6 literal has no brackets.
    pub host: String,
    /// The port as given, or the scheme's default.
    pub port: u16,
}

impl BaseUrl {
    /// Host and port as they appear in a URL and in `Host`: an IPv6 literal in brackets, without the
    /// port if it is the scheme's default.
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
