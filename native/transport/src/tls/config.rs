//! The configuration of TLS that a pool's options ask for: versions, ciphers, verification, identity.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;

use super::peer::LastPeer;
use super::verify::{AcceptAny, NameCheck, Strict};
use super::{ciphers, identity, roots, versions};
use crate::{ConfigError, TlsOptions, Verify, Warning};

/// Whether the server's certificate is verified.
pub(super) fn verifies(options: &TlsOptions) -> bool {
    options.verify != Verify::None && !options.accept_any
}

/// The name to send and to check.
pub(super) fn server_name(
    options: &TlsOptions,
    host: &str,
) -> Result<ServerName<'static>, ConfigError> {
    let (option, name) = match &options.sni_host {
        Some(name) if options.sni => ("connection.tls.server_name_indication.host", name.as_str()),
        _ => ("connection.host", host),
    };
    ServerName::try_from(name.to_owned()).map_err(|_| {
        ConfigError::new(
            option,
            format!("{name:?} is not a name a certificate can have"),
        )
    })
}

/// Reads the files and makes the configuration.
pub(super) fn build(
    options: &TlsOptions,
    http2: bool,
    last: &Arc<LastPeer>,
    warnings: &mut Vec<Warning>,
) -> Result<ClientConfig, ConfigError> {
    let mut offered = versions::resolve(options.versions.as_deref(), warnings)?;
    let mut provider = ring::default_provider();
    if let Some(text) = &options.ciphers {
        provider.cipher_suites = ciphers::select(text, &mut offered, warnings)?;
    }
    let verifier = verifier(options, &provider, last, warnings)?;
    let identity = identity::load(options, &provider, warnings)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&offered)
        .map_err(|error| ConfigError::new("connection.tls.ciphers", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = options.sni;
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(config)
}

fn verifier(
    options: &TlsOptions,
    provider: &CryptoProvider,
    last: &Arc<LastPeer>,
    warnings: &mut Vec<Warning>,
) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
    let last = Arc::clone(last);
    let algorithms = provider.signature_verification_algorithms;
    if !verifies(options) {
        let schemes = algorithms.supported_schemes();
        return Ok(Arc::new(AcceptAny { schemes, last }));
    }
    let roots = match &options.cacertfile {
        Some(path) => roots::from_file(path, warnings)?,
        None => roots::system()?,
    };
    let names = if !options.sni {
        NameCheck::Off
    } else if options.sni_host.is_some() && options.sni_protocol.as_deref() != Some("https") {
        NameCheck::Exact
    } else {
        NameCheck::Https
    };
    Ok(Arc::new(Strict {
        roots,
        algorithms,
        self_signed: options.verify == Verify::SelfsignedPeer,
        names,
        last,
    }))
}

/// Warns about options that do less, or more, than they seem to, except versions, ciphers and files.
pub(super) fn warn_about_options(options: &TlsOptions, warnings: &mut Vec<Warning>) {
    if !verifies(options) {
        let text = "the server's certificate is not verified: anyone on the way can read and change \
                    notifications";
        let option = if options.accept_any && options.verify != Verify::None {
            "connection.tls.disconnect_on_failure"
        } else {
            "connection.tls"
        };
        warnings.push(Warning::new(option, text));
    } else if !options.sni {
        warnings.push(Warning::new(
            "connection.tls.server_name_indication",
            "is disabled, and with it the check of the host name: any certificate that the CA \
             signed is accepted",
        ));
    }
    for name in &options.ignored {
        let text = format!("{name} has no effect on this client");
        warnings.push(Warning::new("connection.tls", text));
    }
}
