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
use std::time::{Duration, SystemTime};

use http::{Response, StatusCode};
use notification::{FailureReason, fail_point};
use tokio::time::{Instant, sleep_until};
use transport::error::{Again, AttemptError};
use transport::link::{Body, Link};

use crate::handler_plan::HandlerPlan;
use crate::report::counters::PoolCounters;
use crate::request::{Added, Prepared, Unmade};
use clock::Clock;
pub use job::{Job, Tried};
pub(crate) use judge::gave_up;
use judge::{Ending, Outside};
pub use judgement::{Judgement, Sign};
pub use opened::Opened;
pub use rest::{MAX_BODY, Rest};
pub use timer::Timer;

/// How many attempts may break before the notification fails.
pub const ATTEMPTS: u8 = 3;
/// The pause before a request is sent again that the endpoint did not process; it doubles.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Doublings of that pause, at most: 640 ms.
const PAUSE_DOUBLINGS: u32 = 6;

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
        return failed(job, reason, text, before);
    }
    let prepared = match prepare(opened, timer, job, &mut cancelled).await {
        Ok(prepared) => prepared,
        Err(unmade) => return failed(job, unmade.reason, unmade.text, before),
    };
    let mut attempts = Attempts {
        made: before,
        accepted_at: job.accepted_at,
        others: job.handed_over().skip(1).collect(),
        counters,
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
            let text = format!("POST {}: {}", prepared.url(opened), error.text);
            return failed(job, error.reason, text.into(), attempts.made);
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
    if let Some(plan) = HandlerPlan::of(job.notification.handler()) {
        let ready = pin!(plan.ready());
        let ready = pin!(timer.bound(job.deadline, ready));
        unless(cancelled, ready)
            .await?
            .ok_or_else(|| late("template"))??;
    }
    let mut prepared = match job.notification.handler().policy.batch {
        None => Prepared::new(opened, job)?,
        Some(batch) => {
            let deadline = job.deadline;
            // In a place of its own: the futures of all deliveries would be larger.
            let mut making = Box::pin(Prepared::batched(opened, job, batch.max_bytes));
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

fn failed(job: &Job, reason: FailureReason, text: Arc<str>, attempts: u32) -> Delivered {
    Delivered {
        judgement: judged(job, Ending::Failure { reason, text }, attempts),
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

/// A response head, and the deadline for its body.
struct Answer {
    response: Response<Body>,
    deadline: Instant,
}

/// The attempts made for one request, and the counters in which they are counted.
struct Attempts<'a, B> {
    made: u32,
    accepted_at: Instant,
    /// When the others of its batch were handed over.
    others: Vec<Instant>,
    counters: &'a PoolCounters,
    /// Called with the first attempt of this delivery.
    begins: Option<B>,
}

impl<B: FnOnce()> Attempts<'_, B> {
    /// Counts an attempt that begins now.
    fn begin(&mut self, now: Instant) {
        if let Some(begins) = self.begins.take() {
            begins();
        }
        self.made += 1;
        if self.made == 1 {
            for handed_over in std::iter::once(&self.accepted_at).chain(&self.others) {
                let waited = now.saturating_duration_since(*handed_over);
                self.counters.queue_time.add(waited);
            }
        } else {
            self.counters.count_retry();
        }
    }
}

/// The attempts that the endpoint did not process while it answered others. They are a matter of time, like
/// waiting for room on a connection, so they do not count; pauses keep them from being made as fast as the
/// endpoint refuses.
#[derive(Default)]
struct Unserved {
    times: u32,
    last: Option<AttemptError>,
}

impl Unserved {
    async fn pause(&mut self, error: AttemptError, call_deadline: Instant) {
        let pause = SHORTEST_PAUSE * 2_u32.pow(self.times.min(PAUSE_DOUBLINGS));
        self.times += 1;
        self.last = Some(error);
        sleep_until(call_deadline.min(Instant::now() + pause)).await;
    }

    /// Adds what the endpoint said to the error of a notification whose time is over.
    fn explain(self, mut error: AttemptError) -> AttemptError {
        if let Some(last) = self.last {
            error.text = format!("{}; before that, {}", error.text, last.text);
        }
        error
    }
}

async fn attempt_all(
    opened: &Opened,
    (link, timer): (&mut Option<Link>, &mut Timer),
    prepared: &Prepared,
    call_deadline: Instant,
    attempts: &mut Attempts<'_, impl FnOnce()>,
) -> Result<Answer, AttemptError> {
    let mut broken = 0;
    let mut unserved = Unserved::default();
    loop {
        // The time can be over before the attempt starts; then nothing more is sent.
        let mut now = Instant::now();
        if now >= call_deadline {
            return Err(unserved.explain(clock::call_timed_out(opened, "response")));
        }
        let mut added = Added::default();
        if prepared.is_planned() {
            added = fetch_added(opened, timer, prepared, call_deadline).await?;
            now = Instant::now();
        }
        attempts.begin(now);
        let mut clock = Clock::start(opened, timer, now, call_deadline);
        let end = attempt_once(opened, link, (prepared, &added), &mut clock).await;
        let error = match end {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let text = "the endpoint answered 101 to a request that offers no other protocol";
                AttemptError::last(FailureReason::InvalidResponse, text.to_owned())
            }
            Ok(response) => {
                let deadline = clock.deadline;
                return Ok(Answer { response, deadline });
            }
            Err(error) => error,
        };
        if error.again == Again::Unserved {
            // Its connection may serve others: a refused stream is no fault of the connection.
            *link = None;
            unserved.pause(error, call_deadline).await;
            continue;
        }
        if let Some(mut link) = link.take() {
            link.condemn();
        }
        broken += 1;
        if error.again == Again::No || broken == ATTEMPTS {
            return Err(error);
        }
    }
}

/// What only this attempt has. Credentials that have to be fetched count towards `call_timeout` alone.
async fn fetch_added(
    opened: &Opened,
    timer: &mut Timer,
    prepared: &Prepared,
    call_deadline: Instant,
) -> Result<Added, AttemptError> {
    let added = pin!(prepared.added());
    match timer.bound(call_deadline, added).await {
        Some(added) => {
            added.map_err(|unmade| AttemptError::last(unmade.reason, unmade.text.to_string()))
        }
        None => Err(clock::call_timed_out(opened, "credentials")),
    }
}

/// How many connections an attempt tries if each one accepts no more requests and has answered none. A
/// peer that answers a few on each connection makes progress; then only the timeouts bound the attempt.
const CONNECTIONS: u8 = 3;

async fn attempt_once(
    opened: &Opened,
    link: &mut Option<Link>,
    (prepared, added): (&Prepared, &Added),
    clock: &mut Clock<'_>,
) -> Result<Response<Body>, AttemptError> {
    let mut in_vain = 0;
    while in_vain < CONNECTIONS {
        let ready = connected(opened, link, clock).await?;
        let begun = {
            let begin = pin!(ready.begin());
            clock.wait("room on a connection", begin).await
        };
        match begun {
            Ok(false) if ready.has_answered_others() => {}
            Ok(false) => in_vain += 1,
            Ok(true) => {
                fail_point::point("send");
                let exchange = pin!(ready.exchange(prepared.request(added)));
                return clock.bound("response", exchange).await?;
            }
            Err(error) => {
                // The connection is healthy, and others use it.
                *link = None;
                return Err(error);
            }
        }
    }
    let text = "one connection after another takes no requests".to_owned();
    Err(AttemptError::broken(text))
}

/// Returns the link if it can carry another request, or else a new one.
async fn connected<'a>(
    opened: &Opened,
    link: &'a mut Option<Link>,
    clock: &mut Clock<'_>,
) -> Result<&'a mut Link, AttemptError> {
    if let Some(kept) = link {
        let usable = poll_fn(|cx| Poll::Ready(kept.poll_usable(cx))).await;
        if !usable || kept.is_too_old(Instant::now()) {
            *link = None;
        }
    }
    match link {
        Some(link) => Ok(link),
        None => {
            fail_point::point("connect");
            let connecting = pin!(opened.endpoint.link());
            let connected = if opened.settings.request_timeout.is_zero() {
                // The stock client does not count connecting if the timeout is zero.
                clock.wait("connection", connecting).await?
            } else {
                clock.bound("connection", connecting).await?
            };
            Ok(link.insert(connected?.0))
        }
    }
}
