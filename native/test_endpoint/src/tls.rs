//! The server side of TLS, by rustls with ring.

use crate::certs::Authority;
use crate::config::{ClientAuth, EndpointError, Identity, TlsSettings, TlsVersions};
use crate::records::TlsInfo;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Does handshakes.
#[derive(Clone)]
pub(crate) struct Acceptor {
    acceptor: TlsAcceptor,
    ca_pem: Option<String>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Acceptor")
    }
}

impl Acceptor {
    pub(crate) fn new(settings: &TlsSettings, http2: bool) -> Result<Self, EndpointError> {
        let (chain, key, ca_pem) = match &settings.identity {
            Identity::Pem { chain, key } => (chain.clone(), key.clone(), None),
            Identity::SelfSigned(names) => {
                let authority = Authority::new("http-pusher-test-endpoint")?;
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                let pem = authority.server(&names)?;
                (pem.cert, pem.key, Some(authority.ca_pem()))
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| bad(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(settings.versions))
            .map_err(|error| bad(&error))?;
        let verifier = verifier(&settings.client_auth, provider)?;
        let mut config = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        }
        .with_single_cert(certificates(&chain)?, key)
        .map_err(|error| bad(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem,
        })
    }

    /// The authority made on the spot, if there is one.
    pub(crate) fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The server's part of the handshake that answers that `ClientHello`, as it goes on the wire.
    ///
    /// # Errors
    ///
    /// If it is no `ClientHello`, or none that this server can answer.
    pub(crate) fn answer_hello(&self, client_hello: &[u8]) -> io::Result<Vec<u8>> {
        let config = Arc::clone(self.acceptor.config());
        let mut session = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
        let mut rest = client_hello;
        while !rest.is_empty() {
            session.read_tls(&mut rest)?;
        }
        session.process_new_packets().map_err(io::Error::other)?;
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight)?;
        }
        Ok(flight)
    }

    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, TlsInfo)> {
        let stream = self.acceptor.accept(tcp).await?;
        let session = stream.get_ref().1;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let certificates = session.peer_certificates();
        let info = TlsInfo {
            version: session
                .protocol_version()
                .map(|version| format!("{version:?}"))
                .unwrap_or_default(),
            sni: session.server_name().map(str::to_owned),
            alpn: session.alpn_protocol().map(text),
            client_cert: certificates
                .and_then(|chain| chain.first())
                .map(|leaf| leaf.to_vec()),
        };
        Ok((stream, info))
    }
}

fn bad(error: &dyn fmt::Display) -> EndpointError {
    EndpointError::Tls(error.to_string())
}

const fn versions(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    const ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
    const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
    match versions {
        TlsVersions::Both => BOTH,
        TlsVersions::Only12 => ONLY_12,
        TlsVersions::Only13 => ONLY_13,
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|error| bad(&error))?;
    if all.is_empty() {
        return Err(EndpointError::Tls(
            "no certificate in the PEM text".to_owned(),
        ));
    }
    Ok(all)
}

fn verifier(
    auth: &ClientAuth,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, EndpointError> {
    let (pem, optional) = match auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Optional(pem) => (pem, true),
        ClientAuth::Required(pem) => (pem, false),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem)? {
        roots.add(authority).map_err(|error| bad(&error))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map(Some).map_err(|error| bad(&error))
}
