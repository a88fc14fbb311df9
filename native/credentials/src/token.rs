//! A token that is fetched, kept, and renewed before it ends.
//!
//! One task fetches, so there is one fetch at a time. While a token is good, no notification waits for a
//! fetch. Without a good token, a notification waits for the first fetch, at most [`PATIENCE`]; once a
//! fetch has failed, notifications fail at once with its reason until a later one succeeds, because a
//! worker that waits is missing to the other handlers of its pool.

mod answer;
mod client;
pub(crate) mod google;
pub(crate) mod oauth2;
mod pace;
mod task;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use files::{Remark, Tell};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::CredentialError;
use pace::{Failures, Life};
use task::Running;

/// How long a notification waits for the first token.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one fetch may take.
const FETCH_WITHIN: Duration = Duration::from_secs(10);
/// After this time without a notification, tokens are no longer renewed.
const IDLE: Duration = Duration::from_hours(24);
/// How often a service that answers 401 makes us fetch a new token.
const UNAUTHORIZED_EVERY: Duration = Duration::from_mins(1);

/// What a fetch has brought.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The value of `authorization`.
    pub(crate) value: HeaderValue,
    /// How long the token is good, as the endpoint says.
    pub(crate) expires_in: Duration,
}

/// Why a fetch has brought nothing. The text has no secret.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) text: String,
    /// The endpoint asks not to be asked for this time.
    pub(crate) retry_after: Option<Duration>,
    /// The reason is a file of ours, not the endpoint.
    pub(crate) secret: bool,
}

type Fetch = dyn Fn() -> BoxFuture<'static, Result<Granted, Refused>> + Send + Sync;

/// The tokens of one handler.
pub(crate) struct Tokens(Arc<Shared>);

struct Shared {
    /// Names what the tokens are for, in texts.
    option: &'static str,
    fetch: Box<Fetch>,
    tell: Tell,
    made: Instant,
    current: ArcSwapOption<Token>,
    state: Mutex<State>,
    /// When a notification last asked, in milliseconds since `made`.
    used: AtomicU64,
    /// Sent when a fetch has ended.
    ended: watch::Sender<()>,
    /// Ends the pause before the next fetch.
    hurry: Arc<Notify>,
}

struct Token {
    value: HeaderValue,
    good_until: Instant,
}

#[derive(Default)]
struct State {
    /// Whether the task that fetches is there.
    running: bool,
    /// When the fetch that is under way began.
    fetching_since: Option<Instant>,
    /// Why the last fetch failed, if it did.
    failed: Option<CredentialError>,
    /// What the operator was told last: a warning, or a problem.
    told: Option<Told>,
    unauthorized_at: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Warning,
    Problem,
}

impl Tokens {
    pub(crate) fn new(option: &'static str, tell: Tell, fetch: Box<Fetch>) -> Self {
        Self(Arc::new(Shared {
            option,
            fetch,
            tell,
            made: Instant::now(),
            current: ArcSwapOption::empty(),
            state: Mutex::default(),
            used: AtomicU64::new(0),
            ended: watch::Sender::new(()),
            hurry: Arc::default(),
        }))
    }

    /// Starts the task that fetches, if it is not there. Called in a runtime.
    pub(crate) fn start(&self) {
        let since = self.0.made.elapsed().as_millis();
        self.0
            .used
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        {
            let mut state = self.0.state.lock();
            if state.running {
                return;
            }
            state.running = true;
            state.fetching_since = Some(Instant::now());
        }
        let running = Running::new(&self.0);
        drop(tokio::spawn(running.run(Arc::clone(&self.0.hurry))));
    }

    /// The value of `authorization`.
    pub(crate) async fn get(&self) -> Result<HeaderValue, CredentialError> {
        loop {
            let mut ended = self.0.ended.subscribe();
            self.start();
            if let Some(value) = self.0.good() {
                return Ok(value);
            }
            let since = {
                let state = self.0.state.lock();
                match (&state.failed, state.fetching_since) {
                    (Some(error), _) => return Err(error.clone()),
                    (None, Some(since)) => since,
                    // The token has just ended, and its renewal begins at once.
                    (None, None) => Instant::now(),
                }
            };
            if timeout_at(since + PATIENCE, ended.changed()).await.is_err() {
                let seconds = PATIENCE.as_secs();
                let text = format!("{}: there is no token after {seconds} s", self.0.option);
                return Err(CredentialError::Token(text));
            }
        }
    }

    pub(crate) fn unauthorized(&self) {
        let mut state = self.0.state.lock();
        let now = Instant::now();
        let lately = |at: Instant| now.saturating_duration_since(at) < UNAUTHORIZED_EVERY;
        if !state.unauthorized_at.is_some_and(lately) {
            state.unauthorized_at = Some(now);
            drop(state);
            self.0.hurry.notify_one();
        }
    }
}

impl Shared {
    fn good(&self) -> Option<HeaderValue> {
        let token = self.current.load();
        let token = token
            .as_ref()
            .filter(|token| Instant::now() < token.good_until)?;
        Some(token.value.clone())
    }

    /// Whether no notification has asked for a long time.
    fn is_idle(&self) -> bool {
        let used = Duration::from_millis(self.used.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(used) >= IDLE
    }

    /// Fetches once. Returns how long to wait before the next fetch.
    async fn fetch(&self, failures: &mut Failures) -> Duration {
        self.state.lock().fetching_since = Some(Instant::now());
        let asked = Instant::now();
        let granted = timeout(FETCH_WITHIN, (self.fetch)()).await;
        let granted = granted.unwrap_or_else(|_| {
            Err(Refused {
                text: format!("no answer within {} s", FETCH_WITHIN.as_secs()),
                retry_after: None,
                secret: false,
            })
        });
        let wait = match granted {
            Ok(granted) => {
                *failures = Failures::default();
                self.granted(granted, asked)
            }
            Err(refused) => {
                let wait = failures.next(refused.retry_after);
                self.refused(&refused);
                wait
            }
        };
        self.ended.send_replace(());
        wait
    }

    fn granted(&self, granted: Granted, asked: Instant) -> Duration {
        let life = Life::of(granted.expires_in);
        let value = granted.value;
        let good_until = asked + life.good;
        self.current
            .store(Some(Arc::new(Token { value, good_until })));
        let told = {
            let mut state = self.state.lock();
            state.fetching_since = None;
            state.failed = None;
            state.told.take()
        };
        if told.is_some() {
            (self.tell)(Remark::Mended(format!(
                "{}: there is a token again",
                self.option
            )));
        }
        life.renew_after.saturating_sub(asked.elapsed())
    }

    fn refused(&self, refused: &Refused) {
        let text = format!("{}: {}", self.option, refused.text);
        let good = self.good().is_some();
        let now = if good { Told::Warning } else { Told::Problem };
        let before = {
            let mut state = self.state.lock();
            state.fetching_since = None;
            state.failed = Some(if refused.secret {
                CredentialError::Secret(text.clone())
            } else {
                CredentialError::Token(text.clone())
            });
            state.told.replace(now)
        };
        if before != Some(now) {
            (self.tell)(if good {
                Remark::Warning(format!("{text}; the present token is still good"))
            } else {
                Remark::Problem(format!(
                    "{text}; until there is a token, notifications fail"
                ))
            });
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("option", &self.0.option)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
