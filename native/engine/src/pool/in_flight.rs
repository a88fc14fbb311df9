//! A notification between its start and its outcome.
//!
//! It cannot be lost: it ends through one of the methods that consume it, and if the task that owns it
//! panics or is dropped, `Drop` ends it as failed. Either way its outcome is reported before its lane
//! continues.

use std::sync::Arc;
use std::time::Duration;

use notification::{FailureReason, Notification, Verdict, heap, panics};
use payload::{FormStyle, Payload};
use queue::{Taken, Ticket};
use tokio::time::Instant;

use super::Cell;
use super::{Pool, Queued};

/// A notification that has started and has no outcome yet.
#[derive(Debug)]
pub struct InFlight {
    pool: Arc<Pool>,
    head_since: Instant,
    /// The bytes that are reserved for it.
    reserved: usize,
    /// None once the outcome is reported.
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

    /// The notification, until its outcome is reported.
    pub fn notification(&self) -> Option<&Notification> {
        self.inside.as_ref().map(|(item, _)| &item.notification)
    }

    /// Takes what is to be sent. From then on only the payload holds the long parts, and the reserved
    /// bytes are counted again accordingly.
    pub fn take_payload(&mut self, style: FormStyle) -> Option<Payload> {
        let (item, _) = self.inside.as_mut()?;
        let before = item.notification.allocated();
        let payload = Payload::take(&mut item.notification, style);
        let beside = match &payload.headers {
            // The headers and the body are parts of the memory counted before.
            Some(_) => before,
            None => heap::taken(payload.body.len()),
        };
        self.reserved = self
            .pool
            .bounds
            .recount(self.reserved, item.cost() + beside);
        Some(payload)
    }

    /// When its `call_timeout` ends.
    pub fn deadline(&self) -> Instant {
        self.head_since + self.pool.call_timeout()
    }

    /// When it was handed over.
    pub fn accepted_at(&self) -> Option<Instant> {
        self.inside.as_ref().map(|(item, _)| item.accepted_at)
    }

    /// The time since its hand-over.
    pub fn elapsed(&self) -> Duration {
        self.inside
            .as_ref()
            .map_or(Duration::ZERO, |(item, _)| item.accepted_at.elapsed())
    }

    /// Ends the notification with this outcome. Another worker gets the lane's next notification.
    pub fn finish(mut self, verdict: Verdict) {
        self.end(verdict);
    }

    /// Ends the notification with this outcome. Returns the pool's next notification for the worker of
    /// `cell`.
    pub fn finish_and_take(mut self, cell: &Cell, verdict: Verdict) -> Option<Self> {
        let (item, ticket) = self.inside.take()?;
        let sent = matches!(verdict, Verdict::Sent { .. });
        self.pool.report(item.notification, self.reserved, verdict);
        let (next, left, quiet) = {
            let mut core = self.pool.core();
            let next = core.finish_and_take(ticket, sent, Instant::now());
            if let Some(next) = &next {
                cell.begin(next.item.host_type());
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
