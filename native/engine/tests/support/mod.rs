//! An engine with a reporter that remembers every outcome, and pools at endpoints, for the tests beside.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used)]

pub mod events;
mod outcomes;
mod patience;
mod pools;
pub mod process;
mod scratch;
pub mod spooled;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::pool::PoolCounts;
use engine::settings::PoolOptions;
use notification::{
    Content, DeliveryPolicy, Direction, Handler, HostTypeCounters, Names as Whose, Notification,
    PoolId, PushError, Retry, Statuses, lane_key,
};
use transport::names::Names;

use outcomes::{Book, report};
pub use outcomes::{End, Seen, Watch, assert_answered, assert_sent, per_sender};
pub use patience::{BOUND, FOR_EVER, PATIENCE, TooShort, until, with_patience};
pub use pools::{hurried, millis, options, pool_at, test_endpoint};
pub use scratch::{Scratch, TempFile};

pub const HOST_TYPE: &str = "localhost";

/// An engine and its reporter.
pub struct Bench {
    pub engine: Arc<Engine>,
    book: Arc<Book>,
    reporter: Option<JoinHandle<()>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(EngineSettings::default(), Arc::default())
    }

    pub fn with(settings: EngineSettings, names: Arc<Names>) -> Self {
        Self::start(settings, names, None)
    }

    /// Outcomes go to `watch` and are not kept.
    pub fn watched(watch: Watch) -> Self {
        Self::start(EngineSettings::default(), Arc::default(), Some(watch))
    }

    fn start(settings: EngineSettings, names: Arc<Names>, watch: Option<Watch>) -> Self {
        let engine = Arc::new(Engine::default());
        let book = Arc::new(Book {
            watch,
            ..Book::default()
        });
        let reporter = {
            let (engine, book) = (Arc::clone(&engine), Arc::clone(&book));
            std::thread::spawn(move || report(&engine, &book))
        };
        let thread = reporter.thread().clone();
        engine
            .start_with(settings, names, move |_| thread.unpark())
            .unwrap();
        Self {
            engine,
            book,
            reporter: Some(reporter),
        }
    }

    /// Starts the engine again after a stop, with the same counters and reporter.
    pub fn start_again(&self, settings: EngineSettings) {
        let reporter = self.reporter.as_ref().unwrap().thread().clone();
        self.engine
            .start(settings, move |_| reporter.unpark())
            .unwrap();
    }

    /// A pool that is open.
    pub fn pool(&self, options: PoolOptions) -> PoolId {
        let id = self.engine.create_pool(&options.host).unwrap();
        self.engine.configure_pool(id, options).unwrap();
        self.engine.open_pool(id).unwrap();
        id
    }

    pub fn handler(&self, path: &str) -> Arc<Handler> {
        self.engine.handler(HOST_TYPE, "http_pool", path)
    }

    /// A handler whose deliveries are tried again until there is a 2xx: after pauses of up to `max`, for at
    /// most `give_up_after`.
    pub fn patient(&self, path: &str, max: Duration, give_up_after: Duration) -> Arc<Handler> {
        let policy = DeliveryPolicy {
            success: Statuses::NONE.and(200..=299),
            retry: Some(Retry {
                initial: max,
                max,
                give_up_after,
                ..Retry::default()
            }),
            ..DeliveryPolicy::default()
        };
        self.engine
            .planned_handler(HOST_TYPE, "http_pool", path, policy, None)
    }

    /// Hands over a notification that `sender` sends, in the lane of `sender`.
    pub fn push(&self, pool: PoolId, sender: &str) -> Result<(), PushError> {
        self.push_text(pool, &self.handler("/n"), sender, b"hello")
    }

    pub fn push_text(
        &self,
        pool: PoolId,
        handler: &Arc<Handler>,
        sender: &str,
        text: &[u8],
    ) -> Result<(), PushError> {
        let whose = Whose {
            sender: sender.as_bytes(),
            server: b"localhost",
            receiver: b"bob",
        };
        let mut key = Vec::new();
        lane_key(&mut key, handler.host_type.id, Direction::In, whose, b"");
        let notification = Notification::new(
            Arc::clone(handler),
            Direction::In,
            whose,
            text,
            Content::Form,
        );
        self.engine.push(pool, &key, notification.unwrap())
    }

    /// Hands over, waits for the outcome; how long that took.
    #[track_caller]
    pub fn deliver(&self, pool: PoolId, sender: &str) -> (End, Duration) {
        let begin = Instant::now();
        self.push(pool, sender).unwrap();
        let seen = self.outcome_of(sender);
        (seen.end, seen.at - begin)
    }

    /// The one outcome of what `sender` sent.
    #[track_caller]
    pub fn outcome_of(&self, sender: &str) -> Seen {
        let of = |seen: &[Seen]| seen.iter().find(|seen| seen.sender == sender).cloned();
        self.wait(&format!("an outcome for {sender}"), of)
    }

    /// All outcomes once there are `count`.
    #[track_caller]
    pub fn outcomes(&self, count: usize) -> Vec<Seen> {
        let all = |seen: &[Seen]| (seen.len() >= count).then(|| seen.to_vec());
        self.wait(&format!("{count} outcomes"), all)
    }

    #[track_caller]
    pub fn wait<R>(&self, what: &str, found: impl Fn(&[Seen]) -> Option<R>) -> R {
        let end = Instant::now() + BOUND;
        let mut seen = self.book.seen.lock().unwrap();
        loop {
            if let Some(found) = found(&seen) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            let counts: Vec<PoolCounts> = self
                .engine
                .pools()
                .iter()
                .map(|pool| pool.counts())
                .collect();
            assert!(
                !left.is_zero(),
                "no {what}; {} there: {counts:?}",
                seen.len()
            );
            let short = left.min(Duration::from_millis(50));
            seen = self.book.more.wait_timeout(seen, short).unwrap().0;
        }
    }

    pub fn seen(&self) -> usize {
        self.book.total.load(Ordering::Acquire)
    }

    pub fn counters(&self) -> HostTypeCounters {
        self.engine
            .host_type(HOST_TYPE)
            .map(|host_type| host_type.counters())
            .unwrap_or_default()
    }

    pub fn counts(&self, pool: PoolId) -> PoolCounts {
        self.engine.pool(pool).unwrap().counts()
    }

    /// Every notification has exactly one outcome, all room is given back, and the numbers agree.
    #[track_caller]
    pub fn assert_conserved(&self) {
        until(
            "everything is acknowledged, and the queues are done",
            || {
                let counters = self.counters();
                let pools = self.engine.pools();
                // A lane's own room is free once the worker has told the queue, after the outcome.
                let done = pools.iter().all(|pool| pool.counts().pending_bytes == 0);
                counters.pending == 0 && self.engine.outcomes.is_empty() && done
            },
        );
        let counters = self.counters();
        assert_eq!(
            counters.pushed,
            counters.accepted + counters.rejected,
            "{counters:?}"
        );
        assert_eq!(
            counters.accepted,
            counters.sent + counters.failed,
            "{counters:?}"
        );
        assert_eq!(counters.accepted, self.seen() as u64, "{counters:?}");
        for pool in self.engine.pools() {
            let counts = pool.counts();
            assert_eq!((counts.pending, counts.pending_bytes), (0, 0), "{counts:?}");
            assert_eq!(
                counts.queue.waiting + counts.queue.in_flight,
                0,
                "{counts:?}"
            );
            assert_eq!(
                counts.queue.accepted,
                counts.queue.sent + counts.queue.failed,
                "{counts:?}"
            );
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.engine.stop();
        self.book.done.store(true, Ordering::Release);
        if let Some(reporter) = self.reporter.take() {
            reporter.thread().unpark();
            let _ = reporter.join();
        }
    }
}
