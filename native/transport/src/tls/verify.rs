//! Checks whether a server's certificate is acceptable under the rules that the options set.
//!
//! webpki checks chains and names. This module accepts two kinds of certificate that webpki does not:
//! one that is itself in the CA file (webpki accepts it only if it is not a CA's, and
//! `openssl req -x509` makes CA certificates), and, with `selfsigned_peer`, one that signs itself. Both
//! must still be within their dates, be meant for a server, and have the right name.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::peer::LastPeer;
use super::roots::Roots;

/// How a server's name is compared with the names in its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameCheck {
    /// Not compared, as in OTP if SNI is disabled.
    Off,
    /// `*.example.com` matches `a.example.com`.
    Https,
    /// Names must be equal.
    Exact,
}

/// Verifies a certificate against trust anchors.
pub(super) struct Strict {
    pub(super) roots: Roots,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) self_signed: bool,
    pub(super) names: NameCheck,
    pub(super) last: Arc<LastPeer>,
}

impl Strict {
    fn check_trust(
        &self,
        leaf: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let chain = verify_server_cert_signed_by_trust_anchor(
            parsed,
            &self.roots.store,
            intermediates,
            now,
            self.algorithms.all,
        );
        let Err(error) = chain else { return Ok(()) };
        let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
            return Err(error);
        };
        let trusted = self.roots.pinned.iter().any(|root| root == leaf)
            || self.self_signed && signs_itself(&certificate);
        if !trusted {
            return Err(error);
        }
        check_dates(&certificate, now)?;
        check_purpose(&certificate)
    }

    fn check_name(
        &self,
        leaf: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), Error> {
        if self.names == NameCheck::Off {
            return Ok(());
        }
        verify_server_name(parsed, name)?;
        let ServerName::DnsName(dns) = name else {
            return Ok(());
        };
        let presented = dns_names(leaf);
        let equal = |other: &String| other.eq_ignore_ascii_case(dns.as_ref());
        if self.names == NameCheck::Https || presented.iter().any(equal) {
            return Ok(());
        }
        Err(CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented,
        }
        .into())
    }
}

fn signs_itself(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer() && certificate.verify_signature(None).is_ok()
}

fn check_dates(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let unix = |seconds: i64| {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    };
    let not_before = unix(certificate.validity().not_before.timestamp());
    let not_after = unix(certificate.validity().not_after.timestamp());
    if now > not_after {
        let time = now;
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    if now < not_before {
        let time = now;
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    Ok(())
}

fn check_purpose(certificate: &X509Certificate<'_>) -> Result<(), Error> {
    match certificate.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => Ok(()),
        Ok(Some(_)) => Err(CertificateError::InvalidPurpose.into()),
        Err(_) => Err(CertificateError::BadEncoding.into()),
    }
}

fn dns_names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
        return Vec::new();
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(dns) => Some((*dns).to_owned()),
            _ => None,
        })
        .collect()
}

impl ServerCertVerifier for Strict {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.last.note(end_entity);
        let parsed = ParsedCertificate::try_from(end_entity)?;
        self.check_trust(end_entity, &parsed, intermediates, now)?;
        self.check_name(end_entity, &parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl std::fmt::Debug for Strict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Strict")
            .field("anchors", &self.roots.store.len())
            .field("self_signed", &self.self_signed)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Accepts any certificate, even those that webpki cannot read (X.509 v1).
///
/// The handshake's signatures are not checked either: without a trusted certificate they prove nothing.
#[derive(Debug)]
pub(super) struct AcceptAny {
    pub(super) schemes: Vec<SignatureScheme>,
    pub(super) last: Arc<LastPeer>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.last.note(end_entity);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
