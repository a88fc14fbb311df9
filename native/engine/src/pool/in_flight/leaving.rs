//! How a notification that has started leaves its pool's workers: with its outcome, or back into the queue.

use std::sync::Arc;
use std::time::Duration;

use notification::{FailureReason, Verdict, panics};
use queue::{GroupId, Reservation, Taken, Ticket};
use tokio::time::Instant;

use super::Started;
use crate::delivery::{Job, Sign};
use crate::pool::address::Ended;
use crate::pool::{Pool, Queued, WorkerSignals};

/// How a notification that had started left its pool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Sent,
    Failed,
    /// Without an outcome: it stays on disk.
    OnDisk,
}

impl End {
    /// How many of the failures that the queue counts are none.
    pub(super) fn forgotten(self) -> u64 {
        u64::from(self == Self::OnDisk)
    }
}

impl Started {
    /// Reports the outcome, and ends what is on disk. The lane does not continue yet.
    fn report(self, verdict: Verdict) -> (Arc<Pool>, Ticket, End) {
        let Self {
            pool,
            ticket,
            job,
            destination,
            ..
        } = self;
        let item = Queued {
            notification: job.notification,
            accepted_at: job.accepted_at,
            tried: job.tried,
            destination,
        };
        let end = pool.report_end(item, job.reserved, verdict);
        (pool, ticket, end)
    }

    /// The group of which it has a token that no request has used.
    fn unspent(&self) -> Option<GroupId> {
        let limited = self.has_token && self.job.notification.handler().policy.rate.is_some();
        let destination = self.destination.as_ref().filter(|_| limited)?;
        Some(destination.group)
    }

    pub(super) fn finish(self, verdict: Verdict) {
        let unspent = self.unspent();
        let (pool, ticket, end) = self.report(verdict);
        pool.give_back(unspent);
        let (step, left, quiet) = {
            let mut core = pool.core();
            let step = core.finish(ticket, end == End::Sent, Instant::now());
            core.forget_failed(end.forgotten());
            (step, core.leftovers(), core.is_quiet())
        };
        pool.clear_up(left);
        pool.tell_if_quiet(quiet);
        pool.follow(step);
    }

    pub(super) fn finish_and_take(
        self,
        signals: &WorkerSignals,
        verdict: Verdict,
    ) -> Option<Taken<Queued>> {
        let unspent = self.unspent();
        let (pool, ticket, end) = self.report(verdict);
        pool.give_back(unspent);
        let (next, left, quiet) = {
            let mut core = pool.core();
            let next = core.finish_and_take(ticket, end == End::Sent, Instant::now());
            core.forget_failed(end.forgotten());
            if let Some(next) = &next {
                signals.begin(next.item.host_type());
            }
            (next, core.leftovers(), core.is_quiet())
        };
        pool.clear_up(left);
        pool.tell_if_quiet(quiet);
        next
    }

    pub(super) fn put_back(self, until: Option<Instant>) {
        let unspent = self.unspent();
        let (pool, ticket, item) = self.back();
        pool.give_back(unspent);
        let weight = item.weight();
        let (kept, left) = {
            let mut core = pool.core();
            let kept = core.put_back(ticket, item, weight, until, Instant::now());
            (kept, core.leftovers())
        };
        pool.clear_up(left);
        match kept {
            Ok(step) => pool.follow(step),
            Err(not_kept) => pool.end_not_kept(not_kept),
        }
    }

    pub(super) fn put_back_and_take(
        self,
        signals: &WorkerSignals,
        until: Option<Instant>,
    ) -> Option<Taken<Queued>> {
        let unspent = self.unspent();
        let (pool, ticket, item) = self.back();
        pool.give_back(unspent);
        let weight = item.weight();
        let (kept, left) = {
            let mut core = pool.core();
            let kept = core.put_back_and_take(ticket, item, weight, until, Instant::now());
            if let Ok((Some(next), _)) = &kept {
                signals.begin(next.item.host_type());
            }
            (kept, core.leftovers())
        };
        pool.clear_up(left);
        match kept {
            Ok((next, step)) => {
                pool.follow(step);
                next
            }
            Err(not_kept) => {
                pool.end_not_kept(not_kept);
                None
            }
        }
    }

    /// The notification as it waits in the queue.
    fn back(self) -> (Arc<Pool>, Ticket, Queued) {
        let Job {
            notification,
            accepted_at,
            reserved,
            tried,
            ..
        } = self.job;
        let item = Queued {
            notification,
            accepted_at,
            tried,
            destination: self.destination,
        };
        reserved.hand_back(item.cost());
        (self.pool, self.ticket, item)
    }

    /// Ends a notification that was dropped without an outcome, with all of its batch.
    pub(super) fn lose(mut self) {
        if self.collects {
            let steps = self
                .pool
                .core()
                .stop_collecting(&self.ticket, Instant::now());
            self.pool.follow_all(steps);
        }
        let handler = self.job.notification.handler();
        if let (Some(address), Some(retry)) = (self.address(), &handler.policy.retry) {
            let ended = Ended {
                handler,
                retry,
                lane: self.ticket.lane(),
                first: false,
                probe: self.probe,
                asked: Duration::ZERO,
                text: "",
            };
            self.pool.tell(address, Sign::Nothing, ended);
        }
        let (reason, text) = if std::thread::panicking() {
            (
                FailureReason::InternalError,
                format!("the engine panicked: {}", panics::last()),
            )
        } else {
            (
                FailureReason::EngineDown,
                "the engine was stopped".to_owned(),
            )
        };
        let text: Arc<str> = text.into();
        let failed = |attempts| Verdict::Failed {
            reason,
            text: Arc::clone(&text),
            attempts,
        };
        self.end_first(usize::MAX, |one| failed(one.attempts()));
        let last = failed(self.attempts());
        self.finish(last);
    }
}

impl Pool {
    /// Reports the outcome of a notification that has started, and ends what it has on disk. What is not
    /// delivered because something is stopped stays on disk, without an outcome.
    pub(super) fn report_end(
        self: &Arc<Self>,
        mut item: Queued,
        reserved: Reservation,
        verdict: Verdict,
    ) -> End {
        let end = match (&verdict, item.take_kept()) {
            (
                Verdict::Failed {
                    reason: FailureReason::Shutdown | FailureReason::EngineDown,
                    ..
                },
                Some(kept),
            ) => {
                item.leave_on_disk(reserved, kept);
                return End::OnDisk;
            }
            (Verdict::Failed { reason, .. }, Some(kept)) => {
                kept.buried(reason.as_str());
                End::Failed
            }
            (Verdict::Failed { .. }, None) => End::Failed,
            (Verdict::Sent { .. }, kept) => {
                if let Some(kept) = kept {
                    kept.delivered();
                }
                End::Sent
            }
        };
        self.report(item, reserved, verdict);
        end
    }
}
