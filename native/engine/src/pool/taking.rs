//! Hand-over to a pool: first room in the bounds, then its queue. The choice of the pool is made in
//! `engine`; the queue's own rules are in `queue`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::{HostTypeId, Notification, PushError, Refused, RejectReason};
use queue::{Lanes, Leftovers};
use tokio::time::Instant;

use super::{Pool, Queued};

impl Pool {
    /// Accepts a notification, which its host type has admitted, for the lane `key`; otherwise returns
    /// it with the reason. Never blocks.
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
        let host_type = item.host_type();
        let (pushed, left) = {
            let mut core = self.core.lock();
            let pushed = core.push(key, host_type, item, cost, now);
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

    /// Counts a final rejection of a notification by this pool.
    pub(crate) fn count_rejection(&self, reason: RejectReason) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        self.totals.rejected.add(reason);
    }

    /// Accepts a notification that another pool had accepted, or lets the heir accept it. Its room in
    /// the node's bounds moves with it. Returns its cost, or the refused item.
    pub(super) fn take_over(
        self: &Arc<Self>,
        key: &[u8],
        host_type: HostTypeId,
        item: Queued,
    ) -> Result<usize, Refused<Queued>> {
        let cost = item.cost();
        let lane = Lanes::<Queued>::lane_cost(key);
        if !self.bounds.own().reserve(cost + lane) {
            return Err(Refused::rejected(item, RejectReason::QueueFull));
        }
        // The other pool's lane will soon be removed, and its room released.
        self.bounds.node().add(lane);
        let (pushed, left) = {
            let mut core = self.core.lock();
            let pushed = core.push(key, host_type, item, cost, Instant::now());
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
                if refused.why == PushError::NotOpen
                    && let Some(heir) = self.heir()
                {
                    return heir.take_over(key, host_type, refused.item);
                }
                Err(refused)
            }
        }
    }

    /// Releases the notification's room in this pool's bounds; its room in the node's bounds stays
    /// reserved.
    pub(super) fn give_up_room(&self, cost: usize) {
        self.bounds.own().release(cost);
    }

    /// Frees what steps of the queue have left behind. Call this after releasing the lock.
    pub(super) fn clear_up(&self, left: Leftovers<Queued>) {
        let bytes = left.free();
        if bytes > 0 {
            self.bounds.release_bytes(bytes);
        }
    }
}
