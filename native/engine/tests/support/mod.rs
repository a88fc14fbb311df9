//! An engine with a reporter that remembers every outcome, and pools at endpoints, for the tests beside.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod events;
pub mod process;
pub mod spooled;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::pool::PoolCounts;
use engine::report::outcomes::FIRST;
use engine::settings::PoolOptions;
use notification::{
    Content, DeliveryPolicy, Direction, Handler, HostTypeCounters, Names as Whose, Notification,
    PoolId, PushError, Retry, Statuses, Verdict, lane_key,
};
use payload::FormStyle;
use test_endpoint::{EndpointConfig, EndpointHandle, TestEndpoint};
use transport::TlsOptions;
use transport::names::Names;

pub const HOST_TYPE: &str = "localhost";
/// Nothing here takes this long, on the slowest machine either: what does has hung. No verdict is a matter
/// of how fast something is; what time-outs do to the millisecond is tested with a paused clock
/// (`pool::tests::timeouts` in the engine).
pub const BOUND: Duration = Duration::from_mins(2);
/// Longer than any test. What returns before has not waited for it.
pub const FOR_EVER: Duration = Duration::from_hours(1);
/// Values of `request_timeout` for tests in which it ends something: from a short one, which a quick machine
/// keeps, to one that every machine keeps.
pub const PATIENCE: [Duration; 4] = [
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

/// An outcome as the reporter saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Sent {
        status: u16,
        elapsed: Duration,
    },
    Failed {
        reason: &'static str,
        text: String,
        attempts: u32,
    },
}

#[derive(Clone, Debug)]
pub struct Seen {
    pub sender: String,
    pub text: Vec<u8>,
    pub end: End,
    pub at: Instant,
}

/// Told of an outcome instead of its being remembered.
pub type Watch = Box<dyn Fn(&Seen) + Send + Sync>;

#[derive(Default)]
struct Book {
    seen: Mutex<Vec<Seen>>,
    total: AtomicUsize,
    watch: Option<Watch>,
    more: Condvar,
    done: AtomicBool,
}

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

fn report(engine: &Engine, book: &Book) {
    loop {
        let done = book.done.load(Ordering::Acquire);
        let batch = engine.outcomes.take(FIRST, 256, |outcome| Seen {
            sender: String::from_utf8(outcome.notification.names().sender.to_vec()).unwrap(),
            text: payload::body(&outcome.notification, FormStyle::default()).to_vec(),
            end: match &outcome.verdict {
                Verdict::Sent { status, elapsed } => End::Sent {
                    status: *status,
                    elapsed: *elapsed,
                },
                Verdict::Failed {
                    reason,
                    text,
                    attempts,
                } => End::Failed {
                    reason: reason.as_str(),
                    text: text.to_string(),
                    attempts: *attempts,
                },
            },
            at: Instant::now(),
        });
        if batch.is_empty() {
            if done {
                return;
            }
            // No time-out: the bell has to ring.
            std::thread::park();
            continue;
        }
        for seen in batch {
            match &book.watch {
                Some(watch) => watch(&seen),
                None => book.seen.lock().unwrap().push(seen),
            }
            book.total.fetch_add(1, Ordering::AcqRel);
            engine.outcomes.counted(FIRST);
        }
        book.more.notify_all();
    }
}

/// Waits until `holds`.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A pool of one worker over plain HTTP, in which no time is up before the test is over.
pub fn options(host: impl Into<String>) -> PoolOptions {
    PoolOptions {
        host: host.into(),
        path_prefix: "/".to_owned(),
        request_timeout: millis(FOR_EVER),
        call_timeout: millis(FOR_EVER),
        workers: 1,
        strategy: "best_worker".to_owned(),
        max_worker_queue_len: None,
        http2: false,
        tls: None,
    }
}

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

pub fn test_endpoint(config: EndpointConfig) -> EndpointHandle {
    TestEndpoint::start_in_thread(config, 1).unwrap()
}

/// The same pool in a hurry: an attempt ends after `request_timeout`, and all of them after five times that.
pub fn hurried(options: PoolOptions, request_timeout: Duration) -> PoolOptions {
    PoolOptions {
        request_timeout: millis(request_timeout),
        call_timeout: millis(5 * request_timeout),
        ..options
    }
}

/// That a time was too short for this machine: nothing is wrong before it has been tried with a longer one.
#[derive(Debug)]
pub struct TooShort(pub String);

/// Tries with longer and longer times until one is long enough for this machine.
#[track_caller]
pub fn with_patience(mut attempt: impl FnMut(Duration) -> Result<(), TooShort>) {
    let mut why = String::new();
    for time in PATIENCE {
        match attempt(time) {
            Ok(()) => return,
            Err(TooShort(text)) => why = format!("{time:?} is too short: {text}"),
        }
    }
    panic!("{why}");
}

/// How often each sender's notifications have an outcome.
pub fn per_sender(seen: &[Seen]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for seen in seen {
        *counts.entry(seen.sender.as_str()).or_default() += 1;
    }
    counts
}

/// Options for a pool at `endpoint`, and the file with its authority, if it speaks TLS.
pub fn pool_at(endpoint: &EndpointHandle, http2: bool) -> (PoolOptions, Option<TempFile>) {
    let base = endpoint.url("");
    let Some(ca) = endpoint.ca_pem() else {
        return (options(base), None);
    };
    let file = TempFile::new(ca, endpoint.port());
    let tls = TlsOptions {
        cacertfile: Some(file.0.clone()),
        ..TlsOptions::default()
    };
    let options = PoolOptions {
        tls: Some(tls),
        http2,
        ..options(base)
    };
    (options, Some(file))
}

/// A file that goes away with its test.
pub struct TempFile(pub PathBuf);

impl TempFile {
    pub fn new(content: &str, number: u16) -> Self {
        let name = format!("engine-faults-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A folder of its own that goes away with its test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("engine-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// A file that does not exist yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaced, never written into: a pool may be reading it.
    pub fn file(&self, name: &str, content: &str) -> files::Source {
        let new = self.path("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
        files::Source::File(self.path(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
