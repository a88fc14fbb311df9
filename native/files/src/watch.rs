//! When files are checked, and what the last check saw.
//!
//! The engine's threads ask whether a check is due when they need the files. They share no lock that is held while
//! files are read, which can hang on an unresponsive mount. One check is under way at a time. One that hangs is given
//! up after [`GIVEN_UP_AFTER`], or after twice as long for each that hangs already: another may begin beside it, and
//! what the old one reads at last is not used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Stamp, pause};

/// How often the files are checked while there is no problem with them.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);
/// How long a check may take until another may begin beside it, if no other hangs.
pub const GIVEN_UP_AFTER: Duration = Duration::from_mins(5);
/// Each check that hangs holds a thread, so more and more time passes until another begins, but never more than this.
const PATIENCE: Duration = Duration::from_hours(24);

/// The schedule for checking files that belong together.
#[derive(Debug)]
pub struct Watch {
    /// Set if there are no files, so that a check is never due.
    idle: bool,
    made: Instant,
    /// When the next check is due, in milliseconds since `made`.
    next: AtomicU64,
    looking: AtomicBool,
    /// Not held while files are read.
    turns: Mutex<Turns>,
}

/// The right to check the files and to apply what they hold, from [`Watch::begin`] to [`Watch::end`].
#[derive(Debug)]
pub struct Turn(u64);

#[derive(Debug)]
struct Turns {
    /// The number of the last turn: the one that is under way, if one is.
    last: u64,
    /// When it began, since `made`.
    since: Duration,
    /// How many turns that were given up have not ended.
    hanging: u32,
    seen: Seen,
}

impl Turns {
    /// How long a check may take beside those that hang.
    fn patience(&self) -> Duration {
        let times = 2_u32.saturating_pow(self.hanging);
        GIVEN_UP_AFTER.saturating_mul(times).min(PATIENCE)
    }
}

/// What the last check saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The stamps of the content that was applied or refused last.
    pub stamps: Vec<Option<Stamp>>,
    /// How many checks since then failed for reasons that may pass.
    pub failures: u32,
}

impl Watch {
    /// Starts the schedule after the files were read.
    #[must_use]
    pub fn new(stamps: Vec<Option<Stamp>>) -> Self {
        let failures = 0;
        let watch = Self {
            idle: stamps.is_empty(),
            made: Instant::now(),
            next: AtomicU64::new(0),
            looking: AtomicBool::new(false),
            turns: Mutex::new(Turns {
                last: 0,
                since: Duration::ZERO,
                hanging: 0,
                seen: Seen { stamps, failures },
            }),
        };
        watch.schedule(watch.now(), CHECK_EVERY);
        watch
    }

    /// Whether to check the files now. It takes no lock. Returns false if there are no files, or while a
    /// check is under way that has not been given up.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.idle && millis(self.now()) >= self.next.load(Ordering::Acquire)
    }

    /// Begins a check. Returns nothing while another one is under way, unless that one hangs.
    #[must_use]
    pub fn begin(&self) -> Option<Turn> {
        let mut turns = self.turns.lock();
        let now = self.now();
        if self.looking.load(Ordering::Acquire) {
            if now.saturating_sub(turns.since) < turns.patience() {
                return None;
            }
            turns.hanging += 1;
        }
        turns.last += 1;
        turns.since = now;
        self.looking.store(true, Ordering::Release);
        self.schedule_beside(&turns);
        Some(Turn(turns.last))
    }

    /// Records what a check has seen, and calls `apply` to put it to use. Does neither, and returns false,
    /// if the check was given up.
    pub fn saw(&self, turn: &Turn, seen: Seen, apply: impl FnOnce()) -> bool {
        let mut turns = self.turns.lock();
        let is_current = turn.0 == turns.last;
        if is_current {
            turns.seen = seen;
            apply();
        }
        is_current
    }

    /// Ends a check: the next is due after the usual time, or soon if this one failed for reasons that
    /// may pass. Returns whether it was not given up before.
    pub fn end(&self, turn: &Turn) -> bool {
        self.end_with(turn, CHECK_EVERY)
    }

    /// Like [`Watch::end`], with another usual time.
    pub fn end_with(&self, turn: &Turn, usual: Duration) -> bool {
        let mut turns = self.turns.lock();
        let is_current = turn.0 == turns.last;
        if is_current {
            let failures = turns.seen.failures;
            let wait = match failures {
                0 => usual,
                failures => pause(failures),
            };
            self.schedule(self.now(), wait);
            self.looking.store(false, Ordering::Release);
        } else {
            turns.hanging -= 1;
            if self.is_looking() {
                self.schedule_beside(&turns);
            }
        }
        is_current
    }

    /// Whether a check is under way.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        self.looking.load(Ordering::Acquire)
    }

    /// Makes a check due now.
    pub fn hurry(&self) {
        self.next.store(0, Ordering::Release);
    }

    /// What the last check saw.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.turns.lock().seen.clone()
    }

    /// When another check may begin beside the one that is under way.
    fn schedule_beside(&self, turns: &Turns) {
        self.schedule(turns.since, turns.patience());
    }

    fn schedule(&self, from: Duration, wait: Duration) {
        self.next.store(millis(from + wait), Ordering::Release);
    }

    fn now(&self) -> Duration {
        self.made.elapsed()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
