//! A pool that no engine owns, opened by the test itself, and the notification that most tests push.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use notification::{
    Content, DeliveryPolicy, Direction, Handler, HandlerId, HostType, HostTypeId, Names,
    Notification, PoolId, RejectCounters,
};
use payload::FormStyle;
use queue::{Bound, LaneLimits};
use tokio::runtime::Handle;
use transport::endpoint::Endpoint;

use crate::delivery::Opened;
use crate::pool::{Pool, PoolLimits, WorkerSignals};
use crate::report::counters::CountersByPool;
use crate::report::outcomes::Outcomes;
use crate::settings::PoolOptions;

/// A pool that is not open yet, for `items` notifications, which may all be in one lane.
pub(in crate::pool) fn pool(counters: &CountersByPool, items: usize) -> Arc<Pool> {
    pool_with(counters, items, crate::worker::start)
}

/// The same with other workers.
pub(in crate::pool) fn pool_with(
    counters: &CountersByPool,
    items: usize,
    start: fn(Arc<Pool>, Arc<Opened>, Arc<WorkerSignals>),
) -> Arc<Pool> {
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
        start,
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
        on_disk: OnceLock::default(),
        configured: AtomicU64::new(0),
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
pub(in crate::pool) fn open(pool: &Arc<Pool>, host: &str, request_timeout: u64, call_timeout: u64) {
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
