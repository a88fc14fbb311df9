//! A notification between its start and its outcome.
//!
//! There is no way to lose one: it ends by one of the methods that consume it, and where the task
//! that has it panics or is dropped, it ends as failed by itself. Either way its outcome is reported
//! first and its lane goes on after that.

use std::sync::Arc;
use std::time::Duration;

use notification::{FailureReason, Notification, Verdict, heap, panics};
use payload::Payload;
use queue::{Taken, Ticket};
use tokio::time::Instant;

use super::Cell;
use super::{Pool, Queued};

/// A notification that has started and has no outcome yet.
#[derive(Debug)]
pub struct InFlight {
    pool: Arc<Pool>,
    head_since: Instant,
    /// Bytes that are reserved for it.
    reserved: usize,
    /// Gone once the outcome is reported.
    inside: Option<(Queued, Ticket)>,
}

impl InFlight {
    pub(super) fn new(pool: Arc<Pool>, taken: Taken<Queued>) -> Self {
        Self {
            pool,
            head_since: taken.head_since,
            reserved: taken.item.cost(),
            inside: Some((taken.item, taken.ticket)),
        }
    }

    /// The notification.
    pub fn notification(&self) -> Option<&Notification> {
        self.inside.as_ref().map(|(item, _)| &item.notification)
    }

    /// What is to be sent. Long parts are in it alone from here on, and count as such.
    pub fn take_payload(&mut self) -> Option<Payload> {
        let (item, _) = self.inside.as_mut()?;
        let before = item.notification.allocated();
        let payload = Payload::take(&mut item.notification);
        let beside = match &payload.headers {
            // They and the body are parts of what there was.
            Some(_) => before,
            None => heap::taken(payload.body.len()),
        };
        self.reserved = self
            .pool
            .bounds
            .recount(self.reserved, item.cost() + beside);
        Some(payload)
    }

    /// When its `call_timeout` is over.
    pub fn deadline(&self) -> Instant {
        self.head_since + self.pool.call_timeout()
    }

    /// When it was handed over.
    pub fn accepted_at(&self) -> Option<Instant> {
        self.inside.as_ref().map(|(item, _)| item.accepted_at)
    }

    /// Time since hand-over.
    pub fn elapsed(&self) -> Duration {
        self.inside
            .as_ref()
            .map_or(Duration::ZERO, |(item, _)| item.accepted_at.elapsed())
    }

    /// It has its outcome, and somebody else takes the lane's next.
    pub fn finish(mut self, verdict: Verdict) {
        self.end(verdict);
    }

    /// It has its outcome, and the worker of `cell` takes whatever is next in the pool.
    pub fn finish_and_take(mut self, cell: &Cell, verdict: Verdict) -> Option<Self> {
        let (item, ticket) = self.inside.take()?;
        let sent = matches!(verdict, Verdict::Sent { .. });
        self.pool.report(item.notification, self.reserved, verdict);
        let (next, left, quiet) = {
            let mut core = self.pool.core();
            let next = core.finish_and_take(ticket, sent, Instant::now());
            if let Some(next) = &next {
                cell.begin(next.item.group());
            }
            (next, core.leftovers(), core.is_quiet())
        };
        self.pool.clear_up(left);
        self.pool.tell_if_quiet(quiet);
        next.map(|taken| self.pool.in_flight(taken))
    }

    fn end(&mut self, verdict: Verdict) {
        let Some((item, ticket)) = self.inside.take() else {
            return;
        };
        let sent = matches!(verdict, Verdict::Sent { .. });
        self.pool.report(item.notification, self.reserved, verdict);
        let (step, left, quiet) = {
            let mut core = self.pool.core();
            let step = core.finish(ticket, sent, Instant::now());
            (step, core.leftovers(), core.is_quiet())
        };
        self.pool.clear_up(left);
        self.pool.tell_if_quiet(quiet);
        self.pool.follow(step);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.inside.is_none() {
            return;
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
        self.end(Verdict::Failed {
            reason,
            text: text.into(),
            attempts: 0,
        });
    }
}
