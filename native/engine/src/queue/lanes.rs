//! Waiting items in lanes: the order inside a lane is kept, and lanes take turns.
//!
//! A lane has at most one item out at a time. It is *ready* when its first item waits for a worker;
//! ready lanes are served first come, first served, one item a turn, so a lane with a thousand items
//! delays the others by one item each. The queue of ready lanes is ordered by the time at which
//! their first item came to the head, which is what makes expiry a look at one lane.
//!
//! Not here: how many workers there are, whether the pool is open, what an item is. No clock is read
//! and no lock taken; [`super::core`] puts those around it.

mod sweep;

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use slab::Slab;
use tokio::time::Instant;

/// Waiting items of type `T`, by lane.
#[derive(Debug)]
pub struct Lanes<T> {
    hasher: RandomState,
    /// Lane numbers by key; the keys themselves are in the lanes.
    index: HashTable<u32>,
    slots: Slab<Lane>,
    /// All waiting items; each lane is a linked list through it.
    nodes: Slab<Node<T>>,
    /// Lanes whose first item may be taken, in the order in which it became the first. Entries of
    /// lanes that a purge took away stay behind; they are passed over when they come to the front.
    queue: VecDeque<Entry>,
    /// Entries that stand for a lane.
    ready: usize,
    turns: u64,
}

/// A place in the queue of ready lanes: it is `lane`'s while that has the same `turn`.
#[derive(Clone, Copy, Debug)]
struct Entry {
    lane: u32,
    turn: u64,
}

#[derive(Debug)]
struct Lane {
    key: Box<[u8]>,
    group: u32,
    first: u32,
    last: u32,
    waiting: u32,
    /// Cost of the waiting items and of the one that is out.
    cost: usize,
    out: bool,
    /// Its place in the queue of ready lanes; 0 for none.
    turn: u64,
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

/// Slabs grow with a burst; past this many slots they are given back when they are empty.
const KEEP_CAPACITY: usize = 1024;

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
pub enum Expiry<T> {
    /// This item's time at the head was over; its lane waits for the ticket.
    Expired(Taken<T>),
    /// The next one's time is over then.
    Next(Instant),
    /// No lane is ready.
    Nothing,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            index: HashTable::new(),
            slots: Slab::new(),
            nodes: Slab::new(),
            queue: VecDeque::new(),
            ready: 0,
            turns: 0,
        }
    }
}

impl<T> Lanes<T> {
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
        let hash = self.hasher.hash_one(key);
        let found = self
            .index
            .find(hash, |&id| &*self.slots[id as usize].key == key)
            .copied();
        if let Some(id) = found {
            let lane = &self.slots[id as usize];
            let items = lane.waiting as usize + usize::from(lane.out);
            if items >= limits.items || lane.cost.saturating_add(cost) > limits.cost {
                return Err(item);
            }
        } else if limits.items == 0 || cost > limits.cost {
            return Err(item);
        }
        let node = small(self.nodes.insert(Node {
            item,
            cost,
            next: NONE,
        }));
        let Some(id) = found else {
            let id = small(self.slots.insert(Lane {
                key: key.into(),
                group,
                first: node,
                last: node,
                waiting: 1,
                cost,
                out: false,
                turn: 0,
                head_since: now,
            }));
            let (slots, hasher) = (&self.slots, &self.hasher);
            self.index
                .insert_unique(hash, id, |&id| hasher.hash_one(&*slots[id as usize].key));
            self.enqueue(id, now);
            return Ok(true);
        };
        let lane = &mut self.slots[id as usize];
        if lane.waiting == 0 {
            lane.first = node;
        } else {
            self.nodes[lane.last as usize].next = node;
        }
        lane.last = node;
        lane.waiting += 1;
        lane.cost += cost;
        Ok(false)
    }

    /// Takes the first item of the lane whose turn it is.
    pub fn take(&mut self) -> Option<Taken<T>> {
        let id = self.front()?;
        self.queue.pop_front();
        self.ready -= 1;
        let (item, cost) = self.unlink_first(id);
        let lane = &mut self.slots[id as usize];
        lane.out = true;
        lane.turn = 0;
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
        let lane = &mut self.slots[id as usize];
        lane.out = false;
        lane.cost -= cost;
        self.settle(id, now)
    }

    /// Takes out the first ready item if it has been at the head for `allowed` or longer.
    pub fn expire(&mut self, now: Instant, allowed: std::time::Duration) -> Expiry<T> {
        let Some(id) = self.front() else {
            return Expiry::Nothing;
        };
        let due = self.slots[id as usize].head_since + allowed;
        if due > now {
            return Expiry::Next(due);
        }
        self.take().map_or(Expiry::Nothing, Expiry::Expired)
    }

    /// Takes out the first item of the lane whose turn it is, with the lane's key and group, as if it
    /// had never been there. The items of one lane come in their order.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, u32, T)> {
        let taken = self.take()?;
        let lane = &self.slots[taken.ticket.lane as usize];
        let (key, group) = (lane.key.clone(), lane.group);
        self.release(taken.ticket, now);
        Some((key, group, taken.item))
    }

    /// Items that wait.
    pub fn waiting(&self) -> usize {
        self.nodes.len()
    }

    /// Lanes whose first item may be taken.
    pub fn ready(&self) -> usize {
        self.ready
    }

    fn unlink_first(&mut self, id: u32) -> (T, usize) {
        let lane = &mut self.slots[id as usize];
        let node = self.nodes.remove(lane.first as usize);
        lane.first = node.next;
        lane.waiting -= 1;
        if self.nodes.is_empty() && self.nodes.capacity() > KEEP_CAPACITY {
            self.nodes = Slab::new();
        }
        (node.item, node.cost)
    }

    /// A lane that has nothing out: ready with its next item, or gone.
    fn settle(&mut self, id: u32, now: Instant) -> bool {
        let lane = &mut self.slots[id as usize];
        if lane.waiting == 0 {
            self.remove(id);
            return false;
        }
        self.enqueue(id, now);
        true
    }

    fn enqueue(&mut self, id: u32, now: Instant) {
        self.turns += 1;
        let turn = self.turns;
        let lane = &mut self.slots[id as usize];
        lane.head_since = now;
        lane.turn = turn;
        self.queue.push_back(Entry { lane: id, turn });
        self.ready += 1;
    }

    /// The lane whose turn it is.
    fn front(&mut self) -> Option<u32> {
        while let Some(Entry { lane: id, turn }) = self.queue.front().copied() {
            let lane = self.slots.get(id as usize);
            if lane.is_some_and(|lane| lane.turn == turn) {
                return Some(id);
            }
            self.queue.pop_front();
        }
        None
    }

    fn remove(&mut self, id: u32) {
        let lane = self.slots.remove(id as usize);
        let hash = self.hasher.hash_one(&*lane.key);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        if self.slots.is_empty() && self.slots.capacity() > KEEP_CAPACITY {
            self.slots = Slab::new();
            self.index = HashTable::new();
            self.queue = VecDeque::new();
        }
    }
}

/// Slab keys as they are stored: the bounds of a pool are far below four billion.
fn small(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(NONE)
}
