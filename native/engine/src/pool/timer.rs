//! Expiry: a notification at the head of its lane whose `call_timeout` ends before a worker is free.
//!
//! One task a pool, and only while something waits for a worker. The queue of ready lanes is in the
//! order of the deadlines, so the task sleeps until the first one's.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Pool, Queued};
use crate::queue::lanes::{Expiry, Taken};
use crate::report::reason::Reason;

pub(super) async fn expire(pool: Arc<Pool>) {
    // While it sleeps, which can be for days, it does not keep a pool that is gone.
    let pool = {
        let weak = Arc::downgrade(&pool);
        drop(pool);
        weak
    };
    while let Some(pool) = pool.upgrade() {
        let expiry = pool.core().expire(Instant::now());
        match expiry {
            Expiry::Expired(taken) => fail(&pool, taken),
            Expiry::Next(due) => {
                drop(pool);
                tokio::time::sleep_until(due).await;
            }
            Expiry::Nothing => return,
        }
    }
}

fn fail(pool: &Arc<Pool>, taken: Taken<Queued>) {
    let allowed = pool.call_timeout().as_millis();
    let text = format!(
        "no worker was free within call_timeout ({allowed} ms): {}",
        pool.describe_bounds()
    );
    pool.report_failure(taken.item, Reason::PoolTimeout, text.into());
    let (step, quiet) = {
        let mut core = pool.core();
        (core.expired(taken.ticket, Instant::now()), core.is_quiet())
    };
    pool.tell_if_quiet(quiet);
    pool.follow(step);
}
