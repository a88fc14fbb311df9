//! Certificates for tests: a new authority, and the certificates that it signs. Not for production:
//! they never expire, and the keys stay in memory.

use crate::config::EndpointError;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::fmt;

/// A certificate and its private key, PEM.
#[derive(Clone)]
pub struct Pem {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for Pem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pem")
    }
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Authority")
    }
}

impl From<rcgen::Error> for EndpointError {
    fn from(error: rcgen::Error) -> Self {
        Self::Tls(error.to_string())
    }
}

impl Authority {
    /// Creates an authority with that name.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] if the key cannot be generated.
    pub fn new(name: &str) -> Result<Self, EndpointError> {
        let mut params = params(&[], name)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let ca_pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            ca_pem,
        })
    }

    /// The authority's own certificate, for clients to trust.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    /// Creates a server certificate for those DNS names and IP addresses.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] if a name is not possible in a certificate.
    pub fn server(&self, names: &[&str]) -> Result<Pem, EndpointError> {
        self.sign(
            params(names, "http-pusher-test-endpoint server")?,
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// Creates a server certificate for those names that expired in 2001.
    ///
    /// # Errors
    ///
    /// As for [`server`](Self::server).
    pub fn expired(&self, names: &[&str]) -> Result<Pem, EndpointError> {
        let mut params = params(names, "http-pusher-test-endpoint server")?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Creates a client certificate with that common name.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Tls`] if the key cannot be generated.
    pub fn client(&self, name: &str) -> Result<Pem, EndpointError> {
        self.sign(params(&[], name)?, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Pem, EndpointError> {
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Pem {
            cert: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, EndpointError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}
