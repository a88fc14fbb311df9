//! The longest transaction of the last minute.

use std::time::{Duration, Instant};

/// How long a transaction counts at least, and at most twice as long.
const HALF: Duration = Duration::from_secs(30);

/// The longest one of this half of a minute, and of the one before.
#[derive(Debug)]
pub(super) struct Slowest {
    since: Instant,
    now: Duration,
    before: Duration,
}

impl Slowest {
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            now: Duration::ZERO,
            before: Duration::ZERO,
        }
    }

    /// A transaction took so long.
    pub fn note(&mut self, now: Instant, took: Duration) {
        self.turn(now);
        self.now = self.now.max(took);
    }

    /// How long the longest one took.
    pub fn at(&mut self, now: Instant) -> Duration {
        self.turn(now);
        self.now.max(self.before)
    }

    fn turn(&mut self, now: Instant) {
        let halves = now.saturating_duration_since(self.since).as_secs() / HALF.as_secs();
        if halves > 0 {
            self.before = if halves == 1 {
                self.now
            } else {
                Duration::ZERO
            };
            self.now = Duration::ZERO;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(900);
    const QUICK: Duration = Duration::from_millis(2);

    #[test]
    fn a_slow_transaction_is_told_for_a_minute_and_no_longer() {
        let begin = Instant::now();
        let mut slowest = Slowest::new(begin);
        slowest.note(begin + HALF / 2, SLOW);
        slowest.note(begin + HALF, QUICK);
        assert_eq!(slowest.at(begin + HALF * 3 / 2), SLOW);
        assert_eq!(slowest.at(begin + HALF * 2), QUICK);
        // Without a transaction too.
        assert_eq!(slowest.at(begin + HALF * 4), Duration::ZERO);
    }

    #[test]
    fn one_that_is_forgotten_does_not_hide_another() {
        let begin = Instant::now();
        let mut slowest = Slowest::new(begin);
        slowest.note(begin, 2 * SLOW);
        slowest.note(begin + HALF, SLOW);
        slowest.note(begin + 2 * HALF, QUICK);
        assert_eq!(slowest.at(begin + 2 * HALF), SLOW);
    }
}
