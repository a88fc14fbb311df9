//! The alarm: wakes lanes whose pause is over, and has one lane ask whether an endpoint that was down is
//! back.
//!
//! There is one task per pool, and only while something is postponed or held. It also gives up what has
//! waited too long for an endpoint that is down.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use notification::FailureReason;

use tokio::time::{Instant, timeout_at};

use super::{Pool, Queued};
use crate::delivery::gave_up;

/// How many lanes wake under one lock.
const AT_ONCE: usize = 64;

/// The pauses between two searches for notifications whose time is over: a part of that time, within these
/// bounds.
const PART: u32 = 16;
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_mins(1);

/// Runs until nothing is postponed or held. It may sleep for days; meanwhile it does not keep alive a pool
/// that is gone.
pub(super) fn run(pool: &Arc<Pool>) -> impl Future<Output = ()> + use<> {
    let (weak, bell) = (Arc::downgrade(pool), Arc::clone(&pool.bell));
    async move {
        let mut swept = Instant::now();
        while let Some(pool) = weak.upgrade() {
            let due = pool.core().due(Instant::now(), AT_ONCE);
            for step in due.steps {
                pool.follow(step);
            }
            let sweep = due.hold.then(|| swept + pool.sweep_period());
            let next = due.next.into_iter().chain(sweep).min();
            if sweep.is_some_and(|sweep| sweep <= Instant::now()) {
                pool.give_up_overdue().await;
                swept = Instant::now();
            }
            drop(pool);
            match next {
                None => return,
                Some(next) if next <= Instant::now() => tokio::task::yield_now().await,
                Some(next) => drop(timeout_at(next, bell.notified()).await),
            }
        }
    }
}

impl Pool {
    fn sweep_period(&self) -> Duration {
        (self.shortest_patience() / PART).clamp(SHORTEST, LONGEST)
    }

    /// Fails what has waited too long for an endpoint that is down, a few lanes at a time.
    async fn give_up_overdue(self: &Arc<Self>) {
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let now = Instant::now();
            let (items, next, left, quiet) = {
                let mut core = self.core();
                let (items, next) = core.take_overdue(from, AT_ONCE, |item| item.is_overdue(now));
                (items, next, core.leftovers(), core.is_quiet())
            };
            self.clear_up(left);
            for item in items {
                let retry = item.notification.handler().policy.retry.unwrap_or_default();
                let text = format!(
                    "pool {}: its endpoint is down; {}",
                    self.name,
                    gave_up(&retry)
                );
                // Its own time is over, so it is an outcome, on disk or not.
                self.end_waiting(item, FailureReason::GaveUp, &text.into());
            }
            self.tell_if_quiet(quiet);
            cursor = next;
            tokio::task::yield_now().await;
        }
    }
}

impl Queued {
    fn is_overdue(&self, now: Instant) -> bool {
        let retry = self.notification.handler().policy.retry;
        retry.is_some_and(|retry| now >= self.youngest() + retry.give_up_after)
    }
}
