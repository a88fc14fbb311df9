//! Tests that a pool whose file comes late opens in time, on a clock that only the test advances. The
//! tests with real files and a real clock are in `tests/opening.rs`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use payload::FormStyle;
use tokio::time::{Instant, advance};
use transport::TlsOptions;
use transport::apart::Slots;
use transport::lifetimes::Lifetimes;
use transport::notices::{NoticeKind, Notices};

use super::pools::{notification, pool};
use crate::pool::Pool;
use crate::pool::opening::{PATIENCE, READERS_AT_MOST, Tools};
use crate::report::counters::CountersByPool;
use crate::settings::PoolOptions;

/// The limit of every wait here, in real time.
const BOUND: Duration = Duration::from_mins(1);

/// Runs `test` on a clock that only the test advances. Without the blocking task, the runtime would
/// advance the clock by itself while other threads are working.
fn on_a_clock_of_its_own(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    runtime.block_on(test);
    drop(release);
    runtime.shutdown_background();
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < BOUND, "not in time: {what}");
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn file(name: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("engine-late-{name}-{}.pem", std::process::id()));
    let _ = fs::remove_file(&file);
    file
}

fn certificate() -> String {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    made.cert.pem()
}

/// Begins to open a pool whose endpoint accepts connections and never answers.
fn begin(pool: &Arc<Pool>, ca: PathBuf, endpoint: &TcpListener) -> Arc<Notices> {
    let options = PoolOptions {
        host: format!("https://{}", endpoint.local_addr().unwrap()),
        path_prefix: "/".to_owned(),
        request_timeout: 3_600_000,
        call_timeout: 7_200_000,
        workers: 1,
        strategy: "best_worker".to_owned(),
        max_worker_queue_len: None,
        http2: false,
        tls: Some(TlsOptions {
            cacertfile: Some(ca),
            ..TlsOptions::default()
        }),
    };
    let notices = Arc::<Notices>::default();
    let tools = Tools {
        notices: Arc::clone(&notices),
        names: Arc::default(),
        readers: Arc::new(Slots::new(READERS_AT_MOST)),
        lifetimes: Lifetimes::default(),
        form_style: FormStyle::default(),
    };
    pool.configure(options);
    pool.begin_opening(tools);
    notices
}

/// What stands for a defect that the test has seen.
const SEEN: &str = "seen";

fn has_new_defect(pool: &Pool) -> bool {
    pool.defect().is_some_and(|defect| &*defect != SEEN)
}

fn forget_defect(pool: &Pool) {
    pool.core().set_defect(SEEN.into());
}

#[test]
fn a_file_that_comes_two_seconds_late_costs_nothing() {
    on_a_clock_of_its_own(async {
        let endpoint = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let counters = CountersByPool::default();
        let (pool, ca) = (pool(&counters, 100), file("two-seconds"));
        let begin_at = Instant::now();
        let notices = begin(&pool, ca.clone(), &endpoint);
        pool.push(b"alice", notification("/n")).unwrap();
        // Tries at once, and after 250, 750 and 1,750 ms.
        for pause in [250, 500, 1_000] {
            until("a try", || has_new_defect(&pool)).await;
            forget_defect(&pool);
            advance(Duration::from_millis(pause)).await;
        }
        until("a try", || has_new_defect(&pool)).await;
        advance(Duration::from_millis(250)).await;
        pool.push(b"bob", notification("/n")).unwrap();
        fs::write(&ca, certificate()).unwrap();
        advance(Duration::from_millis(1_750)).await;
        until("the pool is open", || pool.phase() == "open").await;
        assert!(begin_at.elapsed() < PATIENCE);
        until("the first is in flight", || {
            pool.counts().queue.in_flight == 1
        })
        .await;
        assert_eq!(pool.counts().queue.failed, 0);
        assert_eq!(pool.defect(), None);
        let kinds: Vec<_> = notices.take().iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, [NoticeKind::Opened]);
        fs::remove_file(&ca).unwrap();
    });
}

/// To the millisecond: notifications wait for [`PATIENCE`], and the tries go on after that.
#[test]
fn notifications_wait_for_five_seconds_and_the_tries_go_on() {
    on_a_clock_of_its_own(async {
        let endpoint = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let counters = CountersByPool::default();
        let (pool, ca) = (pool(&counters, 100), file("patience"));
        let notices = begin(&pool, ca.clone(), &endpoint);
        pool.push(b"alice", notification("/n")).unwrap();
        until("a try", || has_new_defect(&pool)).await;
        advance(PATIENCE.saturating_sub(Duration::from_millis(1))).await;
        until("a try", || has_new_defect(&pool)).await;
        assert_eq!((pool.phase(), counters.of("pool").failed()), ("opening", 0));
        advance(Duration::from_millis(1)).await;
        until("it waits no longer", || pool.phase() == "broken").await;
        until("it is told", || counters.of("pool").failed() == 1).await;
        for _ in 0..10 {
            forget_defect(&pool);
            advance(Duration::from_secs(30)).await;
            until("a try", || has_new_defect(&pool)).await;
        }
        assert!(notices.take().is_empty(), "said once, and that elsewhere");
        fs::write(&ca, certificate()).unwrap();
        advance(Duration::from_secs(30)).await;
        until("the pool is open", || pool.phase() == "open").await;
        pool.push(b"alice", notification("/n")).unwrap();
        until("it is in flight", || pool.counts().queue.in_flight == 1).await;
        fs::remove_file(&ca).unwrap();
    });
}
