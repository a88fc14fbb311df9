//! A notification between its start and its outcome.
//!
//! It cannot be lost: it ends through one of the methods that consume it, and if the task that owns it
//! panics or is dropped, a guard ends it as failed. Either way its outcome is reported before its lane
//! continues.

use std::sync::Arc;

use notification::{FailureReason, Verdict, panics};
use queue::{Reservation, Taken, Ticket};
use scopeguard::ScopeGuard;
use tokio::time::Instant;

use super::{Cell, Pool, Queued};
use crate::delivery::{Job, Opened};

/// A notification that has started and has no outcome yet.
#[derive(Debug)]
pub struct InFlight(ScopeGuard<Started, fn(Started)>);

/// What is due for a notification that has started: its outcome, and that its lane continues.
#[derive(Debug)]
struct Started {
    pool: Arc<Pool>,
    ticket: Ticket,
    job: Job,
}

impl InFlight {
    pub(super) fn new(pool: Arc<Pool>, opened: &Opened, taken: Taken<Queued>) -> Self {
        let Taken {
            item,
            ticket,
            head_since,
        } = taken;
        let reserved = Reservation::new(Arc::clone(&pool.bounds), item.cost());
        let job = Job {
            notification: item.notification,
            accepted_at: item.accepted_at,
            deadline: head_since + opened.settings.call_timeout,
            reserved,
        };
        let started = Started { pool, ticket, job };
        Self(scopeguard::guard(started, Started::lose))
    }

    /// The part that its delivery works on.
    pub fn job(&mut self) -> &mut Job {
        &mut self.0.job
    }

    /// Ends the notification with this outcome. Another worker gets the lane's next notification.
    pub fn finish(self, verdict: Verdict) {
        ScopeGuard::into_inner(self.0).finish(verdict);
    }

    /// Ends the notification with this outcome. Returns the pool's next notification for the worker of
    /// `cell`.
    pub fn finish_and_take(self, cell: &Cell, opened: &Opened, verdict: Verdict) -> Option<Self> {
        let (pool, ticket, sent) = ScopeGuard::into_inner(self.0).report(verdict);
        let (next, left, quiet) = {
            let mut core = pool.core();
            let next = core.finish_and_take(ticket, sent, Instant::now());
            if let Some(next) = &next {
                cell.begin(next.item.host_type());
            }
            (next, core.leftovers(), core.is_quiet())
        };
        pool.clear_up(left);
        pool.tell_if_quiet(quiet);
        next.map(|taken| Self::new(pool, opened, taken))
    }
}

impl Started {
    /// Reports the outcome. The lane does not continue yet.
    fn report(self, verdict: Verdict) -> (Arc<Pool>, Ticket, bool) {
        let Self { pool, ticket, job } = self;
        let sent = matches!(verdict, Verdict::Sent { .. });
        pool.report(job.notification, job.reserved, verdict);
        (pool, ticket, sent)
    }

    fn finish(self, verdict: Verdict) {
        let (pool, ticket, sent) = self.report(verdict);
        let (step, left, quiet) = {
            let mut core = pool.core();
            let step = core.finish(ticket, sent, Instant::now());
            (step, core.leftovers(), core.is_quiet())
        };
        pool.clear_up(left);
        pool.tell_if_quiet(quiet);
        pool.follow(step);
    }

    /// Ends a notification that was dropped without an outcome.
    fn lose(self) {
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
        self.finish(Verdict::Failed {
            reason,
            text: text.into(),
            attempts: 0,
        });
    }
}
