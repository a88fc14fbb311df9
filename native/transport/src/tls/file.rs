//! Reading the PEM files that the TLS options name, and noticing that one has changed.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;
use std::{env, fs};

use pem::Pem;
use rustls_pki_types::CertificateDer;

use crate::ConfigError;

/// What tells one version of a file from the next, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds. It moves also when an older file is put in this one's place, or a file's
    /// mode is mended.
    changed: (i64, i64),
    len: u64,
    inode: u64,
}

impl Stamp {
    /// `None` where the file is not there (or not for us).
    pub(super) fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self {
            modified: meta.modified().ok(),
            changed: (meta.ctime(), meta.ctime_nsec()),
            len: meta.len(),
            inode: meta.ino(),
        })
    }
}

/// The PEM blocks of a file.
///
/// # Errors
///
/// The file cannot be read, which may pass, or is not PEM.
pub(super) fn read(option: &'static str, path: &Path) -> Result<Vec<Pem>, ConfigError> {
    let bytes = fs::read(path).map_err(|error| {
        let whereabouts = match env::current_dir() {
            Ok(dir) if path.is_relative() => format!(" (relative to {})", dir.display()),
            _ => String::new(),
        };
        ConfigError::passing(option, format!("{}{whereabouts}: {error}", path.display()))
    })?;
    let blocks = pem::parse_many(&bytes)
        .map_err(|error| in_file(option, path, &format!("broken PEM: {error}")))?;
    if blocks.is_empty() {
        // An ASN.1 sequence of a length that takes two bytes: every certificate and key begins so.
        let hint = if bytes.starts_with(&[0x30, 0x82]) {
            "it is DER; convert it with: openssl x509 -inform DER (or openssl pkey for a key)"
        } else {
            "no PEM block in it"
        };
        return Err(in_file(option, path, hint));
    }
    Ok(blocks)
}

/// The certificates among the blocks, in the file's order.
pub(super) fn certificates(blocks: &[Pem]) -> Vec<CertificateDer<'static>> {
    blocks
        .iter()
        .filter(|block| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(|block| CertificateDer::from(block.contents().to_vec()))
        .collect()
}

/// What is wrong with a file's content, with its name.
pub(super) fn in_file(option: &'static str, path: &Path, what: &str) -> ConfigError {
    ConfigError::in_content(option, format!("{}: {what}", path.display()))
}
