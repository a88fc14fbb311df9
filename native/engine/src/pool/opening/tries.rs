//! The tries to open a pool: reads certificate files, and reads them again until that succeeds.
//!
//! Files are read on a thread of their own, because they can be on a mount that hangs. If the system
//! refuses something for now (a file that is not there yet, no descriptor), the task tries again, with
//! growing pauses; if a file's content is invalid, it tries again when the file has changed. Meanwhile
//! notifications wait as in any pool that opens, for at most [`PATIENCE`]. After that, or at once if only a
//! change can help, they fail and new ones are rejected, until the pool opens after all.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use transport::endpoint::Endpoint;
use transport::notices::NoticeKind;
use transport::tls::{Files, TlsClient, pause};
use transport::{ConfigError, Remedy, TlsOptions, apart};

use super::{PATIENCE, Progress, READERS_AT_MOST, Tools};
use crate::pool::Pool;
use crate::settings::PoolSettings;

/// How often files whose content was refused are checked for changes.
const FILES_EVERY: Duration = Duration::from_secs(5);

const OPTION: &str = "connection.tls";

/// The opening of a pool whose files have to be read.
pub(super) struct Opening {
    pool: Weak<Pool>,
    progress: Arc<watch::Sender<Progress>>,
    tools: Tools,
    /// Until when notifications wait.
    patient_until: Instant,
    /// Whether notifications have stopped waiting.
    broken: bool,
    /// The last failure, if there was one.
    failed: Option<Failure>,
    /// Consecutive failures that may pass by themselves.
    failures: u32,
    /// The files whose content was refused.
    refused: Option<Files>,
}

/// A failed try, for the operator.
struct Failure {
    remedy: Remedy,
    text: Arc<str>,
}

/// The result of a try.
enum Tried {
    Opened(Box<TlsClient>, Vec<String>),
    Failed(ConfigError, Files),
    /// The files are still those that were refused.
    Unchanged,
}

impl Opening {
    pub(super) fn new(pool: &Arc<Pool>, call_timeout: Duration, tools: Tools) -> Self {
        Self {
            pool: Arc::downgrade(pool),
            progress: Arc::clone(&pool.progress),
            tools,
            patient_until: Instant::now() + PATIENCE.min(call_timeout),
            broken: false,
            failed: None,
            failures: 0,
            refused: None,
        }
    }

    pub(super) async fn run(
        mut self,
        settings: PoolSettings,
        tls: TlsOptions,
        warnings: Vec<String>,
    ) {
        while self.pool.upgrade().is_some_and(|pool| !pool.is_over()) {
            let wait = match self.attempt(&settings, &tls).await {
                Tried::Opened(client, more) => {
                    let warnings = warnings.into_iter().chain(more).collect();
                    return self.finish(settings, Some(*client), warnings);
                }
                Tried::Unchanged => FILES_EVERY,
                Tried::Failed(error, files) => match error.remedy {
                    Remedy::OtherSetting => return self.fail(error, true).await,
                    Remedy::OtherContent => {
                        (self.failures, self.refused) = (0, Some(files));
                        self.fail(error, true).await;
                        FILES_EVERY
                    }
                    Remedy::Retry => {
                        (self.failures, self.refused) = (self.failures.saturating_add(1), None);
                        self.fail(error, false).await;
                        pause(self.failures)
                    }
                },
            };
            self.sleep(wait).await;
        }
    }

    /// Reads the files on another thread.
    async fn attempt(&mut self, settings: &PoolSettings, tls: &TlsOptions) -> Tried {
        let no_files = || Files::default();
        let Some(pool) = self.pool.upgrade() else {
            return Tried::Unchanged;
        };
        let Some(slot) = self.tools.readers.take(&pool.name) else {
            let text = format!("{READERS_AT_MOST} earlier tries to read the files have not ended");
            return Tried::Failed(ConfigError::passing(OPTION, text), no_files());
        };
        drop(pool);
        let (tls, host) = (tls.clone(), settings.base.host.clone());
        let (http2, refused) = (settings.http2, self.refused.clone());
        let read = apart::run("http-pusher-pem", move || {
            let _slot = slot;
            // Read before the content, so that the next try notices a change in between.
            let files = Files::of(&tls);
            if refused.as_ref() == Some(&files) {
                return Tried::Unchanged;
            }
            match TlsClient::open(&tls, &host, http2) {
                Ok((client, warnings)) => {
                    let warnings = warnings.iter().map(ToString::to_string).collect();
                    Tried::Opened(Box::new(client), warnings)
                }
                Err(error) => Tried::Failed(error, files),
            }
        });
        let result = match read {
            Ok(result) => result,
            Err(error) => {
                let text = format!("there is no thread to read the files: {error}");
                return Tried::Failed(ConfigError::passing(OPTION, text), no_files());
            }
        };
        let slow = || ConfigError::passing(OPTION, "reading the files takes long");
        self.patiently(result, slow).await.unwrap_or_else(|_| {
            let text = "reading the files crashed";
            Tried::Failed(ConfigError::passing(OPTION, text), no_files())
        })
    }

    async fn sleep(&mut self, wait: Duration) {
        let pool = Weak::clone(&self.pool);
        let over = async move {
            // Do not keep the pool alive during the wait.
            let Some(again) = pool.upgrade().map(|pool| Arc::clone(&pool.try_again)) else {
                return;
            };
            let _ = timeout(wait, again.notified()).await;
        };
        self.patiently(over, || ConfigError::passing(OPTION, ""))
            .await;
    }

    /// Waits for `work`. If `patient_until` comes first, notifications stop waiting, and this goes on.
    async fn patiently<T>(
        &mut self,
        work: impl Future<Output = T>,
        why: impl FnOnce() -> ConfigError,
    ) -> T {
        let mut work = pin!(work);
        if !self.broken {
            if let Ok(done) = timeout_at(self.patient_until, work.as_mut()).await {
                return done;
            }
            match &self.failed {
                None => self.fail(why(), true).await,
                Some(failure) => self.break_pool(Arc::clone(&failure.text)).await,
            }
        }
        work.await
    }

    /// Records a failure. The first one is reported through `progress` alone; later ones also as a
    /// notice, if the remedy has changed or another content was refused.
    async fn fail(&mut self, error: ConfigError, at_once: bool) {
        let remedy = error.remedy;
        let text: Arc<str> = error.to_string().into();
        if let Some(pool) = self.pool.upgrade() {
            pool.core().set_defect(Arc::clone(&text));
            if at_once {
                self.break_pool(Arc::clone(&text)).await;
            }
            let new = |before: &Failure| before.remedy != remedy || remedy == Remedy::OtherContent;
            if self.failed.as_ref().is_some_and(new) {
                let kind = NoticeKind::NotOpened(remedy);
                let notices = &self.tools.notices;
                notices.tell(&pool.name, kind, error.to_string());
            }
        }
        self.failed = Some(Failure { remedy, text });
        self.progress.send_replace(Progress::Failed(error));
    }

    /// Returns when all waiting notifications have failed, so that none is failed that arrives after
    /// the pool has opened.
    async fn break_pool(&mut self, text: Arc<str>) {
        if let Some(pool) = self.pool.upgrade().filter(|_| !self.broken) {
            self.broken = true;
            if pool.fail_to_open(&text) {
                pool.fail_what_waits(&text).await;
            }
        }
    }

    pub(super) fn finish(
        self,
        settings: PoolSettings,
        tls: Option<TlsClient>,
        warnings: Vec<String>,
    ) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let connect_within = if settings.request_timeout.is_zero() {
            settings.call_timeout
        } else {
            settings.request_timeout
        };
        let (notices, names) = (
            Arc::clone(&self.tools.notices),
            Arc::clone(&self.tools.names),
        );
        let endpoint = Endpoint::new(
            &pool.name,
            notices,
            names,
            settings.base.clone(),
            tls,
            settings.http2.then_some(connect_within),
        )
        .with_lifetimes(self.tools.lifetimes);
        pool.open(settings, endpoint, self.tools.form_style);
        let warnings = if self.failed.is_some() {
            let text = "the pool could not be opened at first, and is open now";
            let notices = &self.tools.notices;
            notices.tell(&pool.name, NoticeKind::Opened, text.to_owned());
            for warning in warnings {
                notices.add(&pool.name, warning);
            }
            Vec::new()
        } else {
            warnings
        };
        self.progress.send_replace(Progress::Open(warnings));
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        end(&self.progress);
    }
}

/// Records that the first try will never end, if it has not ended.
pub(super) fn end(progress: &watch::Sender<Progress>) {
    progress.send_if_modified(|progress| {
        let ended = matches!(progress, Progress::Reading);
        if ended {
            *progress = Progress::Ended;
        }
        ended
    });
}
