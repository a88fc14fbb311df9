//! One pool's TLS client: opened once, asked for each new connection, refreshed when files change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use files::{Seen, Stamp, Turn, Watch};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::config::{build, server_name, verifies, warn_about_options};
use super::peer::LastPeer;
use crate::{About, ConfigError, Remedy, TlsOptions, Warning};

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
    /// are no files, or while a check is under way that has not been given up.
    #[must_use]
    pub fn refresh_due(&self) -> bool {
        self.watch.is_due()
    }

    /// Starts a check of the files if one is due. The engine's threads call this and let another thread
    /// do the check.
    #[must_use]
    pub fn begin_look(self: &Arc<Self>) -> Option<Look> {
        if !self.refresh_due() {
            return None;
        }
        Some(Look(Arc::clone(self), self.watch.begin()?))
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
        let Some(turn) = self.watch.begin() else {
            return Refreshed::Unchanged;
        };
        let refreshed = self.look(&turn);
        self.watch.end(&turn);
        refreshed
    }

    /// Nothing comes of a look that has been given up meanwhile.
    fn look(&self, turn: &Turn) -> Refreshed {
        let seen = self.watch.seen();
        // Read the stamps before the content, so that the next check sees a change in between.
        let stamps = stamps(&self.options);
        let failures = 0;
        if stamps == seen.stamps {
            self.watch.saw(turn, Seen { stamps, failures }, || ());
            return Refreshed::Unchanged;
        }
        let mut warnings = Vec::new();
        match build(&self.options, self.http2, &self.last, &mut warnings) {
            Ok(config) => {
                let apply = || self.config.store(Arc::new(config));
                if !self.watch.saw(turn, Seen { stamps, failures }, apply) {
                    return Refreshed::Unchanged;
                }
                warnings.retain(|warning| warning.about == About::Content);
                Refreshed::Renewed(warnings)
            }
            Err(error) if error.remedy == Remedy::Retry => self.could_not_look(turn, error),
            Err(error) => {
                if self.watch.saw(turn, Seen { stamps, failures }, || ()) {
                    Refreshed::Kept(error)
                } else {
                    Refreshed::Unchanged
                }
            }
        }
    }

    fn could_not_look(&self, turn: &Turn, error: ConfigError) -> Refreshed {
        let mut seen = self.watch.seen();
        seen.failures = seen.failures.saturating_add(1);
        let first = seen.failures == 1;
        if self.watch.saw(turn, seen, || ()) && first {
            Refreshed::Kept(error)
        } else {
            Refreshed::Unchanged
        }
    }

    /// Records that no thread could be started for a check that was due. Its [`Look`] has ended with it.
    pub(crate) fn no_thread_to_look(&self, error: &io::Error) -> Refreshed {
        let Some(turn) = self.watch.begin() else {
            return Refreshed::Unchanged;
        };
        let text = format!("the files could not be looked at: {error}");
        let refreshed = self.could_not_look(&turn, ConfigError::passing("connection.tls", text));
        self.watch.end(&turn);
        refreshed
    }
}

/// The right to check a pool's files, until this is dropped.
#[derive(Debug)]
pub struct Look(Arc<TlsClient>, Turn);

impl Look {
    /// Applies changed files. Blocks on the file system.
    pub fn refresh(&self) -> Refreshed {
        self.0.look(&self.1)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.watch.end(&self.1);
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

#[cfg(test)]
mod tests;
