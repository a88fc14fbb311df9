//! The timeouts of one attempt, and their error texts.
//!
//! `request_timeout` bounds what the endpoint does: accept a connection and answer. Waiting for room
//! for one more request on a connection is not the endpoint's time; only `call_timeout` bounds it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use notification::FailureReason;
use tokio::time::Instant;
use transport::error::AttemptError;

use super::{Opened, Timer};

/// The timeouts of one attempt.
pub(super) struct Clock<'a> {
    opened: &'a Opened,
    timer: &'a mut Timer,
    /// The end of `request_timeout`, which counts only the endpoint's time.
    pub(super) deadline: Instant,
    /// The end of `call_timeout`, which counts all time.
    call_deadline: Instant,
}

impl<'a> Clock<'a> {
    pub(super) fn start(
        opened: &'a Opened,
        timer: &'a mut Timer,
        now: Instant,
        call_deadline: Instant,
    ) -> Self {
        Self {
            opened,
            timer,
            deadline: now + opened.settings.request_timeout,
            call_deadline,
        }
    }

    /// Waits for something that the endpoint has to do within `request_timeout`.
    pub(super) async fn bound<F: Future>(
        &mut self,
        what: &str,
        future: Pin<&mut F>,
    ) -> Result<F::Output, AttemptError> {
        let bound = self.deadline.min(self.call_deadline);
        let done = self.timer.bound(bound, future).await;
        done.ok_or_else(|| self.timed_out(what))
    }

    /// Waits for something else: the time does not count towards `request_timeout`.
    pub(super) async fn wait<F: Future>(
        &mut self,
        what: &str,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, AttemptError> {
        if let Poll::Ready(value) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Ok(value);
        }
        let begin = Instant::now();
        let done = self.timer.bound(self.call_deadline, future).await;
        self.deadline += begin.elapsed();
        done.ok_or_else(|| call_timed_out(self.opened, what))
    }

    fn timed_out(&self, what: &str) -> AttemptError {
        if self.call_deadline < self.deadline {
            return call_timed_out(self.opened, what);
        }
        let allowed = self.opened.settings.request_timeout;
        timed_out(
            FailureReason::RequestTimeout,
            what,
            "request_timeout",
            allowed,
        )
    }
}

/// The error for a `call_timeout` that ended before there was a `what`.
pub(super) fn call_timed_out(opened: &Opened, what: &str) -> AttemptError {
    let allowed = opened.settings.call_timeout;
    timed_out(FailureReason::PoolTimeout, what, "call_timeout", allowed)
}

fn timed_out(reason: FailureReason, what: &str, option: &str, allowed: Duration) -> AttemptError {
    let text = format!("no {what} within {option} ({} ms)", allowed.as_millis());
    AttemptError::last(reason, text)
}
