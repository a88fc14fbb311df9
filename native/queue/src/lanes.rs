//! Waiting items in lanes: the order inside a lane is kept, and lanes take turns.
//!
//! A lane has at most one item out at a time. It is *ready* when its first item waits for a worker;
//! ready lanes are served first come, first served, one item a turn, so a lane with a thousand items
//! delays the others by one item each. The queue of ready lanes is ordered by the time at which
//! their first item came to the head, which is what makes expiry a look at one lane.
//!
//! Not here: how many workers there are, whether the pool is open, what an item is. No clock is read
//! and no lock taken; [`crate::core`] puts those around it.

mod chunks;
mod index;
mod ready;
mod sweep;

use slab::Slab;
use tokio::time::Instant;

use chunks::Chunks;
use index::Index;
use notification::heap;
use ready::Ready;

/// Waiting items of type `T`, by lane.
///
/// Nothing in here is copied when it grows, or freed while the lock is held: both would take
/// milliseconds with a hundred thousand lanes.
#[derive(Debug)]
pub struct Lanes<T> {
    index: Index,
    slots: Chunks<Lane>,
    /// All waiting items; each lane is a linked list through it.
    nodes: Chunks<Node<T>>,
    /// Lanes whose first item may be taken, in the order in which it became the first.
    ready: Ready,
    /// [`Lanes::lane_cost`] of lanes that are gone, or were there already.
    freed: usize,
}

#[derive(Debug)]
struct Lane {
    key: Box<[u8]>,
    /// Of the key.
    hash: u32,
    group: u32,
    first: u32,
    last: u32,
    waiting: u32,
    /// Cost of the waiting items and of the one that is out.
    cost: usize,
    out: bool,
    /// It is in the queue of ready lanes, between these two.
    queued: bool,
    before: u32,
    after: u32,
    /// When the present first item came to the head; of no meaning while the lane has one out.
    head_since: Instant,
}

#[derive(Debug)]
struct Node<T> {
    item: T,
    cost: usize,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// What a lane takes in the index: its number and a byte, in a table that is about two thirds full.
const INDEX_ENTRY: usize = 8;

/// How much one lane may hold, items that are out included.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// Items at the most.
    pub items: usize,
    /// Sum of their costs at the most.
    pub cost: usize,
}

/// The right to say that an item taken from a lane is done. Not clonable: a lane is released once.
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
    /// To be given back with [`Lanes::release`].
    pub ticket: Ticket,
    /// When the item came to the head of its lane.
    pub head_since: Instant,
}

/// What is first in the queue of ready lanes, seen from a clock.
#[derive(Debug)]
pub enum Expiry<X> {
    /// This one's time at the head was over.
    Expired(X),
    /// The next one's time is over then.
    Next(Instant),
    /// No lane is ready.
    Nothing,
}

/// What steps have left behind, for the caller to take care of once it has let the lock go.
#[derive(Debug)]
#[must_use = "bytes of lanes that are gone would stay reserved"]
pub struct Leftovers<T> {
    /// [`Lanes::lane_cost`] of lanes that are gone, or were there already.
    bytes: usize,
    memory: (Vec<Slab<Lane>>, Vec<Slab<Node<T>>>),
}

impl<T> Leftovers<T> {
    /// Frees the memory; the bytes that are to be given back.
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
    /// What an item takes here, without what it has allocated itself.
    pub const ITEM_COST: usize = size_of::<Node<T>>();

    /// For up to `lanes` lanes, or more with a few slower steps.
    pub fn new(lanes: usize) -> Self {
        Self {
            index: Index::new(lanes),
            slots: Chunks::default(),
            nodes: Chunks::default(),
            ready: Ready::default(),
            freed: 0,
        }
    }

    /// What a lane of this key takes. It is to be reserved for each item that is pushed, because only
    /// the push finds out whether the lane is new; [`Lanes::leftovers`] gives it back, at once if it
    /// is not, and otherwise when the lane is gone.
    pub fn lane_cost(key: &[u8]) -> usize {
        size_of::<Lane>() + INDEX_ENTRY + heap::taken(key.len())
    }

    /// Puts `item` at the end of the lane `key`, which belongs to `group`. True where that makes the
    /// lane ready. The item comes back where the lane is full.
    pub fn push(
        &mut self,
        key: &[u8],
        group: u32,
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
                group,
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

    /// The item taken with `ticket` is done. True where its lane is ready again.
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

    /// Takes out the first ready item if it has been at the head for `allowed` or longer; its lane
    /// waits for the ticket.
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

    /// Takes out the first item of the lane whose turn it is, with the lane's key and group, as if it
    /// had never been there. The items of one lane come in their order.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, u32, T)> {
        let taken = self.take()?;
        let lane = &self.slots[taken.ticket.lane];
        let (key, group) = (lane.key.clone(), lane.group);
        self.release(taken.ticket, now);
        Some((key, group, taken.item))
    }

    /// What the steps so far have left behind.
    pub fn leftovers(&mut self) -> Leftovers<T> {
        Leftovers {
            bytes: std::mem::take(&mut self.freed),
            memory: (self.slots.take_discarded(), self.nodes.take_discarded()),
        }
    }

    /// Items that wait.
    pub fn waiting(&self) -> usize {
        self.nodes.len()
    }

    /// Lanes whose first item may be taken.
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

    /// A lane that has nothing out: ready with its next item, or gone.
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

    /// Takes a lane away that has no items.
    fn remove(&mut self, id: u32) {
        self.ready.remove(id, &mut self.slots);
        let lane = self.slots.remove(id);
        self.index.remove(id, lane.hash);
        self.freed += Self::lane_cost(&lane.key);
    }
}
