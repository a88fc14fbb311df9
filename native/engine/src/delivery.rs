//! One notification from its start to its outcome: request, attempts, timeouts, response.
//!
//! `request_timeout` bounds an attempt, including connecting; `call_timeout` bounds all attempts
//! together. If the connection breaks before the response head is complete, the attempt is repeated on
//! a new connection, three attempts in all, as in the stock client (`mongoose_http_client` asks fusco
//! for two retries). The final head decides the outcome; the body is read afterwards only to keep the
//! connection usable.

mod clock;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::{Response, StatusCode};
use notification::{FailureReason, Verdict, fail_point};
use tokio::time::{Instant, sleep_until, timeout_at};
use transport::error::{Again, AttemptError};
use transport::link::{Body, Drained, Link};

use crate::pool::in_flight::InFlight;
use crate::pool::{Cell, Opened, Pool};
use crate::report::totals::PoolTotals;
use crate::request::Prepared;
use clock::Clock;

/// How many attempts may break before the notification fails.
pub const ATTEMPTS: u8 = 3;
/// The pause before a request is sent again that the endpoint did not process; it doubles.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Doublings of that pause, at most: 640 ms.
const PAUSE_DOUBLINGS: u32 = 6;
/// The most bytes that are read of a response body.
pub const MAX_BODY: usize = 64 * 1024;

/// Delivers `job` over `link`, which it may replace. Returns the next notification if there is one.
pub async fn deliver(
    pool: &Arc<Pool>,
    cell: &Cell,
    link: &mut Option<Link>,
    mut job: InFlight,
) -> Option<InFlight> {
    fail_point::point("prepare");
    let (accepted_at, opened) = (job.accepted_at(), pool.opened());
    let prepared = opened.and_then(|opened| Prepared::new(opened, &mut job));
    let (Some(opened), Some(prepared), Some(accepted_at)) = (opened, prepared, accepted_at) else {
        return job.finish_and_take(
            cell,
            failure(FailureReason::InternalError, "the pool is not open", 0),
        );
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(text) => {
            return job.finish_and_take(cell, failure(FailureReason::PoolConfig, &text, 0));
        }
    };
    let attempts = Attempts {
        made: AtomicU32::new(0),
        accepted_at,
        totals: &pool.totals,
    };
    let end = {
        let mut run = pin!(attempt_all(
            opened,
            link,
            &prepared,
            job.deadline(),
            &attempts
        ));
        poll_fn(|cx| match cell.poll_cancelled(cx) {
            Poll::Ready(reason) => Poll::Ready(Err(AttemptError::last(
                reason,
                "the pool or the module was stopped while it was being sent".to_owned(),
            ))),
            Poll::Pending => run.as_mut().poll(cx),
        })
        .await
    };
    let answer = match end {
        Ok(answer) => answer,
        Err(error) => {
            *link = None;
            let text = format!(
                "POST {}: {}",
                opened.describe(prepared.target()),
                error.text
            );
            return job.finish_and_take(cell, failure(error.reason, &text, attempts.made()));
        }
    };
    fail_point::point("answered");
    let verdict = Verdict::Sent {
        status: answer.response.status().as_u16(),
        elapsed: job.elapsed(),
    };
    read_body(cell, link, job, verdict, answer).await
}

/// Reads the response body as far as it has arrived. If the rest takes time, the lane does not wait for
/// it.
async fn read_body(
    cell: &Cell,
    link: &mut Option<Link>,
    job: InFlight,
    verdict: Verdict,
    answer: Answer,
) -> Option<InFlight> {
    let body = answer.response.into_body();
    if body.is_end_stream() {
        return job.finish_and_take(cell, verdict);
    }
    let mut job = Some((job, verdict));
    let whole = match link {
        None => false,
        Some(link) => {
            let mut rest = pin!(timeout_at(answer.deadline, link.drain(body, MAX_BODY)));
            poll_fn(|cx| {
                let read = rest.as_mut().poll(cx);
                if read.is_pending() {
                    if let Some((job, verdict)) = job.take() {
                        job.finish(verdict);
                    }
                    if cell.poll_cancelled(cx).is_ready() {
                        return Poll::Ready(false);
                    }
                }
                read.map(|read| matches!(read, Ok(Drained::Whole)))
            })
            .await
        }
    };
    if !whole {
        *link = None;
    }
    fail_point::point("read");
    job.and_then(|(job, verdict)| job.finish_and_take(cell, verdict))
}

/// A response head, and the deadline for its body.
struct Answer {
    response: Response<Body>,
    deadline: Instant,
}

/// The attempts made for one notification, and the totals in which they are counted.
struct Attempts<'a> {
    made: AtomicU32,
    accepted_at: Instant,
    totals: &'a PoolTotals,
}

impl Attempts<'_> {
    /// Counts an attempt that begins now.
    fn begin(&self, now: Instant) {
        if self.made.fetch_add(1, Ordering::Relaxed) == 0 {
            let waited = now.saturating_duration_since(self.accepted_at);
            self.totals.queue_time.add(waited);
        } else {
            self.totals.count_retry();
        }
    }

    /// The number of attempts made.
    fn made(self) -> u8 {
        u8::try_from(self.made.into_inner()).unwrap_or(u8::MAX)
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
    link: &mut Option<Link>,
    prepared: &Prepared,
    call_deadline: Instant,
    attempts: &Attempts<'_>,
) -> Result<Answer, AttemptError> {
    let mut broken = 0;
    let mut unserved = Unserved::default();
    loop {
        // The time can be over before the attempt starts; then nothing more is sent.
        let now = Instant::now();
        if now >= call_deadline {
            return Err(unserved.explain(clock::call_timed_out(opened, "response")));
        }
        attempts.begin(now);
        let mut clock = Clock::start(opened, now, call_deadline);
        let end = attempt_once(opened, link, prepared, &mut clock).await;
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

/// How many connections an attempt tries if each one accepts no more requests and has answered none. A
/// peer that answers a few on each connection makes progress; then only the timeouts bound the attempt.
const CONNECTIONS: u8 = 3;

async fn attempt_once(
    opened: &Opened,
    link: &mut Option<Link>,
    prepared: &Prepared,
    clock: &mut Clock<'_>,
) -> Result<Response<Body>, AttemptError> {
    let mut in_vain = 0;
    while in_vain < CONNECTIONS {
        let ready = connected(opened, link, clock).await?;
        match clock.wait("room on a connection", ready.begin()).await {
            Ok(false) if ready.has_answered_others() => {}
            Ok(false) => in_vain += 1,
            Ok(true) => {
                fail_point::point("send");
                let exchange = ready.exchange(prepared.request());
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
            let connecting = opened.endpoint.link();
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

fn failure(reason: FailureReason, text: &str, attempts: u8) -> Verdict {
    Verdict::Failed {
        reason,
        text: text.into(),
        attempts,
    }
}
