//! One notification from its start to what its end means: request, attempts, timeouts, response head.
//!
//! `request_timeout` bounds an attempt, including connecting; `call_timeout` bounds all attempts
//! together. If the connection breaks before the response head is complete, the attempt is repeated on
//! a new connection, three attempts in all, as in the stock client (`mongoose_http_client` asks fusco
//! for two retries). The final head decides the outcome; the rest of the response is read afterwards,
//! only to keep the connection usable.
//!
//! A delivery knows no queue: it gets a [`Job`] and returns a [`Judgement`]. The worker does the rest. If the
//! handler asks for it, the judgement may be that another delivery follows after a pause, in the queue.

mod attempts;
mod clock;
mod job;
mod judge;
mod judgement;
mod opened;
mod rest;
mod retry_after;
pub mod target;
mod timer;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::StatusCode;
use notification::{FailureReason, fail_point};
use tokio::time::Instant;
use transport::error::AttemptError;
use transport::link::Link;

use crate::handler_plan::HandlerPlan;
use crate::report::counters::PoolCounters;
use crate::request::{Prepared, Unmade};
use attempts::{Answer, Attempts, attempt_all};
pub use job::{Job, Tried};
pub(crate) use judge::gave_up;
use judge::{Ending, Outside, Reach};
pub use judgement::{Judgement, Sign};
pub use opened::Opened;
pub use rest::{MAX_BODY, Rest};
pub use timer::Timer;

/// How a delivery ended.
pub struct Delivered {
    /// What that means for the notification.
    pub judgement: Judgement,
    /// The rest of the response, if it did not end with its head.
    pub rest: Option<Rest>,
}

/// Delivers `job` over `link`, which it may replace, and counts the attempts in `counters`. It is given up
/// when `cancelled` is ready. The timer is the worker's. `begins` is called if a request begins, with the first
/// attempt.
pub async fn deliver(
    opened: &Opened,
    counters: &PoolCounters,
    (link, timer): (&mut Option<Link>, &mut Timer),
    job: &mut Job,
    mut cancelled: impl FnMut(&mut Context<'_>) -> Poll<FailureReason>,
    begins: impl FnOnce(),
) -> Delivered {
    fail_point::point("prepare");
    let before = job.tried.as_ref().map_or(0, |tried| tried.attempts);
    if let Some(judgement) = judge::too_late(
        &job.notification.handler().policy,
        job.history(before),
        Instant::now(),
    ) {
        return Delivered {
            judgement,
            rest: None,
        };
    }
    if job.must_wait() {
        let Unmade { reason, text } = Unmade::overtakes();
        return failed(job, reason, text, (before, Reach::Nothing));
    }
    let prepared = match prepare(opened, timer, job, &mut cancelled).await {
        Ok(prepared) => prepared,
        Err(unmade) => {
            return failed(job, unmade.reason, unmade.text, (before, Reach::Nothing));
        }
    };
    let mut attempts = Attempts {
        made: before,
        accepted_at: job.accepted_at,
        others: job.others_not_tried(),
        counters,
        asked: false,
        begins: Some(begins),
    };
    let answered = {
        let run = pin!(attempt_all(
            opened,
            (&mut *link, &mut *timer),
            &prepared,
            job.deadline,
            &mut attempts,
        ));
        unless(&mut cancelled, run).await
    };
    let Answer { response, deadline } = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) | Err(error) => {
            // Before its first attempt this delivery has sent nothing.
            if attempts.made > before {
                *link = None;
            }
            let reach = match (attempts.asked, attempts.made > before) {
                (true, _) => Reach::Request,
                (false, true) => Reach::Attempt,
                (false, false) => Reach::Nothing,
            };
            let text = format!("POST {}: {}", prepared.url(opened), error.text);
            return failed(job, error.reason, text.into(), (attempts.made, reach));
        }
    };
    fail_point::point("answered");
    if response.status() == StatusCode::UNAUTHORIZED {
        prepared.unauthorized();
    }
    let (head, mut body) = response.into_parts();
    let is_success = {
        let policy = &job.notification.handler().policy;
        policy.is_success(head.status.as_u16())
    };
    if let (false, true, Some(link)) = (is_success, job.is_kept(), link.as_mut()) {
        // For the dead letter that it may become.
        let start = pin!(link.next_part(&mut body));
        let start = pin!(timer.bound(deadline, start));
        if let Ok(Some(start)) = unless(&mut cancelled, start).await {
            job.note_answer(&start);
        }
    }
    let ending = Ending::Answer {
        status: head.status,
        headers: &head.headers,
        url: &|| prepared.url(opened),
    };
    let judgement = judged(job, ending, attempts.made);
    let rest = (!body.is_end_stream()).then_some(Rest { body, deadline });
    Delivered { judgement, rest }
}

/// Makes the request, once there is what it is made with. Until its time is over, or the delivery is cancelled.
async fn prepare(
    opened: &Opened,
    timer: &mut Timer,
    job: &mut Job,
    cancelled: &mut impl FnMut(&mut Context<'_>) -> Poll<FailureReason>,
) -> Result<Prepared, Unmade> {
    let late = |what| clock::call_timed_out(opened, what);
    let plan = HandlerPlan::of(job.notification.handler());
    if let Some(plan) = &plan {
        let ready = pin!(plan.ready());
        let ready = pin!(timer.bound(job.deadline, ready));
        unless(cancelled, ready)
            .await?
            .ok_or_else(|| late("template"))??;
    }
    let mut prepared = match job.notification.handler().policy.batch {
        None => Prepared::new(opened, job, plan.as_ref())?,
        Some(batch) => {
            let deadline = job.deadline;
            // In a place of its own: the futures of all deliveries would be larger.
            let mut making = Box::pin(Prepared::batched(
                opened,
                job,
                plan.as_ref(),
                batch.max_bytes,
            ));
            let making = pin!(timer.bound(deadline, making.as_mut()));
            unless(cancelled, making)
                .await?
                .ok_or_else(|| late("batch"))??
        }
    };
    if prepared.is_to_be_compressed() {
        let compressing = pin!(prepared.compress(&mut job.reserved));
        let compressing = pin!(timer.bound(job.deadline, compressing));
        unless(cancelled, compressing)
            .await?
            .ok_or_else(|| late("compression"))?;
    }
    Ok(prepared)
}

/// Runs `future`, unless the delivery is cancelled first. The caller has pinned it: that of a delivery is
/// large, and would be copied here.
async fn unless<F: Future>(
    cancelled: &mut impl FnMut(&mut Context<'_>) -> Poll<FailureReason>,
    mut future: Pin<&mut F>,
) -> Result<F::Output, AttemptError> {
    poll_fn(|cx| match cancelled(cx) {
        Poll::Ready(reason) => Poll::Ready(Err(AttemptError::last(
            reason,
            "the pool or the module was stopped while it was being sent".to_owned(),
        ))),
        Poll::Pending => future.as_mut().poll(cx).map(Ok),
    })
    .await
}

fn failed(
    job: &Job,
    reason: FailureReason,
    text: Arc<str>,
    (attempts, reach): (u32, Reach),
) -> Delivered {
    let ending = Ending::Failure {
        reason,
        text,
        reach,
    };
    Delivered {
        judgement: judged(job, ending, attempts),
        rest: None,
    }
}

fn judged(job: &Job, ending: Ending<'_>, attempts: u32) -> Judgement {
    let policy = &job.notification.handler().policy;
    judge::judge(
        policy,
        ending,
        job.history(attempts),
        Instant::now(),
        || Outside {
            clock: SystemTime::now(),
            chance: fastrand::f64(),
        },
    )
}
