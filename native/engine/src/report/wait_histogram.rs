//! How long notifications waited between their hand-over and the start of their first request: a count
//! for each of a few ranges, the sum, and the longest.
//!
//! Only requests that started are counted; notifications that expired in the queue count as failures.
//! This module reads no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the ranges; one more range is for longer times. The ranges are narrow in the area
/// that operators care about: within a range, a percentile is a guess.
pub const BOUNDS: [Duration; 11] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_mins(1),
];

/// The number of ranges.
pub const RANGES: usize = BOUNDS.len() + 1;

/// A histogram that every worker of a pool updates.
#[derive(Debug, Default)]
pub struct WaitHistogram {
    counts: [AtomicU64; RANGES],
    micros: AtomicU64,
    longest: AtomicU64,
}

/// What [`WaitHistogram::read`] has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitHistogramSnapshot {
    /// Requests that started, by range.
    pub counts: [u64; RANGES],
    /// The sum of their times, in microseconds.
    pub micros: u64,
    /// The longest of their times, in microseconds.
    pub longest: u64,
}

impl WaitHistogram {
    /// Counts one more request that has started.
    pub fn add(&self, waited: Duration) {
        let range = BOUNDS
            .iter()
            .position(|bound| waited <= *bound)
            .unwrap_or(BOUNDS.len());
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.counts[range].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        // The time is hardly ever the longest, and a read costs less than a write.
        if micros > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(micros, Ordering::Relaxed);
        }
    }

    /// Reads the counters. If requests start meanwhile, the numbers may not be of one moment.
    #[must_use]
    pub fn read(&self) -> WaitHistogramSnapshot {
        let mut counts = [0; RANGES];
        for (count, counter) in counts.iter_mut().zip(&self.counts) {
            *count = counter.load(Ordering::Relaxed);
        }
        WaitHistogramSnapshot {
            counts,
            micros: self.micros.load(Ordering::Relaxed),
            longest: self.longest.load(Ordering::Relaxed),
        }
    }
}

impl WaitHistogramSnapshot {
    /// The number of requests that started.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS, RANGES, WaitHistogram};
    use std::time::Duration;

    #[test]
    fn each_time_is_in_its_range() {
        let times = WaitHistogram::default();
        for bound in BOUNDS {
            times.add(bound);
        }
        times.add(Duration::from_hours(1));
        let read = times.read();
        assert_eq!(read.counts, [1; RANGES]);
        assert_eq!(read.longest, 3_600_000_000);
        assert_eq!(read.micros, 3_727_626_000);
        assert_eq!(read.started(), 12);
    }
}
