//! A notification that has started, as its delivery sees it: without the queue that it came from.

use std::sync::Arc;

use notification::{MessageId, Notification, heap};
use payload::{FormStyle, Member, Payload};
use queue::{Lanes, Reservation};
use tokio::time::Instant;

use super::judge::History;
use crate::handler_plan::{BatchMade, HandlerPlan, Made, Planned};
use crate::pool::{Batch, Companion, Queued};
use crate::request::{Unmade, fields_allocated};
use crate::spools::Kept;

/// A notification that has started and has no outcome yet.
#[derive(Debug)]
pub struct Job {
    pub(crate) notification: Notification,
    /// When it was handed over.
    pub(crate) accepted_at: Instant,
    /// When its `call_timeout` ends.
    pub(crate) deadline: Instant,
    /// The bytes that are reserved for it.
    pub(crate) reserved: Reservation,
    /// If its delivery may be tried again: what is known of the attempts so far. Then it stays whole.
    pub(crate) tried: Option<Box<Tried>>,
}

/// What is known of a notification's attempts.
#[derive(Debug, Default)]
pub struct Tried {
    /// Its identity towards the web service, if its requests say it.
    pub(crate) id: Option<MessageId>,
    /// The attempts made.
    pub(crate) attempts: u32,
    /// The pauses that it has had on its own, not with its endpoint.
    pub(crate) pauses: u32,
    /// How many deliveries of it failed at the endpoint while other lanes succeeded.
    pub(crate) alone: u32,
    /// Whether other lanes succeed at present.
    pub(crate) others_succeed: bool,
    /// How many deliveries to its endpoint had succeeded when it failed last.
    pub(crate) successes: u64,
    /// What it has on disk.
    pub(crate) kept: Option<Kept>,
    /// The notifications that share its requests, if its handler sends batches.
    pub(crate) batch: Option<Box<Batch>>,
}

impl Tried {
    /// The memory of what a notification has on disk.
    pub(crate) const KEPT: usize = Kept::ALLOCATED;

    /// The memory that it uses.
    pub(crate) fn allocated(&self) -> usize {
        const BARE: usize = heap::taken(size_of::<Tried>());
        const BATCH: usize = heap::taken(size_of::<Batch>());
        // The others hold their room themselves.
        let batch = self.batch.as_ref().map_or(0, |batch| {
            BATCH + heap::taken(batch.others.capacity() * size_of::<Companion>())
        });
        BARE + self.kept.as_ref().map_or(0, |_| Self::KEPT) + batch
    }
}

/// Each notification that is kept on disk has one from the beginning.
const _: () = assert!(size_of::<Tried>() >= heap::JOINED_AT_ONCE);

impl Job {
    /// Finds out what an earlier notification of its lane that is on disk alone keeps from being sent, because
    /// it must wait there too. In a batch these members are noted as spoilt. Returns whether nothing is left to
    /// send.
    pub(super) fn must_wait(&mut self) -> bool {
        let lead = self.lead_overtakes();
        let Some(batch) = self.batch_mut() else {
            return lead;
        };
        batch.part = batch.size();
        let others = batch.in_part().map(Companion::overtakes);
        let all = std::iter::once(lead).chain(others).enumerate();
        let waits = all.filter(|(_, overtakes)| *overtakes);
        batch.spoilt = waits.map(|(at, _)| (at, Unmade::overtakes())).collect();
        batch.spoilt.len() == batch.part
    }

    fn lead_overtakes(&self) -> bool {
        let kept = self.tried.as_ref().and_then(|tried| tried.kept.as_ref());
        kept.is_some_and(Kept::overtakes)
    }

    /// What it is judged by, after this many attempts.
    pub(super) fn history(&self, attempts: u32) -> History {
        let (pauses, alone) = self.tried.as_ref().map_or((0, 0), |tried| {
            let alone = tried.alone + u32::from(tried.others_succeed);
            (tried.pauses, alone)
        });
        History {
            accepted_at: self.youngest(),
            attempts,
            pauses,
            alone,
        }
    }

    /// The batch that it leads, if its handler sends batches.
    pub(crate) fn batch(&self) -> Option<&Batch> {
        self.tried.as_ref()?.batch.as_deref()
    }

    pub(crate) fn batch_mut(&mut self) -> Option<&mut Batch> {
        self.tried.as_mut()?.batch.as_deref_mut()
    }

    /// When the last of the notifications in the present request was handed over.
    pub(crate) fn youngest(&self) -> Instant {
        let others = self.others().map(|other| other.item.accepted_at);
        others.fold(self.accepted_at, Instant::max)
    }

    /// When those behind the lead were handed over that have had no attempt yet.
    pub(super) fn others_not_tried(&self) -> Vec<Instant> {
        let new = self.others().filter(|other| other.attempts() == 0);
        new.map(|other| other.item.accepted_at).collect()
    }

    fn others(&self) -> impl Iterator<Item = &Companion> {
        self.batch().into_iter().flat_map(Batch::in_part)
    }

    /// Makes one request of the batch, of as many members as it can have, and notes which of them are in it and
    /// which cannot be sent. None if none can.
    pub(crate) async fn make_batch(
        &mut self,
        plan: &Arc<HandlerPlan>,
        max_bytes: usize,
    ) -> Result<Option<(Made, Planned)>, Unmade> {
        let id = self.message_id();
        let Some(batch) = self.tried.as_mut().and_then(|tried| tried.batch.as_mut()) else {
            return Ok(None);
        };
        batch.part = batch.size();
        // Those that must wait are spoilt whatever becomes of the request.
        let waits: Vec<usize> = batch.spoilt.iter().map(|(at, _)| *at).collect();
        let lead = (&self.notification, &id);
        let others = batch.in_part_mut().map(Companion::identified);
        let all = std::iter::once(lead).chain(others).enumerate();
        let (places, members): (Vec<usize>, Vec<Member<'_>>) = all
            .filter(|(at, _)| waits.binary_search(at).is_err())
            .unzip();
        let BatchMade {
            taken,
            failed,
            made,
        } = plan.make_batch(&members, max_bytes).await?;
        let failed = failed.into_iter();
        let failed = failed.filter_map(|(at, why)| Some((*places.get(at)?, why)));
        batch.spoilt.extend(failed);
        let part = places.get(taken).copied().unwrap_or(batch.part);
        batch.part = part;
        batch.spoilt.retain(|(at, _)| *at < part);
        batch.spoilt.sort_unstable_by_key(|(at, _)| *at);
        Ok(made)
    }

    /// Counts what its request takes besides the notification, instead of what an earlier one took.
    pub(crate) fn count_beside(&mut self, beside: usize) {
        let tried = self.tried.as_ref().map_or(0, |tried| tried.allocated());
        let own = Lanes::<Queued>::ITEM_COST + self.notification.allocated() + tried;
        self.reserved.recount(own + beside);
    }

    /// Whether any of it is on disk, so that the start of an answer is worth reading.
    pub(super) fn is_kept(&self) -> bool {
        self.tried
            .as_ref()
            .is_some_and(|tried| tried.kept.is_some())
    }

    /// Remembers the start of an answer that was no success, for the dead letters that may come of it.
    pub(super) fn note_answer(&mut self, start: &[u8]) {
        self.each_kept(|kept| kept.note_answer(start));
    }

    /// Does something with what each member of the present request has on disk.
    pub(crate) fn each_kept(&mut self, mut each: impl FnMut(&mut Kept)) {
        let Some(tried) = &mut self.tried else { return };
        tried.kept.as_mut().into_iter().for_each(&mut each);
        let others = tried.batch.iter_mut().flat_map(|batch| batch.in_part_mut());
        let kept = others.filter_map(|other| other.item.tried.as_mut()?.kept.as_mut());
        kept.for_each(each);
    }

    /// Takes what is to be sent. From then on only the payload holds the long parts, unless the delivery
    /// may be tried again.
    pub fn take_payload(&mut self, style: FormStyle) -> Payload {
        let stays = self.may_be_tried_again();
        self.take_with(|notification| {
            let before = notification.allocated();
            if stays {
                let payload = Payload::copy(notification, style);
                let headers = notification.own_headers().map_or(0, <[u8]>::len);
                let copy = heap::taken(payload.body.len()) + heap::taken(headers);
                let fields = fields_allocated(&payload);
                return (payload, copy + fields);
            }
            let payload = Payload::take(notification, style);
            let beside = match &payload.headers {
                // The values and the body are parts of the memory counted before.
                Some(_) => before + fields_allocated(&payload),
                None => heap::taken(payload.body.len()),
            };
            (payload, beside)
        })
    }

    /// Its identity towards the web service, the same on each attempt.
    pub fn message_id(&mut self) -> MessageId {
        let Some(tried) = &mut self.tried else {
            return MessageId::new();
        };
        tried.id.get_or_insert_with(MessageId::new).clone()
    }

    /// Whether another delivery may follow, for which the notification has to stay whole.
    pub fn may_be_tried_again(&self) -> bool {
        self.tried.is_some()
    }

    /// Takes what is to be sent with `take`, which also returns how much memory that uses besides the
    /// notification. The reserved bytes are counted again accordingly.
    pub fn take_with<T>(&mut self, take: impl FnOnce(&mut Notification) -> (T, usize)) -> T {
        let before = self.notification.allocated();
        let (taken, beside) = take(&mut self.notification);
        // What the place in the queue costs stays as it is.
        let place = self.reserved.bytes().saturating_sub(before);
        self.reserved
            .recount(place + self.notification.allocated() + beside);
        taken
    }
}
