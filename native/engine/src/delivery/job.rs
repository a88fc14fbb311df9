//! A notification that has started, as its delivery sees it: without the queue that it came from.

use notification::{MessageId, Notification, heap};
use payload::{FormStyle, Payload};
use queue::Reservation;
use tokio::time::Instant;

use super::judge::History;
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
    /// How many deliveries of it failed while other lanes succeeded.
    pub(crate) alone: u32,
    /// Whether other lanes succeed at present.
    pub(crate) others_succeed: bool,
    /// How many deliveries to its endpoint had succeeded when it failed last.
    pub(crate) successes: u64,
    /// What it has on disk.
    pub(crate) kept: Option<Box<Kept>>,
}

impl Tried {
    /// The memory that it uses, with its identity.
    pub(crate) fn allocated(&self) -> usize {
        const BARE: usize = heap::taken(size_of::<Tried>()) + heap::taken(40);
        const KEPT: usize = heap::taken(size_of::<Kept>());
        BARE + self.kept.as_ref().map_or(0, |_| KEPT)
    }
}

impl Job {
    /// Whether an earlier notification of its lane is on disk alone, so that this one must wait there too.
    pub(super) fn overtakes(&self) -> bool {
        let kept = self.tried.as_ref().and_then(|tried| tried.kept.as_ref());
        kept.is_some_and(|kept| kept.overtakes())
    }

    /// What it is judged by, after this many attempts.
    pub(super) fn history(&self, attempts: u32) -> History {
        let (pauses, alone) = self.tried.as_ref().map_or((0, 0), |tried| {
            let alone = tried.alone + u32::from(tried.others_succeed);
            (tried.pauses, alone)
        });
        History {
            accepted_at: self.accepted_at,
            attempts,
            pauses,
            alone,
        }
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
                return (payload, copy);
            }
            let payload = Payload::take(notification, style);
            let beside = match &payload.headers {
                // The headers and the body are parts of the memory counted before.
                Some(_) => before,
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

    /// What it has on disk.
    pub(super) fn kept(&mut self) -> Option<&mut Kept> {
        self.tried.as_mut()?.kept.as_deref_mut()
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
