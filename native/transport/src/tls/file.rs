//! Reads the PEM files that the TLS options name.

use std::fs;
use std::path::Path;

use files::whereabouts;
use pem::Pem;
use rustls_pki_types::CertificateDer;

use crate::ConfigError;

/// Reads the PEM blocks of a file.
///
/// # Errors
///
/// The file is not PEM, or it cannot be read, which may pass.
pub(super) fn read(option: &'static str, path: &Path) -> Result<Vec<Pem>, ConfigError> {
    let bytes = fs::read(path).map_err(|error| {
        let text = format!("{}{}: {error}", path.display(), whereabouts(path));
        ConfigError::passing(option, text)
    })?;
    let blocks = pem::parse_many(&bytes)
        .map_err(|error| in_file(option, path, &format!("broken PEM: {error}")))?;
    if blocks.is_empty() {
        // An ASN.1 sequence with a two-byte length: every certificate and key begins like this.
        let hint = if bytes.starts_with(&[0x30, 0x82]) {
            "it is DER; convert it with: openssl x509 -inform DER (or openssl pkey for a key)"
        } else {
            "no PEM block in it"
        };
        return Err(in_file(option, path, hint));
    }
    Ok(blocks)
}

/// The certificates among the blocks, in the order of the file.
pub(super) fn certificates(blocks: &[Pem]) -> Vec<CertificateDer<'static>> {
    blocks
        .iter()
        .filter(|block| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(|block| CertificateDer::from(block.contents().to_vec()))
        .collect()
}

/// An error in a file's content; the text begins with the file's path.
pub(super) fn in_file(option: &'static str, path: &Path, what: &str) -> ConfigError {
    ConfigError::in_content(option, format!("{}: {what}", path.display()))
}
