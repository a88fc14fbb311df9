//! What becomes of a notification that ends: its outcome, or its place on disk.

use std::sync::Arc;

use notification::{FailureReason, Verdict, heap};
use queue::Reservation;

use super::{Pool, Queued};
use crate::report::outcomes::Outcome;

/// Whether the failure of a waiting notification is its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the queue has counted a failure"]
pub(crate) enum Reported {
    /// It is.
    Outcome,
    /// It stays on disk, and comes in again: it has no outcome.
    OnDisk,
}

impl Pool {
    /// Reports the outcome of a notification. Call this before the
    /// notification's lane continues.
    pub(crate) fn report(self: &Arc<Self>, item: Queued, reserved: Reservation, verdict: Verdict) {
        let text = match &verdict {
            Verdict::Sent { .. } => 0,
            Verdict::Failed { text, .. } => heap::taken(text.len() + 2 * size_of::<usize>()),
        };
        self.report_taking(item, reserved, verdict, text);
    }

    /// Reports the failure of a waiting notification, with a text shared by several failures. One that is on
    /// disk stays there instead, unless its own time is over.
    pub(crate) fn report_failure(
        self: &Arc<Self>,
        item: Queued,
        reason: FailureReason,
        text: &Arc<str>,
    ) -> Reported {
        let reserved = Reservation::new(Arc::clone(&self.bounds), item.cost());
        let attempts = item.attempts();
        self.report_other(item, reserved, attempts, reason, text)
    }

    /// The same for a notification whose room in the bounds is held, after so many attempts: of those in a batch it
    /// does not know them all itself.
    pub(super) fn report_other(
        self: &Arc<Self>,
        mut item: Queued,
        reserved: Reservation,
        attempts: u32,
        reason: FailureReason,
        text: &Arc<str>,
    ) -> Reported {
        if let Some(mut kept) = item.take_kept() {
            if reason != FailureReason::GaveUp {
                item.leave_on_disk(reserved, kept);
                return Reported::OnDisk;
            }
            kept.note(attempts, None, text);
            kept.buried(reason.as_str());
        }
        let verdict = Verdict::Failed {
            reason,
            text: Arc::clone(text),
            attempts,
        };
        self.report_taking(item, reserved, verdict, 0);
        Reported::Outcome
    }

    fn report_taking(
        self: &Arc<Self>,
        item: Queued,
        mut reserved: Reservation,
        verdict: Verdict,
        text: usize,
    ) {
        self.counters.count_outcome(&verdict);
        drop(item.destination);
        let mut notification = item.notification;
        // Freed here, on an engine thread: the reporter, which acknowledges outcomes, has no time to
        // free a long body.
        notification.shed();
        let takes = size_of::<Outcome>() + notification.allocated() + text;
        reserved.recount(takes);
        self.outcomes.push(Outcome {
            notification,
            verdict,
            reserved,
        });
    }
}
