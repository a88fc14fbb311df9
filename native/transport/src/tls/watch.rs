//! When a pool's certificate files are checked, and what the last check saw.
//!
//! New connections ask on the engine's threads whether a check is due. That only reads two atomics: the
//! engine's threads share no lock with code that reads files, which can hang on an unresponsive mount.
//! Only one check is under way at a time; while one hangs, no other starts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::file::Stamp;
use super::pause;

/// How often the files are checked while there is no problem with them.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);

/// The schedule for checking the files of one pool.
#[derive(Debug)]
pub(super) struct Watch {
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
pub(super) struct Seen {
    /// The stamps of the content that was applied or refused last.
    pub(super) stamps: Vec<Option<Stamp>>,
    /// How many checks since then failed for reasons that may pass.
    pub(super) failures: u32,
}

impl Watch {
    /// Starts the schedule after the files were read.
    pub(super) fn new(stamps: Vec<Option<Stamp>>) -> Self {
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

    pub(super) fn is_due(&self) -> bool {
        !self.idle
            && !self.looking.load(Ordering::Acquire)
            && millis(self.made.elapsed()) >= self.next.load(Ordering::Acquire)
    }

    /// Begins a check. Returns false while another one is under way.
    pub(super) fn begin(&self) -> bool {
        !self.looking.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end(&self) {
        let failures = self.seen.lock().failures;
        self.schedule(if failures == 0 {
            CHECK_EVERY
        } else {
            pause(failures)
        });
        self.looking.store(false, Ordering::Release);
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    pub(super) fn saw(&self, seen: Seen) {
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
