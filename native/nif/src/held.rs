//! How long calls hold a scheduler: the longest call of each function, in CPU time of the scheduler's
//! thread, so that a busy machine does not distort it. Calls are measured only after [`measure`];
//! otherwise a call only reads one flag.
//!
//! Every function that runs on a normal scheduler begins with [`held!`]; a test compares these
//! functions with those that the module exports.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::time::{ClockId, clock_gettime};

static ON: AtomicBool = AtomicBool::new(false);
/// Functions that were called while [`ON`] was set.
static ROWS: Mutex<Vec<&'static Row>> = Mutex::new(Vec::new());

/// The measurements of one function.
#[derive(Debug)]
pub struct Row {
    name: &'static str,
    listed: AtomicBool,
    calls: AtomicU64,
    longest: AtomicU64,
}

/// RAII guard: measures a call until it is dropped.
#[derive(Debug)]
#[must_use = "dropping the guard ends the measurement"]
pub struct Held(Option<(&'static Row, u64)>);

impl Row {
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            listed: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }

    /// Begins to measure a call, if measuring is on.
    pub fn begin(&'static self) -> Held {
        if !ON.load(Ordering::Relaxed) {
            return Held(None);
        }
        if !self.listed.swap(true, Ordering::AcqRel)
            && let Ok(mut rows) = ROWS.lock()
        {
            rows.push(self);
        }
        Held(cpu_time().map(|now| (self, now)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some((row, since)) = self.0 else {
            return;
        };
        let held = cpu_time().unwrap_or(since).saturating_sub(since);
        row.calls.fetch_add(1, Ordering::Relaxed);
        row.longest.fetch_max(held, Ordering::Relaxed);
    }
}

/// Starts or stops measuring; resets all measurements.
pub fn measure(on: bool) {
    if let Ok(rows) = ROWS.lock() {
        for row in &*rows {
            row.calls.store(0, Ordering::Relaxed);
            row.longest.store(0, Ordering::Relaxed);
        }
    }
    ON.store(on, Ordering::Relaxed);
}

/// Each function that was called: its name, its number of calls, and its longest call in nanoseconds.
pub fn list() -> Vec<(&'static str, u64, u64)> {
    let rows = ROWS.lock().map(|rows| rows.clone()).unwrap_or_default();
    rows.into_iter()
        .map(|row| {
            let (calls, longest) = (&row.calls, &row.longest);
            (
                row.name,
                calls.load(Ordering::Relaxed),
                longest.load(Ordering::Relaxed),
            )
        })
        .collect()
}

/// The CPU time that this thread has used, in nanoseconds.
fn cpu_time() -> Option<u64> {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    let seconds = u64::try_from(now.tv_sec()).ok()?;
    Some(seconds * 1_000_000_000 + u64::try_from(now.tv_nsec()).ok()?)
}

/// Measures the function of this name from here to the end of the scope.
macro_rules! held {
    ($name:expr) => {{
        static ROW: $crate::held::Row = $crate::held::Row::new($name);
        ROW.begin()
    }};
}
pub(crate) use held;
