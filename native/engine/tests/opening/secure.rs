//! An endpoint over TLS whose authority's certificate is in a file that may not be there yet.

use std::fs;
use std::path::PathBuf;

use engine::settings::PoolOptions;
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};
use transport::TlsOptions;

use super::support::{BOUND, millis, options, test_endpoint};

/// An endpoint over TLS, and the place for its authority's certificate.
pub struct Secure {
    pub endpoint: EndpointHandle,
    pub ca: PathBuf,
}

impl Secure {
    pub fn new(name: &str) -> Self {
        let endpoint = test_endpoint(EndpointConfig {
            tls: Some(TlsSettings::self_signed()),
            ..EndpointConfig::default()
        });
        let file = format!("engine-opening-{name}-{}.pem", std::process::id());
        let ca = std::env::temp_dir().join(file);
        let _ = fs::remove_file(&ca);
        Self { endpoint, ca }
    }

    pub fn options(&self) -> PoolOptions {
        let tls = TlsOptions {
            cacertfile: Some(self.ca.clone()),
            ..TlsOptions::default()
        };
        PoolOptions {
            tls: Some(tls),
            request_timeout: millis(BOUND),
            call_timeout: 2 * millis(BOUND),
            ..options(self.endpoint.url(""))
        }
    }

    /// In one step, as a rotation does it.
    pub fn put(&self, content: &str) {
        let new = self.ca.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, &self.ca).unwrap();
    }

    pub fn put_right(&self) {
        self.put(self.endpoint.ca_pem().unwrap());
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.ca);
    }
}
