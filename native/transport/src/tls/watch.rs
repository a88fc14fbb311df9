//! When a pool's certificate files are looked at, and what the last look has seen.
//!
//! New connections ask whether a look is due on the engine's threads, so that reads two atomics: no lock
//! is shared with code that reads files, which can hang on a mount that does not answer. One look is
//! under way at a time; while one hangs there is no other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::file::Stamp;
use super::pause;

/// How often the files are looked at while there is no trouble with them.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);

/// The files of one pool.
#[derive(Debug)]
pub(super) struct Watch {
    /// There are none: nothing is ever due.
    idle: bool,
    made: Instant,
    /// When the next look is due, in milliseconds since `made`.
    next: AtomicU64,
    looking: AtomicBool,
    /// Copied and written by whoever looks, and not held while files are read.
    seen: Mutex<Seen>,
}

/// What is known of the files.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Of the content that was taken up or refused last.
    pub(super) stamps: Vec<Option<Stamp>>,
    /// Looks since then that came to nothing for reasons that may pass.
    pub(super) failures: u32,
}

impl Watch {
    /// The files were read a moment ago.
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

    /// False while another look is under way.
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
