//! The content of one file, environment variable or value, parsed, and parsed again when the file has
//! changed.
//!
//! [`Watched::get`] is what the engine's threads call. It checks the file at most once a minute, on a
//! thread of its own, and does not wait for that if there is a content already. Only the first read is
//! waited for, and at most for [`PATIENCE`] since it began, so that a handler whose file hangs holds up
//! the workers of its pool no longer than that.

mod look;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::apart::{self, Slots};
use crate::{Remark, Seen, Source, Stamp, Tell, Turn, Watch};
use look::Look;

/// How long the first read is waited for.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// What is wrong with a file whose read has not ended within [`PATIENCE`].
const TAKES_LONG: &str = "reading it takes long";
/// How often a file is checked whose content was refused, while there is no other content.
const REFUSED_EVERY: Duration = Duration::from_secs(5);
/// How many threads may read one file at the same time, for all handlers that name it. A thread that
/// hangs stays.
const READERS_AT_MOST: usize = 64;

static READERS: LazyLock<Arc<Slots>> = LazyLock::new(|| Arc::new(Slots::new(READERS_AT_MOST)));

type Parse<T> = dyn Fn(&[u8]) -> Result<T, String> + Send + Sync;

/// The parsed content of a [`Source`], kept up to date.
pub struct Watched<T>(Arc<Shared<T>>);

struct Shared<T> {
    option: Box<str>,
    source: Source,
    parse: Box<Parse<T>>,
    tell: Tell,
    current: ArcSwapOption<T>,
    watch: Watch,
    state: Mutex<State>,
    /// Sent when a read has ended.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// What is wrong with the source now.
    problem: Option<String>,
    /// When the read that is under way began.
    reading_since: Option<Instant>,
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Begins to read `source`, and returns at once. `parse` makes the content of the bytes, or says
    /// what is wrong with them without showing them. `option` is the option's name, for texts.
    pub fn new(
        option: &str,
        source: Source,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
        tell: Tell,
    ) -> Self {
        let watched = Self::unread(option, source, parse, tell);
        watched.refresh();
        watched
    }

    /// Like [`Watched::new`], and reads at once. Blocks on the file system.
    pub fn read(
        option: &str,
        source: Source,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
        tell: Tell,
    ) -> Self {
        let watched = Self::unread(option, source, parse, tell);
        watched.refresh_here();
        watched
    }

    fn unread(
        option: &str,
        source: Source,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
        tell: Tell,
    ) -> Self {
        // The node's environment and a value never change, so only a file is ever due.
        let stamps: Vec<_> = source.path().map(|_| None).into_iter().collect();
        let shared = Arc::new(Shared {
            option: option.into(),
            source,
            parse: Box::new(parse),
            tell,
            current: ArcSwapOption::empty(),
            watch: Watch::new(stamps),
            state: Mutex::default(),
            ended: watch::Sender::new(()),
        });
        shared.watch.hurry();
        if shared.source.path().is_none()
            && let Some(look) = Look::begin(&shared)
        {
            look.run();
        }
        Self(shared)
    }

    /// The present content, or why there is none. If the source has never been read, this waits for the
    /// first read.
    pub async fn get(&self) -> Result<Arc<T>, String> {
        self.refresh();
        match self.0.current.load_full() {
            Some(content) => Ok(content),
            None => self.first().await,
        }
    }

    /// The present content, or why there is none, without waiting.
    pub fn now(&self) -> Result<Arc<T>, String> {
        let content = self.0.current.load_full();
        content.ok_or_else(|| self.0.describe())
    }

    /// Checks the file now, also if no check is due. Blocks on the file system.
    pub fn refresh_here(&self) {
        if self.0.source.path().is_some()
            && let Some(look) = Look::begin(&self.0)
        {
            look.run();
        }
    }

    /// Checks the file soon, also if no check is due: something suggests that it has changed.
    pub fn hurry(&self) {
        self.0.watch.hurry();
        self.refresh();
    }

    async fn first(&self) -> Result<Arc<T>, String> {
        loop {
            let mut ended = self.0.ended.subscribe();
            if !self.0.watch.is_looking() || self.0.hangs() {
                return self.now();
            }
            let since = self.0.state.lock().reading_since;
            let until = since.unwrap_or_else(Instant::now) + PATIENCE;
            if timeout_at(until, ended.changed()).await.is_err() {
                self.0.tell_if_it_hangs();
                return self.now();
            }
        }
    }

    /// Starts a check on another thread, if one is due.
    fn refresh(&self) {
        if self.0.watch.is_looking() {
            self.0.tell_if_it_hangs();
        }
        if !self.0.watch.is_due() {
            return;
        }
        let (Some(path), Some(look)) = (self.0.source.path(), Look::begin(&self.0)) else {
            return;
        };
        let Some(slot) = READERS.take(&path.to_string_lossy()) else {
            return look.fail(format!("{READERS_AT_MOST} earlier reads have not ended"));
        };
        // If there is no thread, the look is dropped, and says so itself.
        let _ = apart::run("http-pusher-txt", move || look.run_with(slot));
    }
}

impl<T> Shared<T> {
    /// Reads and parses the source, unless it is what was seen last. If the read has been given up
    /// meanwhile, nothing comes of it.
    fn read(&self, turn: &Turn) {
        let seen = self.watch.seen();
        // Before the content, so that the next check sees a change in between.
        let stamps: Vec<_> = self.source.path().map(Stamp::of).into_iter().collect();
        let known = stamps == seen.stamps && stamps.iter().all(Option::is_some);
        if known && !stamps.is_empty() && seen.failures == 0 && !self.hangs() {
            return;
        }
        let failures = 0;
        match self.source.read().map(|content| (self.parse)(&content)) {
            Ok(Ok(content)) => {
                let apply = || self.current.store(Some(Arc::new(content)));
                if self.watch.saw(turn, Seen { stamps, failures }, apply) {
                    self.good();
                }
            }
            Ok(Err(text)) => {
                if self.watch.saw(turn, Seen { stamps, failures }, || ()) {
                    self.bad(text, true);
                }
            }
            Err(text) => self.could_not_read(turn, text),
        }
    }

    fn could_not_read(&self, turn: &Turn, text: String) {
        let mut seen = self.watch.seen();
        let is_new = seen.failures == 0;
        seen.failures = seen.failures.saturating_add(1);
        if self.watch.saw(turn, seen, || ()) {
            self.bad(text, is_new);
        }
    }

    fn good(&self) {
        let problem = self.state.lock().problem.take();
        if problem.is_some() {
            let text = format!("{}: {} is in use", self.option, self.source);
            (self.tell)(Remark::Mended(text));
        }
    }

    fn bad(&self, text: String, is_new: bool) {
        let new = {
            let mut state = self.state.lock();
            let differs = state.problem.as_ref() != Some(&text);
            state.problem = Some(text);
            is_new || differs
        };
        if new {
            let what = self.describe();
            (self.tell)(if self.current.load().is_some() {
                Remark::Warning(format!("{what}; the old content stays in use"))
            } else {
                Remark::Problem(format!(
                    "{what}; until then notifications of this handler fail"
                ))
            });
        }
    }

    /// What is wrong now.
    fn describe(&self) -> String {
        let state = self.state.lock();
        let problem = state.problem.as_deref().unwrap_or(TAKES_LONG);
        format!("{}: {}: {problem}", self.option, self.source)
    }

    /// Whether the operator was told that reading it hangs.
    fn hangs(&self) -> bool {
        self.state.lock().problem.as_deref() == Some(TAKES_LONG)
    }

    fn tell_if_it_hangs(&self) {
        let since = self.state.lock().reading_since;
        if since.is_some_and(|since| since.elapsed() >= PATIENCE) {
            self.bad(TAKES_LONG.to_owned(), false);
        }
    }
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("option", &self.0.option)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl<T> Watched<T> {
    /// The file that is watched, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.source.path()
    }
}

#[cfg(test)]
mod tests;
