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

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::pin::pin;
    use std::task::Poll;
    use std::time::Duration;

    use tokio::task::coop;
    use tokio::time::{Instant, sleep};

    use super::Timer;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long a future that is never ready was waited for.
    async fn waited(timer: &mut Timer, allowed: Duration) -> Duration {
        let begin = Instant::now();
        let end = timer.bound(begin + allowed, pin!(pending::<()>())).await;
        assert_eq!(end, None);
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_deadline_counts_whether_it_is_later_or_earlier_than_the_last() {
        let mut timer = Timer::default();
        for seconds in [5, 7, 1, 1, 30, 2] {
            let allowed = seconds * SECOND;
            // A future that is ready in time leaves the timer set to a deadline that no longer counts.
            let begin = Instant::now();
            let in_time = timer.bound(begin + allowed, pin!(sleep(allowed / 2))).await;
            assert_eq!((in_time, begin.elapsed()), (Some(()), allowed / 2));
            let waited = waited(&mut timer, allowed).await;
            assert!(
                waited >= allowed && waited < allowed + SECOND / 100,
                "{waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_taken_even_if_its_time_is_over() {
        let mut timer = Timer::default();
        let past = Instant::now();
        sleep(SECOND).await;
        assert_eq!(timer.bound(past, pin!(ready(1))).await, Some(1));
        assert!(timer.0.is_none(), "it needs no timer");
        assert_eq!(timer.bound(past, pin!(pending::<()>())).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_always_uses_up_the_budget_of_its_task_is_bounded() {
        let mut timer = Timer::default();
        let begin = Instant::now();
        let greedy = pin!(poll_fn(|cx| {
            while let Poll::Ready(budget) = coop::poll_proceed(cx) {
                budget.made_progress();
            }
            Poll::<()>::Pending
        }));
        let advance = async {
            for _ in 0..20 {
                tokio::time::advance(SECOND / 10).await;
            }
        };
        tokio::select! {
            end = timer.bound(begin + SECOND, greedy) => assert_eq!(end, None),
            () = advance => panic!("it was not bounded"),
        }
    }
}
