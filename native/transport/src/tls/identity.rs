//! Our identity to the server: the client certificate and its key.

use std::sync::Arc;

use rustls::Error;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::key::KeyError;
use super::{file, key};
use crate::{ConfigError, TlsOptions, Warning};

const CERT: &str = "connection.tls.certfile";
const KEY: &str = "connection.tls.keyfile";
const PASSWORD: &str = "connection.tls.password";

/// Reads `certfile` and `keyfile`. Returns `None` if no certificate is set.
///
/// # Errors
///
/// A file cannot be read or contains no certificate or key, the password does not decrypt the key, or
/// the key belongs to another certificate.
pub(super) fn load(
    options: &TlsOptions,
    provider: &CryptoProvider,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Arc<CertifiedKey>>, ConfigError> {
    let Some(certfile) = &options.certfile else {
        if options.keyfile.is_some() {
            let text = "has no effect without certfile";
            warnings.push(Warning::new(KEY, text));
        }
        return Ok(None);
    };
    let blocks = file::read(CERT, certfile)?;
    let chain = file::certificates(&blocks);
    if chain.is_empty() {
        return Err(file::in_file(CERT, certfile, "no certificate in it"));
    }
    let (option, path, key_blocks) = match &options.keyfile {
        Some(keyfile) => (KEY, keyfile, file::read(KEY, keyfile)?),
        None => (CERT, certfile, blocks),
    };
    let key = key::find(&key_blocks, options.password.as_ref()).map_err(|error| {
        let option = match error {
            KeyError::NoPassword | KeyError::WrongPassword => PASSWORD,
            KeyError::NoKey | KeyError::Unreadable(_) => option,
        };
        let hint = match error {
            KeyError::NoKey if options.keyfile.is_none() => ", and keyfile is not set",
            _ => "",
        };
        file::in_file(option, path, &format!("{error}{hint}"))
    })?;
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(identity) => Ok(Some(Arc::new(identity))),
        Err(Error::InconsistentKeys(_)) => Err(file::in_file(
            option,
            path,
            &format!("its private key is not that of {}", certfile.display()),
        )),
        Err(Error::InvalidCertificate(error)) => Err(file::in_file(
            CERT,
            certfile,
            &format!("its certificate cannot be used: {error}"),
        )),
        Err(_) => Err(file::in_file(
            option,
            path,
            "its private key is broken, or of a kind or size that cannot be used; RSA of 2048 to 4096 \
             bits, P-256, P-384 and Ed25519 can",
        )),
    }
}
