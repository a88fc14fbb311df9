//! Hand-over to a pool: room in the bounds, then its queue. Not here: which pool it is (`engine`), the
//! queue's own rules (`queue`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::{Notification, PushError, Refused, RejectReason};
use queue::{Lanes, Leftovers};
use tokio::time::Instant;

use super::{Pool, Queued};

impl Pool {
    /// Takes a notification for the lane `key`, which its host type has admitted, or says why not and
    /// gives it back. Never blocks.
    pub(crate) fn push(
        self: &Arc<Self>,
        key: &[u8],
        notification: Notification,
    ) -> Result<(), Refused<Notification>> {
        let now = Instant::now();
        let item = Queued {
            notification,
            accepted_at: now,
        };
        let cost = item.cost();
        let all = cost + Lanes::<Queued>::lane_cost(key);
        if !self.bounds.reserve(all) {
            return Err(Refused::rejected(
                item.notification,
                RejectReason::QueueFull,
            ));
        }
        let group = item.group();
        let (pushed, left) = {
            let mut core = self.core.lock();
            let pushed = core.push(key, group, item, cost, now);
            (pushed, core.leftovers())
        };
        self.clear_up(left);
        match pushed {
            Ok(step) => {
                self.follow(step);
                Ok(())
            }
            Err(refused) => {
                self.bounds.release(all);
                Err(refused.map(|item| item.notification))
            }
        }
    }

    /// It has refused a notification for this reason, for good.
    pub(crate) fn count_rejection(&self, reason: RejectReason) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        self.totals.rejected.add(reason);
    }

    /// Takes what another pool had accepted, or has its heir take it; the room in the node's bounds
    /// comes with it. Gives its cost, or the item back.
    pub(super) fn take_over(
        self: &Arc<Self>,
        key: &[u8],
        group: u32,
        item: Queued,
    ) -> Result<usize, Refused<Queued>> {
        let cost = item.cost();
        let lane = Lanes::<Queued>::lane_cost(key);
        if !self.bounds.own().reserve(cost + lane) {
            return Err(Refused::rejected(item, RejectReason::QueueFull));
        }
        // The other pool's lane is about to go, and its room with it.
        self.bounds.node().add(lane);
        let (pushed, left) = {
            let mut core = self.core.lock();
            let pushed = core.push(key, group, item, cost, Instant::now());
            (pushed, core.leftovers())
        };
        self.clear_up(left);
        match pushed {
            Ok(step) => {
                self.follow(step);
                Ok(cost)
            }
            Err(refused) => {
                self.bounds.own().release(cost + lane);
                self.bounds.node().release(lane);
                match self.heir() {
                    Some(heir) if refused.why == PushError::NotOpen => {
                        heir.take_over(key, group, refused.item)
                    }
                    _ => Err(refused),
                }
            }
        }
    }

    /// Its room in this pool's bounds is free, in the node's it goes on.
    pub(super) fn give_up_room(&self, cost: usize) {
        self.bounds.own().release(cost);
    }

    /// Takes care of what steps of the queue have left behind, after the lock was let go.
    pub(super) fn clear_up(&self, left: Leftovers<Queued>) {
        let bytes = left.free();
        if bytes > 0 {
            self.bounds.release_bytes(bytes);
        }
    }
}
