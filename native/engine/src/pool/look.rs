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
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use notification::{
        Content, DeliveryPolicy, Direction, Handler, HandlerId, HostType, HostTypeId, Names,
        Notification, PoolId, RejectCounters,
    };
    use payload::FormStyle;
    use queue::{Bound, LaneLimits};
    use tokio::runtime::Handle;
    use tokio::time::{Instant, advance, sleep};
    use transport::endpoint::Endpoint;

    use crate::pool::{Pool, PoolLimits};
    use crate::report::counters::CountersByPool;
    use crate::report::outcomes::Outcomes;
    use crate::report::wait_histogram::WaitHistogramSnapshot;
    use crate::settings::PoolOptions;

    /// A pool that is not open yet, for `items` notifications, which may all be in one lane.
    pub(in crate::pool) fn pool(counters: &CountersByPool, items: usize) -> Arc<Pool> {
        let lane = LaneLimits {
            items,
            cost: usize::MAX,
        };
        let limits = PoolLimits {
            items,
            bytes: usize::MAX,
            lane,
        };
        let node = Arc::new(Bound::new(usize::MAX));
        let report = (
            Arc::<Outcomes>::default(),
            counters.of("pool"),
            Arc::default(),
        );
        Pool::new(
            PoolId::default(),
            "pool",
            limits,
            (node, Arc::default()),
            report,
            Handle::current(),
            crate::worker::start,
        )
    }

    /// A notification for a handler with this path.
    pub(in crate::pool) fn notification(path: &str) -> Notification {
        let handler = Handler {
            id: HandlerId::default(),
            host_type: Arc::new(HostType::new(HostTypeId::default(), "localhost")),
            pool_name: "http_pool".into(),
            path: path.into(),
            plan: None,
            policy: DeliveryPolicy::default(),
            rejected: RejectCounters::default(),
        };
        let names = Names {
            sender: b"alice",
            server: b"localhost",
            receiver: b"bob",
        };
        let content = Content::Form;
        Notification::new(Arc::new(handler), Direction::In, names, b"hi", content).unwrap()
    }

    /// Opens the pool with one worker.
    pub(in crate::pool) fn open(
        pool: &Arc<Pool>,
        host: &str,
        request_timeout: u64,
        call_timeout: u64,
    ) {
        open_with(pool, host, request_timeout, call_timeout, 1);
    }

    /// Opens the pool.
    pub(in crate::pool) fn open_with(
        pool: &Arc<Pool>,
        host: &str,
        request_timeout: u64,
        call_timeout: u64,
        workers: u64,
    ) {
        open_with_queue(pool, host, request_timeout, call_timeout, workers, None);
    }

    /// Opens the pool, with a bound on what waits for each worker.
    pub(in crate::pool) fn open_with_queue(
        pool: &Arc<Pool>,
        host: &str,
        request_timeout: u64,
        call_timeout: u64,
        workers: u64,
        max_worker_queue_len: Option<u64>,
    ) {
        let options = PoolOptions {
            host: host.to_owned(),
            path_prefix: "/".to_owned(),
            request_timeout,
            call_timeout,
            workers,
            strategy: "best_worker".to_owned(),
            max_worker_queue_len,
            http2: false,
            tls: None,
        };
        let (settings, _) = options.check().unwrap();
        let base = settings.base.clone();
        let (notices, names) = (Arc::default(), Arc::default());
        pool.open(
            settings,
            Endpoint::new("pool", notices, names, base, None, None),
            FormStyle::default(),
        );
    }

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
