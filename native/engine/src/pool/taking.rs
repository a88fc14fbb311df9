//! Hand-over to a pool: first room in the bounds, then its queue. The choice of the pool is made in
//! `engine`; the queue's own rules are in `queue`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::{Handler, PushError, Refused, RejectReason, fail_point};
use queue::{Lanes, Leftovers, Place, Share};
use scopeguard::ScopeGuard;
use tokio::time::Instant;

use super::destinations::Came;
use super::{Pool, PoolStep, Queued};
use crate::delivery::Tried;

impl Pool {
    /// Accepts a notification, which its host type has admitted, for the lane `key`; otherwise returns
    /// it with the reason. Never blocks.
    pub(crate) fn push(
        self: &Arc<Self>,
        key: &[u8],
        item: impl Into<Queued>,
    ) -> Result<(), Refused<Queued>> {
        let taken = self.take_any(key, item.into())?;
        self.see_to(taken);
        Ok(())
    }

    /// The same, but what follows is the caller's, who may hold a lock now.
    pub(crate) fn put(
        self: &Arc<Self>,
        key: &[u8],
        item: Queued,
    ) -> Result<Follows, Refused<Queued>> {
        let taken = self.take_any(key, item)?;
        Ok(Follows {
            pool: Arc::clone(self),
            taken: Some(taken),
        })
    }

    fn take_any(self: &Arc<Self>, key: &[u8], item: Queued) -> Result<Taken, Refused<Queued>> {
        let now = Instant::now();
        match own_lane(key, item.notification.handler()) {
            Some(own) => self.push_to(&own, item, now),
            None => self.push_to(key, item, now),
        }
    }

    /// Whether a lane that is empty has room for an item when it is kept on disk, too.
    pub(crate) fn can_hold_kept(&self, item: &Queued) -> bool {
        self.core().fits_into_a_lane(item.cost() + Tried::KEPT)
    }

    /// Whether a handler's notifications have to stay on disk because those that wait where they do leave too little
    /// room in memory for others.
    pub(crate) fn holds_back(&self, handler: &Handler) -> bool {
        // If all go the same way, nobody else needs the room; and as long as half is free, none has too much.
        self.spools.are_shared()
            && !self.bounds.have_free(2)
            && self.share_of(handler) == Share::Large
    }

    /// What is full for an item that was refused because there is no room.
    pub(crate) fn what_is_full(&self, key: &[u8], item: &Queued) -> WhatIsFull {
        let (handler, cost) = (item.notification.handler(), item.cost());
        let own = own_lane(key, handler);
        let core = self.core();
        if !core.fits_into_a_lane(cost) {
            WhatIsFull::AlwaysForIt
        } else if core.lane_is_full(own.as_deref().unwrap_or(key), cost) {
            WhatIsFull::Lane
        } else {
            WhatIsFull::Pool
        }
    }

    fn push_to(
        self: &Arc<Self>,
        key: &[u8],
        item: Queued,
        now: Instant,
    ) -> Result<Taken, Refused<Queued>> {
        let cost = item.cost();
        let all = cost + Lanes::<Queued>::lane_cost(key);
        if !self.bounds.reserve(all) {
            self.crowd(now);
            return Err(Refused::rejected(item, RejectReason::QueueFull));
        }
        let room = scopeguard::guard((), |()| self.bounds.release(all));
        let taken = self.take_in(key, item, cost, now, room)?;
        if self.bounds.own().is_full() {
            self.crowd(now);
        }
        Ok(taken)
    }

    /// There is no room for more notifications before some have ended: what waits for company would wait in vain. Each
    /// push that is refused says so, and takes the lock only if something has begun to wait since the last one.
    fn crowd(self: &Arc<Self>, now: Instant) {
        if !self.lingering.load(Ordering::Acquire) {
            return;
        }
        let left = {
            let mut core = self.core();
            core.crowd(now);
            core.leftovers()
        };
        self.clear_up(left);
    }

    /// Puts an item into the queue. The room that is reserved for it stays so if the queue takes it, and is given
    /// back otherwise, also by a panic.
    fn take_in(
        self: &Arc<Self>,
        key: &[u8],
        mut item: Queued,
        cost: usize,
        now: Instant,
        room: ScopeGuard<(), impl FnOnce(())>,
    ) -> Result<Taken, Refused<Queued>> {
        let handler = item.notification.handler();
        // Counted before a worker can have it.
        let came = |known| Came::new(known, handler.policy.retry.as_ref(), cost);
        let destination = self.destination(handler).map(came);
        let group = destination.as_ref().map(|destination| destination.group);
        item.destination = destination;
        let place = Place {
            key,
            host_type: item.host_type(),
            group: group.unwrap_or_default(),
            since: Some(item.accepted_at),
        };
        let (pushed, left) = {
            let mut core = self.core.lock();
            fail_point::point("queue");
            let pushed = core.push(place, item, cost, now);
            (pushed, core.leftovers())
        };
        match pushed {
            Ok(step) => {
                ScopeGuard::into_inner(room);
                Ok(Taken { left, step })
            }
            Err(mut refused) => {
                self.clear_up(left);
                drop(refused.item.destination.take());
                Err(refused)
            }
        }
    }

    /// Counts a final rejection of a notification by this pool.
    pub(crate) fn count_rejection(&self, reason: RejectReason) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        self.counters.rejected.add(reason);
    }

    /// Accepts a notification that another pool had accepted, or lets the heir accept it. Its room in
    /// the node's bounds moves with it. Returns its cost, or the refused item.
    pub(super) fn take_over(
        self: &Arc<Self>,
        key: &[u8],
        item: Queued,
    ) -> Result<usize, Refused<Queued>> {
        let cost = item.cost();
        let lane = Lanes::<Queued>::lane_cost(key);
        if !self.bounds.own().reserve(cost + lane) {
            return Err(Refused::rejected(item, RejectReason::QueueFull));
        }
        // The other pool's lane will soon be removed, and its room released.
        self.bounds.node().add(lane);
        let room = scopeguard::guard((), |()| {
            self.bounds.own().release(cost + lane);
            self.bounds.node().release(lane);
        });
        match self.take_in(key, item, cost, Instant::now(), room) {
            Ok(taken) => {
                self.see_to(taken);
                Ok(cost)
            }
            Err(refused) => {
                if refused.why == PushError::NotOpen
                    && let Some(heir) = self.heir()
                {
                    return heir.take_over(key, refused.item);
                }
                Err(refused)
            }
        }
    }

    /// Does what follows when the queue has taken an item. The item is accepted: if a step panics, the caller must not
    /// take that for a refusal.
    fn see_to(self: &Arc<Self>, Taken { left, step }: Taken) {
        let steps = AssertUnwindSafe(|| {
            self.clear_up(left);
            self.follow(step);
        });
        let _ = panic::catch_unwind(steps);
    }

    /// Releases the notification's room in this pool's bounds; its room in the node's bounds stays
    /// reserved.
    pub(super) fn give_up_room(&self, cost: usize) {
        self.bounds.own().release(cost);
    }

    /// Does what steps of the queue have left behind: tells the alarm, and frees memory. Call this after
    /// releasing the lock.
    pub(crate) fn clear_up(self: &Arc<Self>, left: Leftovers<Queued>) {
        self.follow(left.alarm().into());
        let bytes = left.free();
        if bytes > 0 {
            self.bounds.release_bytes(bytes);
        }
    }
}

/// What the queue asks for when it has taken an item.
#[derive(Debug)]
struct Taken {
    left: Leftovers<Queued>,
    step: PoolStep,
}

/// What follows when the queue has taken an item: most often a worker is woken. It is done when this is dropped, whatever
/// happens before.
#[derive(Debug)]
#[must_use = "no worker is woken before this is dropped"]
pub(crate) struct Follows {
    pool: Arc<Pool>,
    taken: Option<Taken>,
}

impl Drop for Follows {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.pool.see_to(taken);
        }
    }
}

/// What has no room for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhatIsFull {
    /// The pool, or the node.
    Pool,
    /// The item's lane.
    Lane,
    /// Even an empty lane has no room for it.
    AlwaysForIt,
}

/// The first bytes of the keys of lanes that belong to one handler. Other keys begin with the number of a
/// host type, which is never this.
const OWN: [u8; 4] = u32::MAX.to_ne_bytes();

/// The key of a handler's own lane, if it has lanes of its own, so that what holds its notifications holds
/// no other handler's.
fn own_lane(key: &[u8], handler: &Handler) -> Option<Vec<u8>> {
    let own = handler.policy.has_own_lanes();
    own.then(|| [&OWN[..], &u32::from(handler.id).to_ne_bytes(), key].concat())
}
