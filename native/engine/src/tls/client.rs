//! One pool's TLS: opened once, asked for each new connection, refreshed when files change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;

use super::file::Stamp;
use super::peer::LastPeer;
use super::verify::{AcceptAny, NameCheck, Strict};
use super::{ciphers, identity, roots, versions};
use crate::settings::{ConfigError, TlsOptions, Verify, Warning};

/// How often the files are looked at, at the most.
const CHECK_EVERY: Duration = Duration::from_mins(1);

/// TLS of one pool. Shared by its connections.
pub struct TlsClient {
    options: TlsOptions,
    http2: bool,
    server_name: ServerName<'static>,
    /// Swapped when a file has changed; connections that are open keep the old one.
    config: ArcSwap<ClientConfig>,
    watch: Mutex<Watch>,
    last: Arc<LastPeer>,
}

/// The files the configuration was made from, as they were when last looked at.
struct Watch {
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
}

/// What a look at the files has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// No file has changed, or it is not time yet to look.
    Unchanged,
    /// New connections use the new files. The warnings are about their content.
    Renewed(Vec<Warning>),
    /// A file has changed, but cannot be used; new connections go on with the old content. Said
    /// once for each change.
    Kept(ConfigError),
}

impl TlsClient {
    /// Reads the files and makes the configuration for `host`, the host name or address of the
    /// pool's URL. Blocks on the file system: not for a scheduler or an async thread.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or used, a name that cannot be checked, or versions and ciphers
    /// of which none is left. The text names the file and what is wrong with it.
    pub fn open(
        options: &TlsOptions,
        host: &str,
        http2: bool,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let server_name = server_name(options, host)?;
        let stamps = stamps(options);
        let mut warnings = Vec::new();
        let last = Arc::default();
        let config = build(options, http2, &last, &mut warnings)?;
        warn_about_options(options, &mut warnings);
        let client = Self {
            options: options.clone(),
            http2,
            server_name,
            config: ArcSwap::from_pointee(config),
            watch: Mutex::new(Watch {
                stamps,
                looked: Instant::now(),
            }),
            last,
        };
        Ok((client, warnings))
    }

    /// What a new connection needs: the configuration and the name to ask for and to check.
    #[must_use]
    pub fn connector(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (self.config.load_full(), self.server_name.clone())
    }

    /// What servers presented to this client.
    #[must_use]
    pub fn last_peer(&self) -> Arc<LastPeer> {
        Arc::clone(&self.last)
    }

    /// Whether [`Self::refresh`] would look at the files now. Cheap; false where there are none.
    #[must_use]
    pub fn refresh_due(&self) -> bool {
        let watch = self.watch.lock();
        !watch.stamps.is_empty() && watch.looked.elapsed() >= CHECK_EVERY
    }

    /// Takes up changed files, at most once a minute. Blocks on the file system when due.
    pub fn refresh(&self) -> Refreshed {
        if self.refresh_due() {
            self.refresh_now()
        } else {
            Refreshed::Unchanged
        }
    }

    /// Takes up changed files at once. Blocks on the file system.
    pub fn refresh_now(&self) -> Refreshed {
        // The lock is held while files are read, so that two callers do not both read them.
        let mut watch = self.watch.lock();
        watch.looked = Instant::now();
        // Stamps before content: what changes in between is seen the next time.
        let stamps = stamps(&self.options);
        if stamps == watch.stamps {
            return Refreshed::Unchanged;
        }
        watch.stamps = stamps;
        let mut warnings = Vec::new();
        match build(&self.options, self.http2, &self.last, &mut warnings) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                warnings.retain(|warning| warning.option.ends_with("file"));
                Refreshed::Renewed(warnings)
            }
            Err(error) => Refreshed::Kept(error),
        }
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsClient")
            .field("options", &self.options)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn verifies(options: &TlsOptions) -> bool {
    options.verify != Verify::None && !options.accept_any
}

fn server_name(options: &TlsOptions, host: &str) -> Result<ServerName<'static>, ConfigError> {
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

/// The files that count, in a fixed order.
fn stamps(options: &TlsOptions) -> Vec<Option<Stamp>> {
    let cacertfile = options.cacertfile.as_ref().filter(|_| verifies(options));
    let keyfile = options
        .keyfile
        .as_ref()
        .filter(|_| options.certfile.is_some());
    [cacertfile, options.certfile.as_ref(), keyfile]
        .into_iter()
        .flatten()
        .map(|path: &PathBuf| Stamp::of(path))
        .collect()
}

fn build(
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

/// What the options do less, or more, than they seem to; besides versions, ciphers and files.
fn warn_about_options(options: &TlsOptions, warnings: &mut Vec<Warning>) {
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

#[cfg(test)]
mod tests {
    use super::{CHECK_EVERY, Refreshed, TlsClient};
    use crate::settings::{TlsOptions, Verify};
    use std::time::{Duration, Instant};

    #[test]
    fn files_are_looked_at_once_a_minute_and_only_if_there_are_any() {
        let file = std::env::temp_dir().join(format!("tls-client-{}.pem", std::process::id()));
        let cert = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&file, cert.cert.pem()).unwrap();
        let options = TlsOptions {
            cacertfile: Some(file.clone()),
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
        std::fs::write(&file, "no certificate any more").unwrap();
        assert!(!client.refresh_due());
        assert_eq!(client.refresh(), Refreshed::Unchanged);
        client.watch.lock().looked = Instant::now()
            .checked_sub(CHECK_EVERY + Duration::from_secs(1))
            .unwrap();
        assert!(client.refresh_due());
        assert!(matches!(client.refresh(), Refreshed::Kept(_)));
        assert!(!client.refresh_due());
        std::fs::remove_file(&file).unwrap();

        let none = TlsOptions {
            verify: Verify::None,
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&none, "localhost", false).unwrap();
        client.watch.lock().looked = Instant::now().checked_sub(CHECK_EVERY * 2).unwrap();
        assert!(!client.refresh_due());
    }
}
