//! The trust anchors: the system's store, loaded once for all pools, or one CA file.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::file;
use crate::{ConfigError, Warning};

const OPTION: &str = "connection.tls.cacertfile";

/// The trust anchors of one pool.
pub(super) struct Roots {
    /// The roots for building chains.
    pub(super) store: Arc<RootCertStore>,
    /// The same certificates, unparsed, if they come from a file: a server that presents one of them
    /// itself is trusted too, as in OpenSSL.
    pub(super) pinned: Vec<CertificateDer<'static>>,
}

/// The system's store, which all pools share. It is loaded again until it was loaded completely.
///
/// # Errors
///
/// The system has no usable certificate. The cause may pass.
pub(super) fn system() -> Result<Roots, ConfigError> {
    static STORE: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let store = match STORE.get() {
        Some(store) => Arc::clone(store),
        None => match load_system()? {
            (store, Complete::Yes) => Arc::clone(STORE.get_or_init(|| store)),
            (store, Complete::No) => store,
        },
    };
    Ok(Roots {
        store,
        pinned: Vec::new(),
    })
}

/// Whether every file of the system's store could be read. If some could not (for want of descriptors,
/// say), later pools must not be limited to this incomplete store.
enum Complete {
    Yes,
    No,
}

fn load_system() -> Result<(Arc<RootCertStore>, Complete), ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(found.certs);
    if usable > 0 {
        let complete = if found.errors.is_empty() {
            Complete::Yes
        } else {
            Complete::No
        };
        return Ok((Arc::new(store), complete));
    }
    let why = match found.errors.first() {
        Some(error) => format!(" ({error})"),
        None => String::new(),
    };
    Err(ConfigError::passing(
        OPTION,
        format!(
            "is not set, and the system's store has no certificate{why}; install ca-certificates \
             or name a CA file"
        ),
    ))
}

/// Trusts the certificates in `path`, and no others.
///
/// # Errors
///
/// The file cannot be read, or contains no usable certificate.
pub(super) fn from_file(path: &Path, warnings: &mut Vec<Warning>) -> Result<Roots, ConfigError> {
    let blocks = file::read(OPTION, path)?;
    let mut store = RootCertStore::empty();
    let mut pinned = Vec::new();
    let mut broken = None;
    for certificate in file::certificates(&blocks) {
        match store.add(certificate.clone()) {
            Ok(()) => pinned.push(certificate),
            Err(error) => broken = Some(error),
        }
    }
    match broken {
        None if pinned.is_empty() => Err(file::in_file(OPTION, path, "no certificate in it")),
        Some(error) if pinned.is_empty() => Err(file::in_file(
            OPTION,
            path,
            &format!("no usable certificate in it: {error}"),
        )),
        Some(error) => {
            let text = format!(
                "{}: a certificate in it is not used: {error}",
                path.display()
            );
            warnings.push(Warning::in_content(OPTION, text));
            Ok((store, pinned))
        }
        None => Ok((store, pinned)),
    }
    .map(|(store, pinned)| Roots {
        store: Arc::new(store),
        pinned,
    })
}

#[cfg(test)]
mod tests {
    use super::system;
    use std::sync::Arc;

    #[test]
    fn all_pools_share_the_system_store() {
        let (one, other) = (system().unwrap(), system().unwrap());
        assert!(Arc::ptr_eq(&one.store, &other.store));
        assert!(!one.store.is_empty());
    }
}
