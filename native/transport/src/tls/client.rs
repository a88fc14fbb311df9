//! One pool's TLS client: opened once, asked for each new connection, refreshed when files change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use files::{Seen, Stamp, Watch};
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;

use super::peer::LastPeer;
use super::verify::{AcceptAny, NameCheck, Strict};
use super::{ciphers, identity, roots, versions};
use crate::{ConfigError, Remedy, TlsOptions, Verify, Warning};

/// The TLS client of one pool, shared by the pool's connections.
pub struct TlsClient {
    options: TlsOptions,
    http2: bool,
    server_name: ServerName<'static>,
    /// Replaced when a file has changed; open connections keep the old configuration.
    config: ArcSwap<ClientConfig>,
    watch: Watch,
    last: Arc<LastPeer>,
}

/// A fingerprint of a pool's certificate files, which shows whether they have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(Vec<Option<Stamp>>);

impl Files {
    /// The present state of the files that the options name. Blocks on the file system.
    #[must_use]
    pub fn of(options: &TlsOptions) -> Self {
        Self(stamps(options))
    }
}

/// The result of a check of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// No file has changed, or no check is due yet.
    Unchanged,
    /// New connections use the new files. The warnings are about the files' content.
    Renewed(Vec<Warning>),
    /// A file has changed but cannot be used; new connections use the old content. This is returned
    /// once for each change, and once for a problem that may pass, after which the files are soon
    /// checked again.
    Kept(ConfigError),
}

impl TlsClient {
    /// Reads the files and makes the configuration for `host`, the host name or address in the pool's
    /// URL. Blocks on the file system, so never call it on a scheduler or an async thread.
    ///
    /// # Errors
    ///
    /// A file cannot be read or used, a name cannot be checked, or no version or cipher suite is left.
    /// The text names the file and says what is wrong with it.
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
            watch: Watch::new(stamps),
            last,
        };
        Ok((client, warnings))
    }

    /// The configuration for a new connection, and the server name to send and check.
    #[must_use]
    pub fn connector(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (self.config.load_full(), self.server_name.clone())
    }

    /// The certificate that a server presented last to this client.
    #[must_use]
    pub fn last_peer(&self) -> Arc<LastPeer> {
        Arc::clone(&self.last)
    }

    /// Whether the options name a file that has to be read before a connection can be made. The
    /// system's store counts as such a file.
    #[must_use]
    pub fn reads_files(options: &TlsOptions) -> bool {
        verifies(options) || options.certfile.is_some()
    }

    /// Whether [`Self::refresh`] would check the files now. It takes no lock. Returns false if there
    /// are no files, or while a check is under way.
    #[must_use]
    pub fn refresh_due(&self) -> bool {
        self.watch.is_due()
    }

    /// Starts a check of the files if one is due. The engine's threads call this and let another thread
    /// do the check.
    #[must_use]
    pub fn begin_look(self: &Arc<Self>) -> Option<Look> {
        (self.refresh_due() && self.watch.begin()).then(|| Look(Arc::clone(self)))
    }

    /// Applies changed files, if a check is due. Blocks on the file system.
    pub fn refresh(&self) -> Refreshed {
        if self.refresh_due() {
            self.refresh_now()
        } else {
            Refreshed::Unchanged
        }
    }

    /// Applies changed files at once, unless another check is under way. Blocks on the file system.
    pub fn refresh_now(&self) -> Refreshed {
        if !self.watch.begin() {
            return Refreshed::Unchanged;
        }
        let refreshed = self.look();
        self.watch.end();
        refreshed
    }

    fn look(&self) -> Refreshed {
        let seen = self.watch.seen();
        // Read the stamps before the content, so that the next check sees a change in between.
        let stamps = stamps(&self.options);
        let failures = 0;
        if stamps == seen.stamps {
            self.watch.saw(Seen { stamps, failures });
            return Refreshed::Unchanged;
        }
        let mut warnings = Vec::new();
        match build(&self.options, self.http2, &self.last, &mut warnings) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                self.watch.saw(Seen { stamps, failures });
                warnings.retain(|warning| warning.option.ends_with("file"));
                Refreshed::Renewed(warnings)
            }
            Err(error) if error.remedy == Remedy::Retry => self.could_not_look(error),
            Err(error) => {
                self.watch.saw(Seen { stamps, failures });
                Refreshed::Kept(error)
            }
        }
    }

    fn could_not_look(&self, error: ConfigError) -> Refreshed {
        let mut seen = self.watch.seen();
        seen.failures = seen.failures.saturating_add(1);
        let first = seen.failures == 1;
        self.watch.saw(seen);
        if first {
            Refreshed::Kept(error)
        } else {
            Refreshed::Unchanged
        }
    }

    /// Records that no thread could be started for a check that was due.
    pub(crate) fn no_thread_to_look(&self, error: &io::Error) -> Refreshed {
        let text = format!("the files could not be looked at: {error}");
        let refreshed = self.could_not_look(ConfigError::passing("connection.tls", text));
        self.watch.end();
        refreshed
    }
}

/// The exclusive right to check a pool's files, until this is dropped.
#[derive(Debug)]
pub struct Look(Arc<TlsClient>);

impl Look {
    /// Applies changed files. Blocks on the file system.
    pub fn refresh(&self) -> Refreshed {
        self.0.look()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.watch.end();
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

/// The stamps of the files that matter, in a fixed order.
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

/// Warns about options that do less, or more, than they seem to, except versions, ciphers and files.
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
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::advance;

    use super::{Refreshed, TlsClient};
    use crate::tls::CHECK_EVERY;
    use crate::{Remedy, TlsOptions, Verify};

    fn certificate() -> String {
        let names = vec!["localhost".to_owned()];
        rcgen::generate_simple_self_signed(names)
            .unwrap()
            .cert
            .pem()
    }

    fn nearly(time: Duration) -> Duration {
        time.saturating_sub(Duration::from_millis(1))
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_once_a_minute_and_only_if_there_are_any() {
        let file = std::env::temp_dir().join(format!("tls-client-{}.pem", std::process::id()));
        fs::write(&file, certificate()).unwrap();
        let options = TlsOptions {
            cacertfile: Some(file.clone()),
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
        fs::write(&file, "no certificate any more").unwrap();
        assert!(!client.refresh_due());
        assert_eq!(client.refresh(), Refreshed::Unchanged);
        advance(CHECK_EVERY).await;
        assert!(client.refresh_due());
        assert!(matches!(client.refresh(), Refreshed::Kept(_)));
        // The content was refused: the next check is due after a minute, and does not report it again.
        advance(nearly(CHECK_EVERY)).await;
        assert!(!client.refresh_due());
        advance(Duration::from_millis(1)).await;
        assert!(client.refresh_due());
        assert_eq!(client.refresh(), Refreshed::Unchanged);
        fs::remove_file(&file).unwrap();

        let none = TlsOptions {
            verify: Verify::None,
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&none, "localhost", false).unwrap();
        advance(2 * CHECK_EVERY).await;
        assert!(!client.refresh_due());
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_cannot_be_read_are_looked_at_again_soon_and_said_once() {
        let file = std::env::temp_dir().join(format!("tls-passing-{}.pem", std::process::id()));
        fs::write(&file, certificate()).unwrap();
        let options = TlsOptions {
            cacertfile: Some(file.clone()),
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
        let before = client.connector().0;
        fs::remove_file(&file).unwrap();
        advance(CHECK_EVERY).await;
        let Refreshed::Kept(error) = client.refresh() else {
            panic!("there is no file");
        };
        assert_eq!(error.remedy, Remedy::Retry);
        // The pause is 250 ms, 500 ms, 1 s and so on, up to half a minute.
        for millis in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            advance(Duration::from_millis(millis - 1)).await;
            assert!(!client.refresh_due(), "{millis}");
            advance(Duration::from_millis(1)).await;
            assert!(client.refresh_due(), "{millis}");
            assert_eq!(client.refresh(), Refreshed::Unchanged);
        }
        fs::write(&file, certificate()).unwrap();
        advance(Duration::from_secs(30)).await;
        assert_eq!(client.refresh(), Refreshed::Renewed(vec![]));
        assert!(!Arc::ptr_eq(&before, &client.connector().0));
        // The problem is over, so the next one is reported again.
        fs::remove_file(&file).unwrap();
        advance(nearly(CHECK_EVERY)).await;
        assert!(!client.refresh_due());
        advance(Duration::from_millis(1)).await;
        assert!(matches!(client.refresh(), Refreshed::Kept(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_one_look_at_a_time() {
        let file = std::env::temp_dir().join(format!("tls-one-look-{}.pem", std::process::id()));
        fs::write(&file, certificate()).unwrap();
        let options = TlsOptions {
            cacertfile: Some(file.clone()),
            ..TlsOptions::default()
        };
        let (client, _) = TlsClient::open(&options, "localhost", false).unwrap();
        let client = Arc::new(client);
        assert!(client.begin_look().is_none());
        advance(CHECK_EVERY).await;
        let look = client.begin_look().unwrap();
        advance(10 * CHECK_EVERY).await;
        assert!(!client.refresh_due());
        assert!(client.begin_look().is_none());
        assert_eq!(client.refresh_now(), Refreshed::Unchanged);
        assert_eq!(look.refresh(), Refreshed::Unchanged);
        drop(look);
        advance(CHECK_EVERY).await;
        assert!(client.begin_look().is_some());
        fs::remove_file(&file).unwrap();
    }
}
