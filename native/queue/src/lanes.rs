//! Waiting items in lanes: items of one lane keep their order, and lanes take turns.
//!
//! At most one item of a lane is out at a time. A lane is *ready* when its first item waits for a
//! worker. Ready lanes are served first come, first served, one item per turn, so a lane with a
//! thousand items delays each other lane by only one item (no head-of-line blocking). The queue of
//! ready lanes is ordered by the time at which their first item came to the head, so expiry only has to
//! check the first lane.
//!
//! Items whose delivery is tried again are in lanes of other groups, which do not expire ([`groups`]),
//! and which may be postponed ([`postpone`]). Of some groups, many items are taken together ([`batches`]).
//!
//! This module reads no clock and takes no lock; [`crate::core`] adds those, the workers and the
//! phases.

mod batches;
mod chunks;
mod clock;
mod groups;
mod index;
mod lane;
mod leftovers;
mod limit;
mod moves;
mod postpone;
mod ready;
mod sweep;
mod ticket;

use std::time::Duration;

use tokio::time::Instant;

use batches::Collector;
use chunks::Chunks;
use clock::Clock;
use groups::Groups;
use index::Index;
use lane::{Key, Lane, Node, State};
use moves::Unlinked;
use notification::HostTypeId;
use postpone::Postponed;

use crate::step::Call;

pub use batches::{Batching, Companion};
#[cfg(test)]
pub(crate) use groups::looks;
pub use groups::{Gate, GateId, GroupId};
pub use lane::{LaneLimits, Place};
pub use leftovers::Leftovers;
pub use ticket::{Expiry, Taken, Ticket};

/// Waiting items of type `T`, by lane.
///
/// Nothing in here is copied when it grows, or freed while the lock is held: with a hundred thousand
/// lanes, either would take milliseconds. A hash table of deques does both.
#[derive(Debug)]
pub struct Lanes<T> {
    index: Index,
    slots: Chunks<Lane>,
    /// All waiting items; each lane is a linked list through it.
    nodes: Chunks<Node<T>>,
    /// Lanes whose first item may be taken, in the order in which those items came to the head.
    groups: Groups,
    /// Lanes whose first item has to wait for its time.
    postponed: Postponed,
    /// Items that were put back and not taken again.
    returned: usize,
    /// The nodes that hold them: those of a batch are in one.
    returned_nodes: usize,
    /// The sum of [`Lanes::lane_cost`] for lanes that are gone, and for pushes to lanes that existed
    /// already.
    freed: usize,
}

const NONE: u32 = u32::MAX;

/// Bytes that a lane uses in the index: its number and one byte, in a table that is about two thirds
/// full.
const INDEX_ENTRY: usize = 8;

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
            groups: Groups::default(),
            postponed: Postponed::default(),
            returned: 0,
            returned_nodes: 0,
            freed: 0,
        }
    }

    /// The bytes that a lane with this key uses. The caller reserves them for each item, because only
    /// the push finds out whether the lane is new. [`Lanes::leftovers`] returns them: at once if the
    /// lane existed already, otherwise when the lane is gone.
    pub fn lane_cost(key: &[u8]) -> usize {
        size_of::<Lane>() + INDEX_ENTRY + Key::allocated(key)
    }

    /// Appends `item` to its lane. Returns true if the lane may be served because of that. If the lane is
    /// full, the item comes back.
    pub fn push(
        &mut self,
        place: Place<'_>,
        item: T,
        cost: usize,
        limits: LaneLimits,
        now: Instant,
    ) -> Result<bool, T> {
        let Place {
            key,
            host_type,
            group,
            since,
        } = place;
        let hash = self.index.hash(key);
        let found = self.index.find(hash, key, &self.slots);
        if self.has_no_room(found, cost, limits) {
            if let Some(id) = found {
                self.crowd_lane(id, now);
            }
            return Err(item);
        }
        let node = self.nodes.insert(Node {
            item,
            cost,
            next: NONE,
            since: self.groups.clock().low(since.unwrap_or(now), now),
        });
        let Some(id) = found else {
            let id = self.slots.insert(Lane {
                key: key.into(),
                hash,
                host_type,
                group,
                first: node,
                last: node,
                waiting: 1,
                out: 0,
                cost,
                state: State::Idle,
                returned: 0,
                before: NONE,
                after: NONE,
                head_since: now,
                age: 0,
            });
            self.index.insert(id, &self.slots);
            let served = self.enqueue(id, now);
            if limits.items <= 1 {
                self.crowd_lane(id, now);
            }
            return Ok(served);
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
        let is_full = lane.waiting as usize + lane.out as usize >= limits.items;
        let served = self.groups.grew(id, cost, &self.slots);
        if is_full {
            self.crowd_lane(id, now);
        }
        Ok(served)
    }

    /// Whether the lane of this key has no room for an item of this cost.
    pub fn is_full(&self, key: &[u8], cost: usize, limits: LaneLimits) -> bool {
        let found = self.index.find(self.index.hash(key), key, &self.slots);
        self.has_no_room(found, cost, limits)
    }

    fn has_no_room(&self, found: Option<u32>, cost: usize, limits: LaneLimits) -> bool {
        let Some(id) = found else {
            return limits.items == 0 || cost > limits.cost;
        };
        let lane = &self.slots[id];
        let items = lane.waiting as usize + lane.out as usize;
        items >= limits.items || lane.cost.saturating_add(cost) > limits.cost
    }

    /// Takes the first item of the lane whose turn it is.
    pub fn take(&mut self, now: Instant) -> Option<Taken<T>> {
        let id = self.groups.next(&self.slots)?;
        let group = self.slots[id].group;
        let taken = self.take_from(id);
        self.groups.spend(group, now, &self.slots);
        Some(taken)
    }

    /// Takes the first item of a ready lane.
    fn take_from(&mut self, id: u32) -> Taken<T> {
        let collects = self.groups.begins_batch(id, &self.slots);
        self.groups.remove(id, &mut self.slots);
        let Unlinked {
            item,
            ticket,
            weight,
        } = self.unlink_first(id);
        let lane = &mut self.slots[id];
        lane.state = State::Out;
        lane.out += 1;
        let (group, head_since) = (lane.group, lane.head_since);
        let alone = self.groups.gate(group) == Gate::One;
        self.groups.taken(group);
        if collects {
            let collector = Collector::begin(&ticket);
            self.groups.collect(group, collector, &self.slots);
        }
        Taken {
            item,
            ticket,
            head_since,
            alone,
            weight: weight as usize,
            collects,
        }
    }

    /// Releases the lane of an item that is done. Returns true if the lane may be served again.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a lane is released once for each item, so the ticket is used up"
    )]
    pub fn release(&mut self, ticket: Ticket, now: Instant) -> bool {
        let lane = &mut self.slots[ticket.lane];
        lane.out -= 1;
        lane.cost -= ticket.cost;
        if lane.out > 0 || lane.state != State::Out {
            return false;
        }
        lane.state = State::Idle;
        self.settle(ticket.lane, now)
    }

    /// Takes out the first ready item that expires, if it has been at the head for `allowed` or longer.
    /// Its lane stays blocked until the ticket comes back.
    pub fn expire(&mut self, now: Instant, allowed: Duration) -> Expiry<Taken<T>> {
        let Some(id) = self.groups.expiring().front() else {
            if self.ready() == 0 {
                return Expiry::Nothing;
            }
            // Patient lanes wait for workers, and may get those that come for lanes that expire. What is at
            // the head from now on cannot expire earlier.
            return Expiry::Next(now + allowed.max(Duration::from_millis(1)));
        };
        let due = self.slots[id].head_since + allowed;
        if due > now {
            return Expiry::Next(due);
        }
        Expiry::Expired(self.take_from(id))
    }

    /// Removes the first item of the ready lane that has waited longest, as if it had never been there, and
    /// returns it with the lane's key and host type. Items of one lane come in their order.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, HostTypeId, T)> {
        let id = self.groups.oldest(&self.slots)?;
        self.groups.remove(id, &mut self.slots);
        let Unlinked { item, ticket, .. } = self.unlink_first(id);
        let lane = &mut self.slots[id];
        lane.cost -= ticket.cost;
        let (key, host_type) = (Box::from(&*lane.key), lane.host_type);
        self.groups.taken(lane.group);
        self.settle(id, now);
        Some((key, host_type, item))
    }

    /// Returns what the steps so far have left behind.
    pub fn leftovers(&mut self) -> Leftovers<T> {
        Leftovers {
            bytes: std::mem::take(&mut self.freed),
            memory: (self.slots.take_discarded(), self.nodes.take_discarded()),
            alarm: Call::Nothing,
        }
    }

    /// The number of items that are here, whatever they wait for.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no item is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of lanes whose first item may be taken.
    pub fn ready(&self) -> usize {
        self.groups.served()
    }

    /// The number of items that wait and were never taken.
    pub fn waiting(&self) -> usize {
        self.nodes.len() - self.returned_nodes
    }
}
