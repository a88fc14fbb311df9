//! The opening of a pool: from its options to its endpoint. A pool whose certificate files have to be read
//! opens in a task ([`tries`]); any other pool opens at once.

mod tries;

use std::sync::Arc;
use std::time::Duration;

use payload::FormStyle;
use queue::Begin;
use transport::ConfigError;
use transport::apart::Slots;
use transport::lifetimes::Lifetimes;
use transport::names::Names;
use transport::notices::Notices;
use transport::tls::TlsClient;

use super::Pool;
use crate::settings::PoolOptions;
use tries::{Opening, end};

/// How long notifications wait for a pool that cannot be opened yet; never longer than `call_timeout`.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How many threads may read the files of pools of one name at the same time. A thread that hangs
/// stays, even if its pool was replaced.
pub const READERS_AT_MOST: usize = 4;

/// If a pool has more workers than this, an engine thread starts them instead of the caller.
const WORKERS_AT_ONCE: usize = 256;

/// How far the opening of a pool has come.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The first try has not ended.
    Reading,
    /// The pool is open, with these warnings.
    Open(Vec<String>),
    /// The last try has failed. Unless the remedy is another setting, more tries follow.
    Failed(ConfigError),
    /// The pool or the engine has ended before the first try did.
    Ended,
}

/// What an opening needs besides the pool.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) notices: Arc<Notices>,
    pub(crate) names: Arc<Names>,
    pub(crate) readers: Arc<Slots>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) form_style: FormStyle,
}

impl Pool {
    /// Begins to open the pool; returns at once. If the opening has begun before and waits for its next
    /// try, that try is made now. Returns false if the pool has no options.
    pub(crate) fn begin_opening(self: &Arc<Self>, tools: Tools) -> bool {
        let begin = self.core().begin_opening();
        match begin {
            Begin::Open(options) => self.open_with(options, tools),
            Begin::Begun => self.try_again.notify_one(),
            Begin::Ended => self.tell_if_ended(),
            Begin::NotConfigured => return false,
        }
        true
    }

    fn open_with(self: &Arc<Self>, options: PoolOptions, tools: Tools) {
        let (settings, warnings) = match options.check() {
            Ok((settings, warnings)) => (settings, warnings),
            Err(error) => return self.cannot_open(error),
        };
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let opening = Opening::new(self, settings.call_timeout, tools);
        match settings.tls.clone().filter(|_| settings.base.https) {
            None if settings.workers.get() > WORKERS_AT_ONCE => {
                let finish = async move { opening.finish(settings, None, warnings) };
                drop(self.handle.spawn(finish));
            }
            None => opening.finish(settings, None, warnings),
            Some(tls)
                if !TlsClient::reads_files(&tls) && settings.workers.get() <= WORKERS_AT_ONCE =>
            {
                match TlsClient::open(&tls, &settings.base.host, settings.http2) {
                    Ok((client, more)) => {
                        let more = more.iter().map(ToString::to_string);
                        let warnings = warnings.into_iter().chain(more).collect();
                        opening.finish(settings, Some(client), warnings);
                    }
                    Err(error) => self.cannot_open(error),
                }
            }
            Some(tls) => drop(self.handle.spawn(opening.run(settings, tls, warnings))),
        }
    }

    /// How far the opening has come.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Returns when the first try has ended, or will never end.
    pub(crate) async fn first_try(&self) {
        let mut progress = self.progress.subscribe();
        let over = |progress: &Progress| !matches!(progress, Progress::Reading);
        let _ = progress.wait_for(over).await;
    }

    fn cannot_open(self: &Arc<Self>, error: ConfigError) {
        let text: Arc<str> = error.to_string().into();
        if self.fail_to_open(&text) {
            let pool = Arc::clone(self);
            self.handle
                .spawn(async move { pool.fail_what_waits(&text).await });
        }
        self.progress.send_replace(Progress::Failed(error));
    }

    /// Ends the wait for a first try that will never end.
    fn tell_if_ended(&self) {
        end(&self.progress);
    }
}
