//! Waiting items in lanes: items of one lane keep their order, and lanes take turns.
//!
//! At most one item of a lane is out at a time. A lane is *ready* when its first item waits for a
//! worker. Ready lanes are served first come, first served, one item per turn, so a lane with a
//! thousand items delays each other lane by only one item (no head-of-line blocking). The queue of
//! ready lanes is ordered by the time at which their first item came to the head, so expiry only has to
//! check the first lane.
//!
//! This module reads no clock and takes no lock; [`crate::core`] adds those, the workers and the
//! phases.

mod chunks;
mod index;
mod ready;
mod sweep;

use slab::Slab;
use tokio::time::Instant;

use chunks::Chunks;
use index::Index;
use notification::{HostTypeId, heap};
use ready::Ready;

/// Waiting items of type `T`, by lane.
///
/// Nothing in here is copied when it grows, or freed while the lock is held: with a hundred thousand
/// lanes, either would take milliseconds.
#[derive(Debug)]
pub struct Lanes<T> {
    index: Index,
    slots: Chunks<Lane>,
    /// All waiting items; each lane is a linked list through it.
    nodes: Chunks<Node<T>>,
    /// Lanes whose first item may be taken, in the order in which those items came to the head.
    ready: Ready,
    /// The sum of [`Lanes::lane_cost`] for lanes that are gone, and for pushes to lanes that existed
    /// already.
    freed: usize,
}

#[derive(Debug)]
struct Lane {
    key: Box<[u8]>,
    /// The key's hash.
    hash: u32,
    host_type: HostTypeId,
    first: u32,
    last: u32,
    waiting: u32,
    /// Cost of the waiting items and of the item that is out.
    cost: usize,
    out: bool,
    /// Whether the lane is in the queue of ready lanes, between `before` and `after`.
    queued: bool,
    before: u32,
    after: u32,
    /// When the present first item came to the head; meaningless while an item of the lane is out.
    head_since: Instant,
}

#[derive(Debug)]
struct Node<T> {
    item: T,
    cost: usize,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// Bytes that a lane uses in the index: its number and one byte, in a table that is about two thirds
/// full.
const INDEX_ENTRY: usize = 8;

/// How much one lane may hold, including the item that is out.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// The maximum number of items.
    pub items: usize,
    /// The maximum sum of their costs.
    pub cost: usize,
}

/// The right to release a lane once the item taken from it is done. A ticket cannot be cloned, so a
/// lane is released only once.
#[derive(Debug)]
#[must_use = "the lane stays blocked until its ticket comes back"]
pub struct Ticket {
    lane: u32,
    cost: usize,
}

/// An item that was taken.
#[derive(Debug)]
pub struct Taken<T> {
    /// The item.
    pub item: T,
    /// Goes back with [`Lanes::release`].
    pub ticket: Ticket,
    /// When the item came to the head of its lane.
    pub head_since: Instant,
}

/// The state of the first ready lane at a given time.
#[derive(Debug)]
pub enum Expiry<X> {
    /// This item's time at the head was over.
    Expired(X),
    /// The next item expires at this time.
    Next(Instant),
    /// No lane is ready.
    Nothing,
}

/// What earlier steps have left for the caller to do after it has released the lock.
#[derive(Debug)]
#[must_use = "bytes of lanes that are gone would stay reserved"]
pub struct Leftovers<T> {
    /// The sum of [`Lanes::lane_cost`] for lanes that are gone, and for pushes to lanes that existed
    /// already.
    bytes: usize,
    memory: (Vec<Slab<Lane>>, Vec<Slab<Node<T>>>),
}

impl<T> Leftovers<T> {
    /// Frees the memory, and returns the number of reserved bytes to release.
    #[must_use = "bytes of lanes that are gone would stay reserved"]
    pub fn free(self) -> usize {
        drop(self.memory);
        self.bytes
    }
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T> Lanes<T> {
    /// The bytes that an item uses here, without its own allocations.
    pub const ITEM_COST: usize = size_of::<Node<T>>();

    /// Creates lanes with room for `lanes` lanes. More are possible, at the cost of a few slower steps.
    pub fn new(lanes: usize) -> Self {
        Self {
            index: Index::new(lanes),
            slots: Chunks::default(),
            nodes: Chunks::default(),
            ready: Ready::default(),
            freed: 0,
        }
    }

    /// The bytes that a lane with this key uses. The caller reserves them for each item, because only
    /// the push finds out whether the lane is new. [`Lanes::leftovers`] returns them: at once if the
    /// lane existed already, otherwise when the lane is gone.
    pub fn lane_cost(key: &[u8]) -> usize {
        size_of::<Lane>() + INDEX_ENTRY + heap::taken(key.len())
    }

    /// Appends `item` to the lane `key`, which belongs to `host_type`. Returns true if that makes the lane
    /// ready. If the lane is full, the item comes back.
    pub fn push(
        &mut self,
        key: &[u8],
        host_type: HostTypeId,
        item: T,
        cost: usize,
        limits: LaneLimits,
        now: Instant,
    ) -> Result<bool, T> {
        let hash = self.index.hash(key);
        let found = self.index.find(hash, key, &self.slots);
        if let Some(id) = found {
            let lane = &self.slots[id];
            let items = lane.waiting as usize + usize::from(lane.out);
            if items >= limits.items || lane.cost.saturating_add(cost) > limits.cost {
                return Err(item);
            }
        } else if limits.items == 0 || cost > limits.cost {
            return Err(item);
        }
        let node = self.nodes.insert(Node {
            item,
            cost,
            next: NONE,
        });
        let Some(id) = found else {
            let id = self.slots.insert(Lane {
                key: key.into(),
                hash,
                host_type,
                first: node,
                last: node,
                waiting: 1,
                cost,
                out: false,
                queued: false,
                before: NONE,
                after: NONE,
                head_since: now,
            });
            self.index.insert(id, &self.slots);
            self.enqueue(id, now);
            return Ok(true);
        };
        self.freed += Self::lane_cost(key);
        let lane = &mut self.slots[id];
        if lane.waiting == 0 {
            lane.first = node;
        } else {
            self.nodes[lane.last].next = node;
        }
        lane.last = node;
        lane.waiting += 1;
        lane.cost += cost;
        Ok(false)
    }

    /// Takes the first item of the lane whose turn it is.
    pub fn take(&mut self) -> Option<Taken<T>> {
        let id = self.ready.front()?;
        self.ready.remove(id, &mut self.slots);
        let (item, cost) = self.unlink_first(id);
        let lane = &mut self.slots[id];
        lane.out = true;
        Some(Taken {
            item,
            ticket: Ticket { lane: id, cost },
            head_since: lane.head_since,
        })
    }

    /// Releases the lane of an item that is done. Returns true if the lane is ready again.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a lane is released once, so the ticket is used up"
    )]
    pub fn release(&mut self, ticket: Ticket, now: Instant) -> bool {
        let Ticket { lane: id, cost } = ticket;
        let lane = &mut self.slots[id];
        lane.out = false;
        lane.cost -= cost;
        self.settle(id, now)
    }

    /// Takes out the first ready item if it has been at the head for `allowed` or longer. Its lane
    /// stays blocked until the ticket comes back.
    pub fn expire(&mut self, now: Instant, allowed: std::time::Duration) -> Expiry<Taken<T>> {
        let Some(id) = self.ready.front() else {
            return Expiry::Nothing;
        };
        let due = self.slots[id].head_since + allowed;
        if due > now {
            return Expiry::Next(due);
        }
        self.take().map_or(Expiry::Nothing, Expiry::Expired)
    }

    /// Removes the first item of the lane whose turn it is, as if it had never been there, and returns
    /// it with the lane's key and host type. Items of one lane come in their order.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, HostTypeId, T)> {
        let taken = self.take()?;
        let lane = &self.slots[taken.ticket.lane];
        let (key, host_type) = (lane.key.clone(), lane.host_type);
        self.release(taken.ticket, now);
        Some((key, host_type, taken.item))
    }

    /// Returns what the steps so far have left behind.
    pub fn leftovers(&mut self) -> Leftovers<T> {
        Leftovers {
            bytes: std::mem::take(&mut self.freed),
            memory: (self.slots.take_discarded(), self.nodes.take_discarded()),
        }
    }

    /// The number of waiting items.
    pub fn waiting(&self) -> usize {
        self.nodes.len()
    }

    /// The number of lanes whose first item may be taken.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    fn unlink_first(&mut self, id: u32) -> (T, usize) {
        let lane = &mut self.slots[id];
        let node = self.nodes.remove(lane.first);
        lane.first = node.next;
        lane.waiting -= 1;
        (node.item, node.cost)
    }

    /// Makes a lane that has no item out ready with its next item, or removes the lane if it is empty.
    fn settle(&mut self, id: u32, now: Instant) -> bool {
        if self.slots[id].waiting == 0 {
            self.remove(id);
            return false;
        }
        self.enqueue(id, now);
        true
    }

    fn enqueue(&mut self, id: u32, now: Instant) {
        self.slots[id].head_since = now;
        self.ready.push_back(id, &mut self.slots);
    }

    /// Removes a lane that has no items.
    fn remove(&mut self, id: u32) {
        self.ready.remove(id, &mut self.slots);
        let lane = self.slots.remove(id);
        self.index.remove(id, lane.hash);
        self.freed += Self::lane_cost(&lane.key);
    }
}
