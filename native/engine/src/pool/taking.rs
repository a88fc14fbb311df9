//! Hand-over to a pool: room in the bounds, then its queue. Not here: which pool it is (`engine`), the
//! queue's own rules (`queue`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Pool, Queued};
use crate::notification::Notification;
use crate::queue::step::Refusal;
use crate::report::reason::Rejection;

impl Pool {
    /// Takes a notification for the lane `key`, which its host type has admitted, or says why not and
    /// gives it back. Never blocks.
    pub(crate) fn push(
        self: &Arc<Self>,
        key: &[u8],
        notification: Notification,
    ) -> Result<(), (Refusal, Notification)> {
        let cost = notification.cost();
        if !self.node.reserve(cost) {
            return Err(self.refuse(Refusal::Full, notification));
        }
        if !self.budget.reserve(cost) {
            self.node.release(cost);
            return Err(self.refuse(Refusal::Full, notification));
        }
        let group = notification.handler().host_type.id;
        let now = Instant::now();
        let item = Queued {
            notification,
            accepted_at: now,
        };
        let pushed = self.core.lock().push(key, group, item, cost, now);
        match pushed {
            Ok(step) => {
                self.follow(step);
                Ok(())
            }
            Err((item, refusal)) => {
                self.release(cost);
                Err(self.refuse(refusal, item.notification))
            }
        }
    }

    fn refuse(&self, refusal: Refusal, notification: Notification) -> (Refusal, Notification) {
        let reason = match refusal {
            Refusal::Full => Some(Rejection::QueueFull),
            Refusal::Broken => Some(Rejection::PoolConfig),
            // The caller looks up which pool it is now.
            Refusal::NotOpen => None,
        };
        if let Some(reason) = reason {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            self.totals.rejected.add(reason);
        }
        (refusal, notification)
    }

    /// Takes what another pool had accepted, or has its heir take it; the room in the node's bounds
    /// comes with it. Gives its cost, or the item back.
    pub(super) fn take_over(
        self: &Arc<Self>,
        key: &[u8],
        group: u32,
        item: Queued,
    ) -> Result<usize, (Queued, Refusal)> {
        let cost = item.notification.cost();
        if !self.budget.reserve(cost) {
            return Err((item, Refusal::Full));
        }
        let pushed = self
            .core
            .lock()
            .push(key, group, item, cost, Instant::now());
        match pushed {
            Ok(step) => {
                self.follow(step);
                Ok(cost)
            }
            Err((item, refusal)) => {
                self.budget.release(cost);
                match self.heir() {
                    Some(heir) if refusal == Refusal::NotOpen => heir.take_over(key, group, item),
                    _ => Err((item, refusal)),
                }
            }
        }
    }

    /// Its room in this pool's bounds is free, in the node's it goes on.
    pub(super) fn give_up_room(&self, cost: usize) {
        self.budget.release(cost);
    }

    /// An outcome was acknowledged: its room is free.
    pub(crate) fn release(&self, cost: usize) {
        self.budget.release(cost);
        self.node.release(cost);
    }
}
