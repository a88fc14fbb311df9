//! How items leave their lanes, and how lanes become ready, wait and go.

use tokio::time::Instant;

use super::lane::State;
use super::{Clock, Lanes, Ticket};

impl<T> Lanes<T> {
    pub(super) fn unlink_first(&mut self, id: u32) -> Unlinked<T> {
        let lane = &mut self.slots[id];
        let node = self.nodes.remove(lane.first);
        lane.first = node.next;
        lane.waiting -= 1;
        let returned = std::mem::take(&mut lane.returned);
        if returned > 0 {
            self.returned -= returned as usize;
            self.returned_nodes -= 1;
        }
        Unlinked {
            item: node.item,
            ticket: Ticket {
                lane: id,
                since: node.since,
                cost: node.cost,
                companion: false,
            },
            weight: returned.max(1),
        }
    }

    /// Takes the first item out of a lane that waits, as if it had never been there. The lane keeps its place,
    /// unless the item was a batch. Returns the item, and how many it stands for.
    pub(super) fn unlink_waiting(&mut self, id: u32) -> (T, usize) {
        let was_batch = self.groups.remove_batch(id, &mut self.slots);
        let Unlinked {
            item,
            ticket,
            weight,
        } = self.unlink_first(id);
        let lane = &mut self.slots[id];
        lane.cost -= ticket.cost;
        let next = (lane.waiting > 0).then(|| self.nodes[lane.first].since);
        match next {
            // The others of the batch have no outcome yet.
            _ if lane.out > 0 => self.block(id),
            Some(since) if was_batch => {
                lane.age = Clock::later(lane.age, since);
                self.groups.push_rest(id, &mut self.slots);
            }
            next => self.groups.shrank(id, ticket.cost, next, &mut self.slots),
        }
        (item, weight as usize)
    }

    /// A waiting lane has no items left: removes it, unless items of it are out.
    pub(super) fn emptied(&mut self, id: u32) {
        if self.slots[id].out == 0 {
            self.remove(id);
        }
    }

    /// Has a lane wait for the end of its items that are out.
    pub(super) fn block(&mut self, id: u32) {
        self.detach(id);
        self.slots[id].state = State::Out;
    }

    /// Makes a lane that has no item out ready with its next item, or removes the lane if it is empty.
    pub(super) fn settle(&mut self, id: u32, now: Instant) -> bool {
        if self.slots[id].waiting == 0 {
            self.remove(id);
            return false;
        }
        self.enqueue(id, now)
    }

    /// Makes a lane ready. Returns whether it may be served now.
    pub(super) fn enqueue(&mut self, id: u32, now: Instant) -> bool {
        let lane = &mut self.slots[id];
        lane.head_since = now;
        lane.age = self.groups.clock().widen(self.nodes[lane.first].since, now);
        self.groups.push_back(id, &mut self.slots, now)
    }

    /// Takes a lane out of whatever it waits in.
    pub(super) fn detach(&mut self, id: u32) {
        self.groups.remove(id, &mut self.slots);
        let lane = &self.slots[id];
        if lane.state == State::Postponed {
            self.postponed.remove(lane.head_since, id);
        }
    }

    /// Removes a lane that has no items.
    pub(super) fn remove(&mut self, id: u32) {
        self.detach(id);
        let lane = self.slots.remove(id);
        self.index.remove(id, lane.hash);
        self.freed += Self::lane_cost(&lane.key);
    }
}

/// A waiting item that was taken out of its lane.
pub(super) struct Unlinked<T> {
    pub(super) item: T,
    pub(super) ticket: Ticket,
    /// How many items it stands for.
    pub(super) weight: u32,
}
