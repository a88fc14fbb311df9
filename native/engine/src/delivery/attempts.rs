//! The attempts of one delivery.
//!
//! An attempt whose connection breaks before the response head is complete is repeated on a new connection. One
//! that the endpoint did not process is repeated after a pause, and does not count.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::{Response, StatusCode};
use notification::{FailureReason, fail_point};
use tokio::time::{Instant, sleep_until};
use transport::error::{Again, AttemptError};
use transport::link::{Body, Link};

use super::clock::{self, Clock};
use super::{Opened, Timer};
use crate::report::counters::PoolCounters;
use crate::request::{Added, Prepared};

/// How many attempts may break before the notification fails.
const ATTEMPTS: u8 = 3;
/// The pause before a request is sent again that the endpoint did not process; it doubles.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Doublings of that pause, at most: 640 ms.
const PAUSE_DOUBLINGS: u32 = 6;

/// A response head, and the deadline for its body.
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    pub(super) deadline: Instant,
}

/// The attempts made for one request, and the counters in which they are counted.
pub(super) struct Attempts<'a, B> {
    pub(super) made: u32,
    pub(super) accepted_at: Instant,
    /// When the others of its batch were handed over whose first attempt is to come, which may be a later one of
    /// the lead.
    pub(super) others: Vec<Instant>,
    pub(super) counters: &'a PoolCounters,
    /// Whether a request of this delivery has begun at the endpoint.
    pub(super) asked: bool,
    /// Called with the first attempt of this delivery.
    pub(super) begins: Option<B>,
}

impl<B: FnOnce()> Attempts<'_, B> {
    /// Counts an attempt that begins now.
    fn begin(&mut self, now: Instant) {
        if let Some(begins) = self.begins.take() {
            begins();
        }
        self.made += 1;
        let lead = if self.made == 1 {
            Some(self.accepted_at)
        } else {
            self.counters.count_retry();
            None
        };
        for handed_over in lead.into_iter().chain(self.others.drain(..)) {
            let waited = now.saturating_duration_since(handed_over);
            self.counters.queue_time.add(waited);
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

/// Makes attempts until one gets an answer or fails for good.
pub(super) async fn attempt_all(
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
        let request = (prepared, &added, &mut attempts.asked);
        let end = attempt_once(opened, link, request, &mut clock).await;
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
    (prepared, added, asked): (&Prepared, &Added, &mut bool),
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
                *asked = true;
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
