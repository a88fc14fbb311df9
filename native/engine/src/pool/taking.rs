//! Hand-over to a pool: room in the bounds, then its queue. Not here: which pool it is (`engine`), the
//! queue's own rules (`queue`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::{Notification, PushError, Refused, RejectReason};
use queue::{Lanes, Leftovers};
use tokio::time::Instant;

use super::{Pool, Queued};

/// Bytes by which a notification may take more or less than is reserved for it.
const NEAR_ENOUGH: usize = 256;

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
        if !self.node.reserve(all) {
            return Err(Refused::rejected(
                item.notification,
                RejectReason::QueueFull,
            ));
        }
        if !self.budget.reserve(all) {
            self.node.release(all);
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
                self.release(all);
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
        if !self.budget.reserve(cost + lane) {
            return Err(Refused::rejected(item, RejectReason::QueueFull));
        }
        // The other pool's lane is about to go, and its room with it.
        self.node.add(lane);
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
                self.budget.release(cost + lane);
                self.node.release(lane);
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
        self.budget.release(cost);
    }

    /// What was reserved as `before` takes `now` bytes. Small differences are not worth the step in
    /// which threads wait for one another. What is reserved from here on.
    pub(super) fn recount(&self, before: usize, now: usize) -> usize {
        if now.abs_diff(before) <= NEAR_ENOUGH {
            return before;
        }
        for bound in [self.budget.bytes(), &*self.node] {
            if now > before {
                bound.add(now - before);
            } else {
                bound.release(before - now);
            }
        }
        now
    }

    /// Takes care of what steps of the queue have left behind, after the lock was let go.
    pub(super) fn clear_up(&self, left: Leftovers<Queued>) {
        let bytes = left.free();
        if bytes > 0 {
            self.budget.bytes().release(bytes);
            self.node.release(bytes);
        }
    }

    /// An outcome was acknowledged: its room is free.
    pub(crate) fn release(&self, cost: usize) {
        self.budget.release(cost);
        self.node.release(cost);
    }
}
