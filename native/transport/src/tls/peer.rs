//! A description of a server's certificate, for an operator who examines a connection.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The certificate that a server presented last, whether it was accepted or not.
#[derive(Debug, Default)]
pub struct LastPeer(ArcSwapOption<CertificateDer<'static>>);

impl LastPeer {
    pub(super) fn note(&self, leaf: &CertificateDer<'_>) {
        self.0.store(Some(Arc::new(leaf.clone().into_owned())));
    }

    /// The certificate's own statements; `None` before the first handshake, or if the certificate
    /// cannot be parsed.
    #[must_use]
    pub fn certificate(&self) -> Option<PeerCertificate> {
        PeerCertificate::parse(self.0.load().as_ref()?)
    }
}

/// What a certificate states about itself. Nothing here is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The subject, for example `CN=push.example.com, O=Example`.
    pub subject: String,
    /// The issuer, which signed the certificate.
    pub issuer: String,
    /// The host names and addresses that the certificate is for.
    pub names: Vec<String>,
    /// The end of its validity, in seconds since 1970.
    pub not_after: i64,
}

impl PeerCertificate {
    /// Reads the certificate. Returns `None` if it cannot be parsed.
    #[must_use]
    pub fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = match certificate.subject_alternative_name() {
            Ok(Some(names)) => names.value.general_names.iter().filter_map(name).collect(),
            _ => Vec::new(),
        };
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names,
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                return Some(std::net::Ipv4Addr::from(v4).to_string());
            }
            let v6 = <[u8; 16]>::try_from(*bytes).ok()?;
            Some(std::net::Ipv6Addr::from(v6).to_string())
        }
        _ => None,
    }
}
