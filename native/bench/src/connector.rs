//! TLS of the bare clients: one authority, TLS 1.3, ring.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::load::LoadError;

/// A client that trusts only `ca`, and with `http2` offers only HTTP/2.
pub fn tls(ca: &Path, http2: bool) -> Result<ClientConfig, LoadError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&std::fs::read(ca)?) {
        let certificate = certificate
            .map_err(|error| std::io::Error::other(format!("{}: {error}", ca.display())))?;
        roots.add(certificate)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(config)
}
