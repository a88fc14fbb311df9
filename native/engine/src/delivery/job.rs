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
    /// Takes what is to be sent. From then on only the payload holds the long parts, and the reserved
    /// bytes are counted again accordingly.
    pub fn take_payload(&mut self, style: FormStyle) -> Payload {
        let before = self.notification.allocated();
        let payload = Payload::take(&mut self.notification, style);
        let beside = match &payload.headers {
            // The headers and the body are parts of the memory counted before.
            Some(_) => before,
            None => heap::taken(payload.body.len()),
        };
        // What the place in the queue costs stays as it is.
        let place = self.reserved.bytes().saturating_sub(before);
        self.reserved
            .recount(place + self.notification.allocated() + beside);
        payload
    }
}
