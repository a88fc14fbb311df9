//! The notifications that share a request with another one, which leads them: a batch.
//!
//! The lead is in its place in the queue, or in flight, and the others are with it, so that they stay together
//! whatever becomes of the batch. Each has its own ticket, room in the bounds, and place on disk.

use std::collections::VecDeque;
use std::sync::Arc;

use notification::{FailureReason, HostTypeId, MessageId, Notification};
use queue::{Batching, Lanes, NotKept, Reservation, Ticket};
use tokio::time::Instant;

use super::{Pool, Queued, Reported};
use crate::request::Unmade;
use crate::spools::Kept;

/// How many members are collected, or end, under one lock.
pub(super) const AT_ONCE: usize = 64;

/// About how many bytes of a body a notification is.
const USUAL: usize = 512;

/// The members of a batch behind its lead, and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In order.
    pub(crate) others: VecDeque<Companion>,
    /// The most members of one request, if a larger one was refused.
    pub(crate) most: Option<usize>,
    /// How many members the present request is of, from the lead on; 0 before it is known. It stays while the
    /// request waits for its next attempt, which is of the same ones.
    pub(crate) part: usize,
    /// Those of them that cannot be sent, by their places, in order.
    pub(crate) spoilt: Vec<(usize, Unmade)>,
}

/// A member behind the lead.
#[derive(Debug)]
pub(crate) struct Companion {
    pub(crate) item: Queued,
    pub(crate) reserved: Reservation,
    pub(crate) ticket: Ticket,
    /// Its identity, if it is not in `item`.
    pub(crate) id: Option<MessageId>,
    /// How many attempts the last request of the batch that it was in had come to; 0 while it was in none. The
    /// lead's own number says nothing of it: not each request has all members.
    pub(crate) attempts: u32,
}

impl Batch {
    /// How many members the present request is of, or the next one if it can have all of them.
    pub(crate) fn size(&self) -> usize {
        if self.part > 0 {
            return self.part;
        }
        let all = 1 + self.others.len();
        self.most.map_or(all, |most| all.min(most))
    }

    /// The members of the present or next request behind the lead.
    pub(crate) fn in_part(&self) -> impl Iterator<Item = &Companion> {
        self.others.iter().take(self.size().saturating_sub(1))
    }

    /// The same, to change them.
    pub(crate) fn in_part_mut(&mut self) -> impl Iterator<Item = &mut Companion> {
        let others = self.size().saturating_sub(1);
        self.others.iter_mut().take(others)
    }

    /// With the present request, which failed, its lead has come to so many attempts. Those behind it were in none.
    pub(super) fn was_tried(&mut self, attempts: u32) {
        self.in_part_mut()
            .for_each(|other| other.attempts = attempts);
    }
}

impl Companion {
    pub(super) fn new(pool: &Pool, taken: queue::Companion<Queued>) -> Self {
        let queue::Companion { item, ticket } = taken;
        let reserved = Reservation::new(Arc::clone(&pool.bounds), item.cost());
        Self {
            item,
            reserved,
            ticket,
            id: None,
            attempts: 0,
        }
    }

    /// The attempts made, with those of its own that it came with.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.max(self.item.attempts())
    }

    /// Its notification with its identity, which it gets now if it has none.
    pub(crate) fn identified(&mut self) -> (&Notification, &MessageId) {
        let known = self.item.tried.as_ref().and_then(|tried| tried.id.as_ref());
        let id = match known {
            Some(id) => id,
            None => self.id.get_or_insert_with(MessageId::new),
        };
        (&self.item.notification, id)
    }

    /// Whether an earlier notification of its lane is on disk alone.
    pub(crate) fn overtakes(&self) -> bool {
        let tried = self.item.tried.as_ref();
        let kept = tried.and_then(|tried| tried.kept.as_ref());
        kept.is_some_and(Kept::overtakes)
    }
}

impl Queued {
    /// How many notifications it stands for.
    pub(super) fn weight(&self) -> usize {
        1 + self.batch().map_or(0, |batch| batch.others.len())
    }

    /// When the last of them was handed over.
    pub(super) fn youngest(&self) -> Instant {
        let others = self.batch().into_iter().flat_map(|batch| &batch.others);
        let youngest = others.map(|other| other.item.accepted_at).max();
        youngest.map_or(self.accepted_at, |youngest| youngest.max(self.accepted_at))
    }

    fn batch(&self) -> Option<&Batch> {
        self.tried.as_ref()?.batch.as_deref()
    }

    /// Takes the others of its batch out.
    fn take_others(&mut self) -> VecDeque<Companion> {
        let batch = self.tried.as_mut().and_then(|tried| tried.batch.take());
        batch.map_or_else(VecDeque::new, |batch| batch.others)
    }
}

/// How a batch of this policy is collected: by what its notifications cost in memory, which is about what they
/// are in a body. What a body may have is exact when it is made.
pub(super) fn batching(batch: &notification::policy::Batch) -> Batching {
    let items = usize::try_from(batch.max_events).unwrap_or(usize::MAX);
    let expected = items.min(batch.max_bytes / USUAL);
    let places = expected * Lanes::<Queued>::ITEM_COST;
    Batching {
        items,
        cost: batch.max_bytes.saturating_add(places),
        linger: batch.linger,
    }
}

impl Pool {
    /// Ends what was waiting, which the queue has counted as failed: a notification, and all those of its batch.
    pub(super) fn end_waiting(
        self: &Arc<Self>,
        mut item: Queued,
        reason: FailureReason,
        text: &Arc<str>,
    ) {
        // Its place has room for the list of the others.
        let reserved = Reservation::new(Arc::clone(&self.bounds), item.cost());
        let others = item.take_others();
        let attempts = item.attempts();
        let reported = self.report_other(item, reserved, attempts, reason, text);
        let mut on_disk = u64::from(reported.is_none());
        let mut tickets = Vec::with_capacity(others.len());
        for other in others {
            let attempts = other.attempts();
            let reported = self.report_other(other.item, other.reserved, attempts, reason, text);
            on_disk += u64::from(reported.is_none());
            tickets.push(other.ticket);
        }
        if on_disk > 0 {
            self.core().forget_failed(on_disk);
        }
        self.release(tickets, |core, ticket| core.expired(ticket, Instant::now()));
    }

    /// Ends a notification that came back when the pool was closed, and all those of its batch: they are in
    /// flight.
    pub(super) fn end_not_kept(self: &Arc<Self>, not_kept: NotKept<Queued>) {
        let NotKept { mut item, ticket } = not_kept;
        let text = "the pool was stopped before its next attempt";
        let (reason, text) = self.why_it_ends(FailureReason::Shutdown, text);
        let reserved = Reservation::new(Arc::clone(&self.bounds), item.cost());
        let others = item.take_others();
        let attempts = item.attempts();
        let reported = self.report_other(item, reserved, attempts, reason, &text);
        let mut ended = vec![(ticket, reported)];
        for other in others {
            let attempts = other.attempts();
            let reported = self.report_other(other.item, other.reserved, attempts, reason, &text);
            ended.push((other.ticket, reported));
        }
        self.release(ended, |core, (ticket, reported)| {
            let step = core.finish(ticket, false, Instant::now());
            core.forget_failed(u64::from(reported.is_none()));
            step
        });
    }

    /// Releases lanes with `release`, some under one lock.
    pub(super) fn release<X>(
        self: &Arc<Self>,
        ended: Vec<X>,
        release: impl Fn(&mut super::PoolCore, X) -> super::PoolStep,
    ) {
        let mut ended = ended.into_iter().peekable();
        while ended.peek().is_some() {
            let mut steps = Vec::with_capacity(AT_ONCE);
            let (left, quiet) = {
                let mut core = self.core();
                for one in ended.by_ref().take(AT_ONCE) {
                    steps.push(release(&mut core, one));
                }
                (core.leftovers(), core.is_quiet())
            };
            self.clear_up(left);
            self.tell_if_quiet(quiet);
            self.follow_all(steps);
        }
    }

    /// Has the batches of a host type that stops go at once, or wait for company again.
    pub(crate) fn set_hurry(self: &Arc<Self>, host_type: HostTypeId, hurry: bool) {
        for group in self.groups_of(host_type) {
            let steps = self.core().set_hurry(group, hurry);
            self.follow_all(steps);
        }
    }
}

impl Reported {
    /// Whether it has no outcome.
    fn is_none(self) -> bool {
        self == Self::OnDisk
    }
}
