//! When files are checked, and what the last check saw.
//!
//! The engine's threads ask whether a check is due when they need the files. That only reads two atomics: the
//! engine's threads share no lock with code that reads files, which can hang on an unresponsive mount.
//! Only one check is under way at a time; while one hangs, no other starts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Stamp, pause};

/// How often the files are checked while there is no problem with them.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);

/// The schedule for checking files that belong together.
#[derive(Debug)]
pub struct Watch {
    /// Set if there are no files, so that a check is never due.
    idle: bool,
    made: Instant,
    /// When the next check is due, in milliseconds since `made`.
    next: AtomicU64,
    looking: AtomicBool,
    /// Each check copies this and writes it back; the lock is not held while files are read.
    seen: Mutex<Seen>,
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
            seen: Mutex::new(Seen { stamps, failures }),
        };
        watch.schedule(CHECK_EVERY);
        watch
    }

    /// Whether to check the files now. It takes no lock. Returns false if there are no files, or while a
    /// check is under way.
    #[must_use]
    pub fn is_due(&self) -> bool {
        !self.idle
            && !self.looking.load(Ordering::Acquire)
            && millis(self.made.elapsed()) >= self.next.load(Ordering::Acquire)
    }

    /// Begins a check. Returns false while another one is under way.
    #[must_use]
    pub fn begin(&self) -> bool {
        !self.looking.swap(true, Ordering::AcqRel)
    }

    /// Ends a check: the next is due after the usual time, or soon if this one failed for reasons that
    /// may pass.
    pub fn end(&self) {
        self.end_with(CHECK_EVERY);
    }

    /// Like [`Watch::end`], with another usual time.
    pub fn end_with(&self, usual: Duration) {
        let failures = self.seen.lock().failures;
        self.schedule(if failures == 0 {
            usual
        } else {
            pause(failures)
        });
        self.looking.store(false, Ordering::Release);
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
        self.seen.lock().clone()
    }

    /// Records what a check has seen, before it ends.
    pub fn saw(&self, seen: Seen) {
        *self.seen.lock() = seen;
    }

    fn schedule(&self, wait: Duration) {
        let next = millis(self.made.elapsed() + wait);
        self.next.store(next, Ordering::Release);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
