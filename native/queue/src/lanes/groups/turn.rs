//! Which lanes may be served, and which of them is next: the one whose first item came to the head first.

use super::Groups;
use super::gate::Gate;
use crate::lanes::NONE;
use crate::lanes::chunks::Chunks;
use crate::lanes::lane::Lane;

impl Groups {
    /// How many lanes may be served now.
    pub(in crate::lanes) fn served(&self) -> usize {
        match &*self.all {
            [only] => only.ready.len(),
            _ => self.served,
        }
    }

    /// How many lanes may be served now, of those that a step of this group can change.
    pub(super) fn served_with(&self, group: usize) -> usize {
        let gate = &self.gates[self.all[group].gate.place()];
        match gate.state {
            Gate::Open => self.all[group].allowed(),
            Gate::One | Gate::Until(_) | Gate::Closed => gate.served(),
        }
    }

    /// The lane that is next.
    pub(in crate::lanes) fn next(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        if let [only] = &*self.all {
            return only.ready.front();
        }
        let group = &self.all[self.orders.next(self.last)?];
        first(group.fronts(), lanes)
    }

    /// The ready lane whose first item came to the head first, served or not.
    pub(in crate::lanes) fn oldest(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        if let [only] = &*self.all {
            return only.ready.front();
        }
        let group = &self.all[self.orders.oldest(self.last)?];
        first(group.all_fronts(), lanes)
    }

    /// Notes what a step has changed of a group. Each step that may have changed something calls this.
    pub(super) fn note(&mut self, place: usize, lanes: &Chunks<Lane>) {
        if self.all.len() == 1 {
            return;
        }
        let group = &mut self.all[place];
        let (before, now) = (group.noted, group.look(lanes, &self.clock));
        if before == now {
            return;
        }
        group.noted = now;
        let gate = &mut self.gates[group.gate.place()];
        self.served -= gate.served();
        self.held -= gate.held();
        gate.allowed = gate.allowed + now.allowed - before.allowed;
        gate.ready = gate.ready + now.ready - before.ready;
        self.served += gate.served();
        self.held += gate.held();
        let serves = gate.state.serves();
        let number = u32::try_from(place).unwrap_or(NONE);
        self.orders.note(number, (before, serves), (now, serves));
        if before.alarm != now.alarm
            && let Some(at) = now.alarm
        {
            self.wake_at(at);
        }
    }
}

/// Of these lanes, the one whose first item came to the head first.
fn first(lanes: impl Iterator<Item = u32>, all: &Chunks<Lane>) -> Option<u32> {
    lanes.min_by_key(|id| all[*id].head_since)
}
