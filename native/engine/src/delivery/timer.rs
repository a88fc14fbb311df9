//! A worker's timer, which serves one request after another.
//!
//! A timer for each request would be put into the runtime's wheel and taken out of it again, each time under
//! a lock that all threads of the engine share. One that is kept stays in the wheel, and to set it to a later
//! time is one atomic step. After the last request of many it wakes its worker once, for nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is kept.
#[derive(Debug, Default)]
pub struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// The result of `future`; none if that is not there at `deadline`. A future that is ready at once needs
    /// no timer.
    pub async fn bound<F: Future>(
        &mut self,
        deadline: Instant,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let mut is_set = false;
        poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            if !std::mem::replace(&mut is_set, true)
                && let Some(sleep) = &mut self.0
            {
                sleep.as_mut().reset(deadline);
            }
            let sleep = self
                .0
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            // Whatever the future has left of the task's budget: one that always uses it up is bounded, too.
            pin!(unconstrained(sleep.as_mut())).poll(cx).map(|()| None)
        })
        .await
    }
}
