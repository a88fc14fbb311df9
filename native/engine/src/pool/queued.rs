//! A notification in a pool's queue.

use notification::{HostTypeId, Notification};
use queue::{Lanes, Reservation};
use tokio::time::Instant;

use super::destinations::Came;
use crate::delivery::Tried;
use crate::spools::Kept;

/// A notification in a pool's queue.
#[derive(Debug)]
pub struct Queued {
    pub(crate) notification: Notification,
    /// When it was handed over.
    pub(crate) accepted_at: Instant,
    /// What is known of the attempts so far, if there were any.
    pub(crate) tried: Option<Box<Tried>>,
    /// Where it waits in its pool, if its handler has lanes of its own there.
    pub(crate) destination: Option<Came>,
}

impl From<Notification> for Queued {
    /// A notification that is handed over now.
    fn from(notification: Notification) -> Self {
        Self {
            notification,
            accepted_at: Instant::now(),
            tried: None,
            destination: None,
        }
    }
}

impl Queued {
    /// The memory that it uses while it waits.
    pub(crate) fn cost(&self) -> usize {
        let tried = self.tried.as_ref().map_or(0, |tried| tried.allocated());
        Lanes::<Self>::ITEM_COST + self.notification.allocated() + tried
    }

    /// The attempts made, as far as it knows itself.
    pub(super) fn attempts(&self) -> u32 {
        self.tried.as_ref().map_or(0, |tried| tried.attempts)
    }

    /// The host type that it was accepted for.
    pub(crate) fn host_type(&self) -> HostTypeId {
        self.notification.handler().host_type.id
    }

    /// Lets go of what is in memory. It stays on disk, and comes in again when it can be delivered.
    pub(super) fn leave_on_disk(&mut self, reserved: Reservation, kept: Kept) {
        drop(self.destination.take());
        drop(reserved);
        // Before it counts as on disk: a caller that waits until nothing is pending may have it come in again.
        drop(kept);
        self.notification.handler().host_type.leave_on_disk();
    }

    /// Notes what it has on disk.
    pub(crate) fn set_kept(&mut self, kept: Option<Kept>) {
        self.tried.get_or_insert_default().kept = kept;
    }

    /// Takes out what it has on disk, if it has.
    pub(crate) fn take_kept(&mut self) -> Option<Kept> {
        self.tried.as_mut().and_then(|tried| tried.kept.take())
    }
}
