//! A batch in flight: what the end of a request means for its members.
//!
//! Usually a batch is one request. It is several, one after the other and in order, if its members are more than
//! a body may have, or if the endpoint refuses a request as too large: then it is halved. Those that cannot be
//! sent end alone.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use notification::Verdict;
use queue::GroupId;
use tokio::time::Instant;

use super::collecting::Turns;
use super::leaving::End;
use super::{InFlight, Started};
use crate::delivery::{Judgement, Opened, Sign};
use crate::pool::batch::AT_ONCE;
use crate::pool::{Batch, Companion, Pool, Queued};
use crate::request::Unmade;

/// What follows the end of a request.
pub enum After {
    /// Another request, of notifications that have no outcome yet.
    Again(InFlight),
    /// What the judgement says, for all that are left.
    Conclude(InFlight, Judgement),
}

impl InFlight {
    /// After a request that ended like this: ends the members that have their outcomes by it, and says what
    /// follows for the rest.
    pub async fn go_on(mut self, opened: &Opened, judgement: Judgement) -> After {
        let youngest = self.0.job.youngest();
        let before = self.0.attempts();
        let Some(batch) = self.0.job.batch_mut() else {
            return After::Conclude(self, judgement);
        };
        let part = batch.size();
        let spoilt = mem::take(&mut batch.spoilt);
        let left = part - spoilt.len();
        if let Some(own) = self.0.end_spoilt(spoilt) {
            // It is the last one.
            return After::Conclude(self, own);
        }
        if left == 0 {
            self.0.tell(&judgement);
            return self.again(opened);
        }
        if left > 1 && self.0.is_too_large(&judgement) {
            self.0.halve(left);
            self.0.tell(&judgement);
            return self.again(opened);
        }
        if let Judgement::Retry { attempts, .. } = judgement {
            // The next attempt is of those that are left of it, so that it has the same identity.
            self.0.set_part(left);
            if attempts > before
                && let Some(batch) = self.0.job.batch_mut()
            {
                batch.was_tried(attempts);
            }
            return After::Conclude(self, judgement);
        }
        self.0.note(left, &judgement);
        let more = self.0.members() > left;
        if more {
            // While this request's lead leads: the next one may have had no attempt yet.
            self.0.tell(&judgement);
        }
        let mut to_end = if more { left } else { left - 1 };
        let mut turns = Turns::default();
        while to_end > 0 {
            let some = to_end.min(AT_ONCE);
            self.0.end_first(some, |one| {
                let older = youngest.saturating_duration_since(one.item.accepted_at);
                verdict(&judgement, older)
            });
            to_end -= some;
            turns.after_some().await;
        }
        if more {
            return self.again(opened);
        }
        self.0.set_part(1);
        let older = youngest.saturating_duration_since(self.0.job.accepted_at);
        After::Conclude(self, older_by(judgement, older))
    }

    /// The next request of what is left.
    fn again(mut self, opened: &Opened) -> After {
        let started = &mut *self.0;
        started.probe = false;
        started.set_part(0);
        started.job.deadline = Instant::now() + opened.settings.call_timeout;
        After::Again(self)
    }
}

impl Pool {
    /// A notification was taken from this group, and no request begins.
    pub(super) fn give_back(self: &Arc<Self>, unspent: Option<GroupId>) {
        let Some(group) = unspent else { return };
        let steps = self.core().give_back(group, Instant::now());
        for step in steps {
            self.follow(step);
        }
    }

    /// A request begins that was not taken from the queue.
    pub(super) fn spend(self: &Arc<Self>, group: GroupId) {
        let left = {
            let mut core = self.core();
            core.spend(group, Instant::now());
            core.leftovers()
        };
        self.clear_up(left);
    }
}

impl Started {
    /// How many notifications it has.
    fn members(&self) -> usize {
        let others = |batch: &Batch| batch.others.len();
        1 + self.job.batch().map_or(0, others)
    }

    /// The present request is of so many; 0 before it is made.
    fn set_part(&mut self, part: usize) {
        if let Some(batch) = self.job.batch_mut() {
            batch.part = part;
        }
    }

    /// Whether the endpoint wants fewer of them in one request. Where every status is a success, this one says
    /// all the same that nothing was taken.
    fn is_too_large(&self, judgement: &Judgement) -> bool {
        let status = match judgement {
            Judgement::Success { status, .. } => Some(*status),
            Judgement::Retry { status, .. } | Judgement::Final { status, .. } => *status,
        };
        let success = &self.job.notification.handler().policy.success;
        let is_success =
            success.contains(StatusCode::PAYLOAD_TOO_LARGE.as_u16()) && !success.is_any();
        status == Some(StatusCode::PAYLOAD_TOO_LARGE) && !is_success
    }

    /// Notes a failure with those that are on disk.
    fn note(&mut self, part: usize, judgement: &Judgement) {
        self.set_part(part);
        if let Judgement::Final {
            text,
            attempts,
            status,
            ..
        } = judgement
        {
            self.job
                .each_kept(|kept| kept.note(*attempts, *status, text));
        }
    }

    /// No request has more than half as many from now on.
    fn halve(&mut self, refused: usize) {
        self.set_part(refused);
        if let Some(tried) = &mut self.job.tried {
            tried.attempts += 1;
            if let Some(batch) = &mut tried.batch {
                batch.was_tried(tried.attempts);
                batch.most = Some(refused.div_ceil(2));
            }
        }
    }

    /// Ends those that cannot be sent, each for its own reason. If none else is left, the last of them is left,
    /// and this returns what it ends with.
    fn end_spoilt(&mut self, spoilt: Vec<(usize, Unmade)>) -> Option<Judgement> {
        let mut ended = Vec::with_capacity(spoilt.len());
        let mut own = None;
        for (place, Unmade { reason, text }) in spoilt.into_iter().rev() {
            let one = match place.checked_sub(1) {
                Some(behind) => self
                    .job
                    .batch_mut()
                    .and_then(|batch| batch.others.remove(behind)),
                None => self.take_first(),
            };
            let attempts = one.as_ref().map_or(self.attempts(), Companion::attempts);
            let judgement = Judgement::Final {
                reason,
                text: text.clone(),
                attempts,
                status: None,
                sign: Sign::Nothing,
            };
            match one {
                Some(mut one) => {
                    let tried = one.item.tried.as_mut();
                    if let Some(kept) = tried.and_then(|tried| tried.kept.as_mut()) {
                        kept.note(attempts, None, &text);
                    }
                    ended.push((one, verdict(&judgement, Duration::ZERO)));
                }
                None => own = Some(judgement),
            }
        }
        self.end_all(ended);
        own
    }

    /// Ends the first members, but not all of them.
    pub(super) fn end_first(&mut self, count: usize, verdict: impl Fn(&Companion) -> Verdict) {
        // Those right behind the lead go with it, so that only one other becomes the lead, however many end.
        let behind: Vec<Companion> = match self.job.batch_mut() {
            Some(batch) => {
                let behind = count.min(batch.others.len()).saturating_sub(1);
                batch.others.drain(..behind).collect()
            }
            None => Vec::new(),
        };
        let first = if count > 0 { self.take_first() } else { None };
        let ended = first.into_iter().chain(behind).map(|one| {
            let verdict = verdict(&one);
            (one, verdict)
        });
        self.end_all(ended);
    }

    /// Takes the lead out; the next one leads the others from now on. None if there are no others.
    fn take_first(&mut self) -> Option<Companion> {
        let job = &mut self.job;
        let tried = job.tried.as_mut()?;
        let Companion {
            item,
            reserved,
            mut ticket,
            id,
            attempts,
        } = tried.batch.as_mut()?.others.pop_front()?;
        ticket.lead_instead_of(&mut self.ticket);
        let mut next = item.tried.unwrap_or_default();
        next.id = next.id.or(id);
        next.attempts = next.attempts.max(attempts);
        next.others_succeed = tried.others_succeed;
        next.successes = tried.successes;
        next.batch = tried.batch.take();
        let first = Queued {
            notification: mem::replace(&mut job.notification, item.notification),
            accepted_at: mem::replace(&mut job.accepted_at, item.accepted_at),
            tried: job.tried.replace(next),
            destination: mem::replace(&mut self.destination, item.destination),
        };
        Some(Companion {
            item: first,
            reserved: mem::replace(&mut job.reserved, reserved),
            ticket: mem::replace(&mut self.ticket, ticket),
            id: None,
            attempts: 0,
        })
    }

    /// Reports outcomes, and then lets the lanes continue.
    fn end_all(&self, ended: impl IntoIterator<Item = (Companion, Verdict)>) {
        let pool = &self.pool;
        let ended = ended.into_iter();
        let mut tickets = Vec::with_capacity(ended.size_hint().0);
        for (one, verdict) in ended {
            let end = pool.report_end(one.item, one.reserved, verdict);
            tickets.push((one.ticket, end));
        }
        pool.release(tickets, |core, (ticket, end)| {
            let step = core.finish(ticket, end == End::Sent, Instant::now());
            core.forget_failed(end.forgotten());
            step
        });
    }
}

/// The outcome of a member that was handed over so much earlier than the last one.
fn verdict(judgement: &Judgement, older: Duration) -> Verdict {
    match judgement {
        Judgement::Success { status, elapsed } => Verdict::Sent {
            status: status.as_u16(),
            elapsed: *elapsed + older,
        },
        Judgement::Final {
            reason,
            text,
            attempts,
            ..
        }
        | Judgement::Retry {
            reason,
            text,
            attempts,
            ..
        } => Verdict::Failed {
            reason: *reason,
            text: text.clone(),
            attempts: *attempts,
        },
    }
}

fn older_by(judgement: Judgement, older: Duration) -> Judgement {
    match judgement {
        Judgement::Success { status, elapsed } => Judgement::Success {
            status,
            elapsed: elapsed + older,
        },
        other => other,
    }
}
