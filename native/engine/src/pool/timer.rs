//! Expiry: fails a notification at the head of its lane if its `call_timeout` ends before a worker is
//! free.
//!
//! There is one task per pool, and only while something waits for a worker. The queue of ready lanes is
//! in the order of the deadlines, so the task sleeps until the first deadline.

use std::sync::Arc;
use std::time::Duration;

use notification::FailureReason;
use queue::{Expiry, Taken};
use tokio::time::Instant;

use super::{Pool, Queued};

/// How many notifications fail in one go: a hundred thousand that expire together would keep the thread
/// from all other pools for a fifth of a second.
const AT_ONCE: usize = 64;

pub(super) async fn expire(pool: Arc<Pool>, call_timeout: Duration) {
    // The task may sleep for days. Meanwhile it must not keep alive a pool that is gone.
    let pool = {
        let weak = Arc::downgrade(&pool);
        drop(pool);
        weak
    };
    while let Some(pool) = pool.upgrade() {
        match expire_some(&pool, call_timeout) {
            Expiry::Expired(()) => tokio::task::yield_now().await,
            Expiry::Next(due) => {
                drop(pool);
                tokio::time::sleep_until(due).await;
            }
            Expiry::Nothing => return,
        }
    }
}

/// Fails up to [`AT_ONCE`] notifications that have expired, with one text for all. Returns what is
/// next.
fn expire_some(pool: &Arc<Pool>, call_timeout: Duration) -> Expiry<()> {
    let mut text = None;
    for _ in 0..AT_ONCE {
        let expiry = pool.core().expire(Instant::now());
        match expiry {
            Expiry::Expired(taken) => {
                let text = text.get_or_insert_with(|| describe(pool, call_timeout));
                fail(pool, taken, text);
            }
            Expiry::Next(due) => return Expiry::Next(due),
            Expiry::Nothing => return Expiry::Nothing,
        }
    }
    Expiry::Expired(())
}

fn describe(pool: &Pool, call_timeout: Duration) -> Arc<str> {
    let allowed = call_timeout.as_millis();
    let bounds = pool.describe_bounds();
    format!("no worker was free within call_timeout ({allowed} ms): {bounds}").into()
}

fn fail(pool: &Arc<Pool>, taken: Taken<Queued>, text: &Arc<str>) {
    // What is on disk is patient, and never expires.
    let _ = pool.report_failure(taken.item, FailureReason::PoolTimeout, text);
    let (step, left, quiet) = {
        let mut core = pool.core();
        let step = core.expired(taken.ticket, Instant::now());
        (step, core.leftovers(), core.is_quiet())
    };
    pool.clear_up(left);
    pool.tell_if_quiet(quiet);
    pool.follow(step);
}
