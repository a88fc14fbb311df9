//! Tests that other tasks on the same thread get to run, however many notifications end together. All
//! tasks run on one thread. The tests count how many notifications end in one go, so neither clock nor
//! speed matters.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use notification::{FailureReason, HostTypeId};
use tokio::task::yield_now;
use tokio::time::{advance, sleep};

use super::pools::{notification, open, pool};
use crate::pool::Pool;
use crate::report::counters::CountersByPool;

/// One hour in milliseconds.
const HOUR: u64 = 3_600_000;
const ALL: usize = 20_000;
/// A few chunks of any loop: a pool handles them in well under a millisecond.
const AT_MOST: usize = 512;

/// A pool in which [`ALL`] notifications wait, each in its own lane.
fn filled(path: &str) -> Arc<Pool> {
    let pool = pool(&CountersByPool::default(), ALL);
    for n in 0..ALL {
        pool.push(&n.to_ne_bytes(), notification(path)).unwrap();
    }
    pool
}

/// Runs until all notifications have ended. Returns the most that ended between two runs of this task.
async fn longest_step(pool: &Pool) -> usize {
    let (mut ended, mut longest) = (0, 0);
    while ended < ALL {
        yield_now().await;
        let now = pool.outcomes.len();
        longest = longest.max(now - ended);
        ended = now;
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn while_all_expire() {
    let stalled = TcpListener::bind("127.0.0.1:0").unwrap();
    let pool = filled("/n");
    let host = format!("http://{}", stalled.local_addr().unwrap());
    open(&pool, &host, 1_000, HOUR);
    while pool.counts().queue.in_flight == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    advance(Duration::from_hours(1)).await;
    let longest = longest_step(&pool).await;
    assert!(longest <= AT_MOST, "{longest} expired in one go");
    assert_eq!(pool.counts().queue.failed, ALL as u64);
}

/// Every URL is invalid, so a worker is done with each notification as soon as it has it.
#[tokio::test(start_paused = true)]
async fn while_a_worker_fails_all() {
    let pool = filled("/a#b");
    open(&pool, "http://127.0.0.1:1", 1_000, HOUR);
    let longest = longest_step(&pool).await;
    assert!(longest <= AT_MOST, "{longest} failed in one go");
    assert_eq!(pool.counts().queue.failed, ALL as u64);
}

#[tokio::test(start_paused = true)]
async fn while_the_pool_closes() {
    let pool = filled("/n");
    let closing = tokio::spawn(Arc::clone(&pool).close(Duration::ZERO));
    let longest = longest_step(&pool).await;
    assert!(longest <= AT_MOST, "{longest} failed in one go");
    closing.await.unwrap();
    assert_eq!(pool.counts().queue.failed, ALL as u64);
}

#[tokio::test(start_paused = true)]
async fn while_a_host_type_is_aborted() {
    let pool = filled("/n");
    let aborted = Arc::clone(&pool);
    let aborting = tokio::spawn(async move {
        let text = "the module was stopped";
        aborted
            .fail_all_in_turns(Some(HostTypeId::default()), FailureReason::Shutdown, text)
            .await;
    });
    let longest = longest_step(&pool).await;
    assert!(longest <= AT_MOST, "{longest} failed in one go");
    aborting.await.unwrap();
    assert_eq!(pool.counts().queue.failed, ALL as u64);
}
