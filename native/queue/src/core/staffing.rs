//! How many workers there are, how many may be busy, and which one an item gets.

use super::Core;
use crate::phase::{Parts, Phase, Rules, WhenBusy};
use crate::step::Step;

impl<T, W, P: Parts> Core<T, W, P> {
    /// Sets how many requests the endpoint accepts at once. No more workers than that are busy from now
    /// on; while the number is unknown (`None`), a single worker finds it out. Returns the steps for
    /// the items that may start now. The others wait here until `call_timeout`.
    pub fn set_room(&mut self, room: Option<usize>) -> Vec<Step<W, P::Opened>> {
        self.room = room.map(|room| room.max(1));
        self.staff_all(self.lanes.ready())
    }

    /// How many items may be in flight, as far as is known; 0 before the pool opens and after it was
    /// closed.
    pub fn slots(&self) -> usize {
        self.phase.rules().map_or(0, |rules| {
            rules.workers.min(self.room.unwrap_or(usize::MAX))
        })
    }

    /// Removes the parked worker for which `is_me` returns true. Returns false if the worker is no
    /// longer parked: then a wake-up is on its way, and the worker has to check for work.
    pub fn unpark(&mut self, is_me: impl Fn(&W) -> bool) -> bool {
        let Some(at) = self.parked.iter().position(is_me) else {
            return false;
        };
        self.parked.remove(at);
        self.workers -= 1;
        true
    }

    /// Counts a worker that was not parked as gone, and starts another one if there is work.
    pub fn lost_worker(&mut self) -> Step<W, P::Opened> {
        self.workers -= 1;
        if self.lanes.ready() > 0 {
            self.staff()
        } else {
            Step::Nothing
        }
    }

    /// Whether the rules allow one more item.
    pub(super) fn has_room(&self, rules: &Rules) -> bool {
        let requests = self.in_flight - self.companions;
        let slots = rules.workers.min(self.room.unwrap_or(usize::MAX));
        // Every ready item that may start has a worker on its way, so each item counts for one slot,
        // taken or not. A worker that still reads a body also holds its slot.
        let is_taken = || self.busy().max(requests + self.lanes.ready()) >= slots;
        if rules.when_busy == WhenBusy::Reject && is_taken() {
            return false;
        }
        self.has_room_to_wait(rules)
    }

    /// Whether the rules allow one more item to wait.
    pub(super) fn has_room_to_wait(&self, rules: &Rules) -> bool {
        let requests = self.in_flight - self.companions;
        let slots = rules.workers.min(self.room.unwrap_or(usize::MAX));
        // `max_waiting` comes on top of the slots: an item for which a worker is free does not count as
        // waiting, even before the worker has taken it.
        let here = requests + self.lanes.waiting() + self.lanes.returned();
        rules
            .max_waiting
            .is_none_or(|most| here < slots.saturating_add(most))
    }

    /// Workers that are not parked.
    pub(super) fn busy(&self) -> usize {
        self.workers - self.parked.len()
    }

    /// How many workers may be busy.
    pub(super) fn most_busy(&self, rules: &Rules) -> usize {
        rules.workers.min(self.room.unwrap_or(1))
    }

    /// Finds a worker after a step that may have made a lane ready.
    pub(super) fn after(&mut self, ready: bool) -> Step<W, P::Opened> {
        if ready { self.staff() } else { Step::Nothing }
    }

    /// Finds a worker for a lane that became ready.
    pub(crate) fn staff(&mut self) -> Step<W, P::Opened> {
        let (Phase::Open(rules, opened) | Phase::Draining(rules, opened)) = &self.phase else {
            return Step::Nothing;
        };
        if self.busy() < self.most_busy(rules) {
            if let Some(worker) = self.parked.pop() {
                return Step::Wake(worker);
            }
            self.workers += 1;
            return Step::Start(opened.clone());
        }
        self.time_what_waits()
    }

    /// Finds workers for up to `ready` lanes.
    pub(crate) fn staff_all(&mut self, ready: usize) -> Vec<Step<W, P::Opened>> {
        let Some(rules) = self.phase.rules() else {
            return Vec::new();
        };
        let free = self.most_busy(rules).saturating_sub(self.busy());
        (0..free.min(ready)).map(|_| self.staff()).collect()
    }

    /// Starts the expiry timer if a ready item has no worker.
    pub(crate) fn time_what_waits(&mut self) -> Step<W, P::Opened> {
        match self.phase.rules() {
            Some(rules) if !self.timer_runs && self.lanes.ready() > 0 => {
                self.timer_runs = true;
                Step::Time(rules.call_timeout)
            }
            _ => Step::Nothing,
        }
    }
}
