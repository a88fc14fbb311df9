//! A notification between its start and its outcome.
//!
//! It cannot be lost: it ends or goes back to its lane through one of the methods that consume it, and if
//! the task that owns it panics or is dropped, a guard ends it as failed. Its outcome is reported before
//! its lane continues.

mod collecting;
mod leaving;
mod parts;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use notification::Verdict;
use queue::{Reservation, Taken, Ticket};
use scopeguard::ScopeGuard;
use tokio::time::Instant;

use super::address::{Address, Ended};
use super::destinations::Came;
use super::{Pool, Queued, WorkerSignals};
use crate::delivery::{Job, Judgement, Opened, Sign};
pub use parts::After;

/// A notification that has started and has no outcome yet.
#[derive(Debug)]
pub struct InFlight(ScopeGuard<Started, fn(Started)>);

/// What is due for a notification that has started: its outcome, and that its lane continues.
#[derive(Debug)]
struct Started {
    pool: Arc<Pool>,
    ticket: Ticket,
    job: Job,
    /// Where it has waited, if its handler has lanes of its own.
    destination: Option<Came>,
    /// Whether it has a token of its handler's limit, with which it was taken, and which no request has used.
    has_token: bool,
    /// Whether it asks whether its endpoint is back.
    probe: bool,
    /// Whether others of its batch are still to be taken.
    collects: bool,
}

/// What becomes of a notification.
enum Next {
    /// Its outcome.
    Outcome(Verdict),
    /// It goes back to the head of its lane; with a time, the lane waits until then.
    Back(Option<Instant>),
}

impl InFlight {
    pub(super) fn new(pool: Arc<Pool>, opened: &Opened, taken: Taken<Queued>) -> Self {
        let Taken {
            item,
            ticket,
            head_since,
            alone,
            collects,
            weight: _,
        } = taken;
        let reserved = Reservation::new(Arc::clone(&pool.bounds), item.cost());
        let policy = &item.notification.handler().policy;
        let destination = item.destination;
        let mut tried = item.tried;
        let mut since = head_since;
        let address = destination
            .as_ref()
            .and_then(|known| known.address.as_ref());
        if let Some(address) = address {
            let tried = tried.get_or_insert_default();
            tried.others_succeed = if tried.attempts == 0 {
                address.last_succeeded()
            } else {
                address.successes() > tried.successes
            };
        }
        let batched = policy.batch.is_some();
        if batched {
            let tried = tried.get_or_insert_default();
            tried.batch.get_or_insert_default();
        }
        if policy.retry.is_some() || policy.rate.is_some() || batched {
            // `call_timeout` bounds each delivery, however long the lane has waited.
            since = Instant::now();
        }
        let job = Job {
            notification: item.notification,
            accepted_at: item.accepted_at,
            deadline: since + opened.settings.call_timeout,
            reserved,
            tried,
        };
        let started = Started {
            pool,
            ticket,
            job,
            destination,
            has_token: true,
            probe: alone,
            collects,
        };
        Self(scopeguard::guard(started, Started::lose))
    }

    /// The part that its delivery works on, and what to call when a request of it begins.
    pub fn job(&mut self) -> (&mut Job, impl FnOnce()) {
        let Started {
            pool,
            job,
            destination,
            has_token,
            ..
        } = &mut *self.0;
        let limited = job.notification.handler().policy.rate.is_some();
        let destination = destination.as_ref().filter(|_| limited);
        let begins = move || {
            // Another request of the same batch takes a token of its own, which it does not wait for.
            if !mem::take(has_token)
                && let Some(destination) = destination
            {
                pool.spend(destination.group);
            }
        };
        (job, begins)
    }

    /// Does what the judgement says: ends the notification, or puts it back. Another worker gets the
    /// lane's next notification.
    pub fn conclude(self, judgement: Judgement) {
        let mut started = ScopeGuard::into_inner(self.0);
        match started.next(judgement) {
            Next::Outcome(verdict) => started.finish(verdict),
            Next::Back(until) => started.put_back(until),
        }
    }

    /// Like [`InFlight::conclude`], but returns the pool's next notification for the worker of `signals`.
    pub fn conclude_and_take(
        self,
        signals: &WorkerSignals,
        opened: &Opened,
        judgement: Judgement,
    ) -> Option<Self> {
        let mut started = ScopeGuard::into_inner(self.0);
        let pool = Arc::clone(&started.pool);
        let next = match started.next(judgement) {
            Next::Outcome(verdict) => started.finish_and_take(signals, verdict),
            Next::Back(until) => started.put_back_and_take(signals, until),
        };
        next.map(|taken| Self::new(pool, opened, taken))
    }
}

impl Started {
    /// Tells the breaker, and says what becomes of the notification.
    fn next(&mut self, judgement: Judgement) -> Next {
        let is_down = self.tell(&judgement);
        match judgement {
            Judgement::Success { status, elapsed } => Next::Outcome(Verdict::Sent {
                status: status.as_u16(),
                elapsed,
            }),
            Judgement::Final {
                reason,
                text,
                attempts,
                status,
                ..
            } => {
                self.job
                    .each_kept(|kept| kept.note(attempts, status, &text));
                Next::Outcome(Verdict::Failed {
                    reason,
                    text,
                    attempts,
                })
            }
            Judgement::Retry {
                attempts,
                until,
                asked,
                status,
                text,
                sign,
                ..
            } => {
                self.remember(attempts, is_down, sign);
                self.job.each_kept(|kept| {
                    kept.note(attempts, status, &text);
                    kept.postponed();
                });
                if !is_down {
                    return Next::Back(Some(until));
                }
                // It waits with its endpoint, unless the endpoint asked for more time.
                Next::Back((!asked.is_zero()).then(|| Instant::now() + asked))
            }
        }
    }

    /// Tells the breaker. Returns whether the endpoint is down.
    fn tell(&self, judgement: &Judgement) -> bool {
        let handler = self.job.notification.handler();
        let (Some(address), Some(retry)) = (self.address(), &handler.policy.retry) else {
            return false;
        };
        let (asked, text) = match judgement {
            Judgement::Success { .. } => (Duration::ZERO, ""),
            Judgement::Final { text, .. } => (Duration::ZERO, &**text),
            Judgement::Retry { asked, text, .. } => (*asked, &**text),
        };
        let ended = Ended {
            handler,
            retry,
            lane: self.ticket.lane(),
            first: self.attempts() == 0,
            probe: self.probe,
            asked,
            text,
        };
        self.pool.tell(address, judgement.sign(), ended)
    }

    /// Remembers a failed delivery, after which there were so many attempts.
    fn remember(&mut self, attempts: u32, is_down: bool, sign: Sign) {
        let successes = self.address().map(|address| address.successes());
        let tried = self.job.tried.get_or_insert_default();
        tried.attempts = attempts;
        if !is_down {
            tried.pauses = tried.pauses.saturating_add(1);
            tried.alone += u32::from(sign.is_trouble() && tried.others_succeed);
        }
        if let Some(successes) = successes {
            tried.successes = successes;
        }
    }

    /// Where it goes, if its delivery may be tried again.
    fn address(&self) -> Option<&Arc<Address>> {
        self.destination.as_ref()?.address.as_ref()
    }

    /// The attempts that were known when it started.
    fn attempts(&self) -> u32 {
        self.job.tried.as_ref().map_or(0, |tried| tried.attempts)
    }
}
