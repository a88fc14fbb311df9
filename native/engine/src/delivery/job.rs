//! A notification that has started, as its delivery sees it: without the queue that it came from.

use notification::{Notification, heap};
use payload::{FormStyle, Payload};
use queue::Reservation;
use tokio::time::Instant;

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
}

impl Job {
    /// Takes what is to be sent. From then on only the payload holds the long parts.
    pub fn take_payload(&mut self, style: FormStyle) -> Payload {
        self.take_with(|notification| {
            let before = notification.allocated();
            let payload = Payload::take(notification, style);
            let beside = match &payload.headers {
                // The headers and the body are parts of the memory counted before.
                Some(_) => before,
                None => heap::taken(payload.body.len()),
            };
            (payload, beside)
        })
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
