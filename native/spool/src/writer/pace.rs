//! When the thread writes, and whether it has to be woken.
//!
//! To wake a thread costs a session more than all else that it does for the disk. So the thread sleeps only if no
//! record has come for a while; otherwise it looks by itself, at the pace of its transactions.

use std::time::{Duration, Instant};

/// While records keep coming, the time from the begin of a transaction to that of the next one.
const PACE: Duration = Duration::from_millis(10);
/// For so long after the last record came, the thread looks for the next one by itself.
const WATCH: Duration = Duration::from_millis(30);

/// When the thread took over what had come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The last time.
    began: Option<Instant>,
    /// The last time that records were among it.
    records: Option<Instant>,
}

impl Pace {
    /// Something is taken over now.
    pub fn takes(&mut self, now: Instant, records: bool) {
        self.began = Some(now);
        if records {
            self.records = Some(now);
        }
    }

    /// When records that wait are written.
    pub fn due(&self, now: Instant) -> Instant {
        self.began.map_or(now, |began| began + PACE)
    }

    /// When the thread looks by itself; none if it sleeps until it is woken.
    pub fn looks(&self, now: Instant, records_wait: bool) -> Option<Instant> {
        let watches = self.records.is_some_and(|last| now < last + WATCH);
        (records_wait || watches).then_some(now + PACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_is_written_at_once_and_the_next_at_the_pace() {
        let now = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.looks(now, false), None);
        assert_eq!(pace.due(now), now);
        pace.takes(now, true);
        assert_eq!(pace.due(now), now + PACE);
    }

    #[test]
    fn the_thread_watches_for_a_while_after_a_record_and_then_sleeps() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.takes(now, true);
        let before = now + WATCH / 2;
        assert_eq!(pace.looks(before, false), Some(before + PACE));
        assert_eq!(pace.looks(now + WATCH, false), None);
        // Not if a record waits for its turn.
        assert!(pace.looks(now + WATCH, true).is_some());
        assert!(pace.due(now + WATCH) < now + WATCH);
    }

    #[test]
    fn removals_alone_do_not_make_it_watch() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.takes(now, false);
        assert_eq!(pace.looks(now, false), None);
    }
}
