//! What an operator sees of a pool: its phase, and since when its oldest notification waits.
//!
//! Nothing is stored for this: it is searched for on request, a few lanes at a time, so that no session
//! waits for the lock for longer than those few take.

use queue::Phase;
use tokio::time::Instant;

use super::Pool;

/// The lanes that are searched under one lock.
const AT_ONCE: usize = 256;

impl Pool {
    /// Its phase in one word ([`Phase::as_str`]).
    #[must_use]
    pub fn phase(&self) -> &'static str {
        self.core().phase().as_str()
    }

    /// How many requests may be in flight: `workers`, or fewer if the endpoint accepts fewer at once; 0
    /// if the pool is not open.
    pub(crate) fn open_workers(&self) -> usize {
        let core = self.core();
        match core.phase() {
            Phase::Open(..) => core.slots(),
            _ => 0,
        }
    }

    /// When the oldest waiting notification was handed over. Notifications that arrive, leave or move
    /// during the search may be missed.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<Instant> {
        let mut oldest = None;
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let core = self.core();
            if core.counts().waiting == 0 {
                break;
            }
            let (found, next) = core.oldest(from, AT_ONCE, |queued| queued.accepted_at);
            drop(core);
            oldest = oldest.into_iter().chain(found).min();
            cursor = next;
        }
        oldest
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance, sleep};

    use crate::pool::tests::pools::{notification, open, pool};
    use crate::report::counters::CountersByPool;
    use crate::report::wait_histogram::WaitHistogramSnapshot;

    #[tokio::test(start_paused = true)]
    async fn queue_time_is_from_hand_over_to_the_start() {
        let counters = CountersByPool::default();
        let pool = pool(&counters, 100);
        let begin = Instant::now();
        pool.push(b"alice", notification("/n")).unwrap();
        advance(Duration::from_secs(3)).await;
        pool.push(b"bob", notification("/n")).unwrap();
        assert_eq!(pool.oldest_waiting(), Some(begin));
        advance(Duration::from_secs(4)).await;
        // No server listens there: the request starts, which is all that this test needs.
        open(&pool, "http://127.0.0.1:1", 1_000, 3_600_000);
        let read = || counters.of("pool").queue_time.read();
        while read().started() < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(pool.oldest_waiting(), None);
        let WaitHistogramSnapshot {
            counts,
            micros,
            longest,
        } = read();
        // Alice waited 7 s. Bob waited 4 s and then for the only worker, which had alice's request for
        // at most request_timeout.
        assert_eq!(longest, 7_000_000);
        assert!((11_000_000..=12_100_000).contains(&micros), "{micros}");
        // One is in the range up to 10 s, the other in that one or in the range up to 5 s.
        assert_eq!(counts[6] + counts[7], 2);
        assert!(counts[7] >= 1, "{counts:?}");
    }
}
