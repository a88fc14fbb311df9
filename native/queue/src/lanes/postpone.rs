//! Items whose time has not come: an item that was taken goes back to the head of its lane, and the lane
//! leaves the queue of ready lanes until a given time.
//!
//! The lanes are in the order of their times, in a tree: it neither copies when it grows nor keeps an
//! entry for a lane that is gone.

use std::collections::BTreeSet;

use notification::policy::Rate;
use tokio::time::Instant;

use super::groups::{Gate, GateId, GroupId};
use super::{Lanes, NONE, Node, State, Ticket};

/// Postponed lanes, by the time at which they are ready again.
#[derive(Debug, Default)]
pub(super) struct Postponed(BTreeSet<(Instant, u32)>);

impl Postponed {
    pub(super) fn remove(&mut self, until: Instant, lane: u32) {
        self.0.remove(&(until, lane));
    }

    fn first(&self) -> Option<Instant> {
        self.0.first().map(|(until, _)| *until)
    }

    fn pop_due(&mut self, now: Instant) -> Option<u32> {
        self.0.first().filter(|(until, _)| *until <= now)?;
        self.0.pop_first().map(|(_, lane)| lane)
    }
}

impl<T> Lanes<T> {
    /// Adds a gate, which is open.
    pub fn add_gate(&mut self) -> GateId {
        self.groups.add_gate()
    }

    /// Adds a group of lanes whose items do not expire, behind a gate, with a limit or without.
    pub fn add_group(&mut self, gate: GateId, rate: Option<Rate>) -> GroupId {
        self.groups.add(gate, rate, &self.slots)
    }

    /// A request of a group begins that no item is taken for: it counts against the group's limit.
    pub fn spend(&mut self, group: GroupId, now: Instant) {
        self.groups.spend(group, now, &self.slots);
    }

    /// An item that was taken leads to no request: it does not count against its group's limit. Returns how many more
    /// lanes are served.
    pub fn give_back(&mut self, group: GroupId, now: Instant) -> usize {
        self.groups.give_back(group, now, &self.slots)
    }

    /// Whether lanes of a group wait for its limit.
    pub fn is_limited(&self, group: GroupId) -> bool {
        self.groups.is_limited(group)
    }

    /// When lanes are served that wait now, if a step has changed that since the last call.
    pub fn take_wake(&mut self) -> Option<Instant> {
        self.groups.take_wake()
    }

    /// Puts an item that was taken back to the head of its lane, where it stands for `weight` items: more than
    /// one if it is a batch, whose other members hold their tickets. With a time, the lane waits until then.
    /// Returns whether the lane may be served now.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an item is put back once, so the ticket is used up"
    )]
    pub fn put_back(
        &mut self,
        ticket: Ticket,
        item: T,
        weight: usize,
        until: Option<Instant>,
        now: Instant,
    ) -> bool {
        let Ticket {
            lane: id,
            since,
            cost,
            ..
        } = ticket;
        let lane = &mut self.slots[id];
        let next = if lane.waiting == 0 { NONE } else { lane.first };
        let node = self.nodes.insert(Node {
            item,
            cost,
            next,
            since,
        });
        lane.first = node;
        if lane.waiting == 0 {
            lane.last = node;
        }
        lane.waiting += 1;
        lane.out -= 1;
        lane.state = State::Idle;
        // A batch has fewer items than a pool may hold.
        lane.returned = u32::try_from(weight.max(1)).unwrap_or(NONE);
        self.returned += lane.returned as usize;
        self.returned_nodes += 1;
        match until {
            Some(until) if until > now => {
                lane.state = State::Postponed;
                lane.head_since = until;
                self.postponed.0.insert((until, id));
                false
            }
            _ => self.enqueue(id, now),
        }
    }

    /// Makes lanes ready whose time has come, at most `most`, and gates, tokens and batches. Returns how many more
    /// lanes may be served, and when the next time comes: now, if there are more.
    pub fn due(&mut self, now: Instant, most: usize) -> (usize, Option<Instant>) {
        let mut woken = 0;
        for _ in 0..most {
            let Some(id) = self.postponed.pop_due(now) else {
                break;
            };
            self.slots[id].state = State::Idle;
            woken += usize::from(self.enqueue(id, now));
        }
        let (served, next) = self.groups.due(now, &self.slots);
        let next = self.postponed.first().into_iter().chain(next).min();
        (woken + served, next)
    }

    /// Sets a gate. Returns how many more lanes may be served.
    pub fn set_gate(&mut self, gate: GateId, state: Gate) -> usize {
        let before = self.ready();
        self.groups.set_gate(gate, state);
        self.ready().saturating_sub(before)
    }

    /// Whether lanes behind this gate are ready and wait for nothing else.
    pub fn is_ready(&self, gate: GateId) -> bool {
        self.groups.is_ready(gate)
    }

    /// Whether lanes wait for the gate of their group.
    pub fn hold(&self) -> bool {
        self.groups.hold()
    }

    /// The number of items that were put back and not taken again.
    pub fn returned(&self) -> usize {
        self.returned
    }

    /// Takes out items for which `is_overdue` holds, from the heads of lanes that wait for their gate,
    /// in up to about `at_once` lanes, starting at lane number `cursor`. Returns the items, how many they
    /// stand for, and the next cursor, or `None` at the end.
    pub fn take_overdue(
        &mut self,
        cursor: usize,
        at_once: usize,
        is_overdue: impl Fn(&T) -> bool,
    ) -> (Vec<T>, usize, Option<usize>) {
        let (mut items, mut weight) = (Vec::new(), 0);
        let (mut id, mut looked) = (cursor, 0);
        while id < self.slots.end() {
            // The id is below `end`, so it fits.
            let number = u32::try_from(id).unwrap_or(NONE);
            while self.is_held(id) && is_overdue(&self.nodes[self.slots[number].first].item) {
                if looked + weight >= at_once {
                    return (items, weight, Some(id));
                }
                let (item, stands_for) = self.unlink_waiting(number);
                items.push(item);
                weight += stands_for;
                if self.slots[number].waiting == 0 {
                    self.emptied(number);
                }
            }
            looked += 1;
            id = self.slots.after(id);
            if looked + weight >= at_once {
                return (items, weight, (id < self.slots.end()).then_some(id));
            }
        }
        (items, weight, None)
    }

    /// Whether this is a ready lane that waits for the gate of its group.
    fn is_held(&self, id: usize) -> bool {
        let lane = self.slots.get(id);
        lane.is_some_and(|lane| {
            lane.state == State::Ready && self.groups.gate(lane.group) != Gate::Open
        })
    }
}
