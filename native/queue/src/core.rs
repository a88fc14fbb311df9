//! The state of one pool under its lock: phase, lanes, workers, counts. The transitions between phases
//! are in `transitions`.
//!
//! Every method is a step of a few nanoseconds. It returns what its caller has to do outside the lock
//! ([`Step`]): wake a parked worker, start a worker, or start the expiry timer. A worker that finds no
//! work parks in the same step, so no wake-up is lost.
//!
//! The lock and the clock are the caller's, and so is what a worker (`W`) does.

mod batches;
mod transitions;

use notification::{HostTypeId, Refused, RejectReason};
use tokio::time::Instant;

use crate::lanes::{Expiry, LaneLimits, Lanes, Leftovers, Place, Taken, Ticket};
use crate::patience::Alarm;
use crate::phase::{Bare, Parts, Phase, Rules, Stage, WhenBusy};
use crate::step::{QueueCounts, Step, Turn};

/// The state of a pool with workers `W` and items `T`.
#[derive(Debug)]
pub struct Core<T, W, P: Parts = Bare> {
    pub(crate) phase: Phase<P>,
    pub(crate) lanes: Lanes<T>,
    limits: LaneLimits,
    /// Workers that wait for work; the one that was busy last is at the end.
    parked: Vec<W>,
    /// All workers, parked or not.
    workers: usize,
    /// Items that were taken and have no outcome yet.
    pub(crate) in_flight: usize,
    /// Of these, those that are in a batch behind its first one.
    pub(crate) companions: usize,
    /// How many busy workers the endpoint has room for; `None` until the endpoint has said.
    room: Option<usize>,
    pub(crate) counts: QueueCounts,
    timer_runs: bool,
    /// The task that wakes postponed lanes.
    pub(crate) alarm: Alarm,
}

impl<T, W, P: Parts> Core<T, W, P> {
    /// Creates a pool that accepts items and does not deliver any yet.
    pub fn new(limits: LaneLimits) -> Self {
        Self::with_room(limits, 0)
    }

    /// Like [`Core::new`], with room for `items` items. More items are possible, at the cost of a few
    /// slower steps.
    pub fn with_room(limits: LaneLimits, items: usize) -> Self {
        Self {
            phase: Phase::Waiting(Stage::Spare),
            lanes: Lanes::new(items),
            limits,
            parked: Vec::new(),
            workers: 0,
            in_flight: 0,
            companions: 0,
            room: Some(usize::MAX),
            counts: QueueCounts::default(),
            timer_runs: false,
            alarm: Alarm::Off,
        }
    }

    /// Accepts an item for its lane.
    pub fn push(
        &mut self,
        place: Place<'_>,
        item: T,
        cost: usize,
        now: Instant,
    ) -> Result<Step<W, P::Opened>, Refused<T>> {
        match &self.phase {
            Phase::Waiting(_) => {}
            Phase::Open(rules, _) => {
                if !self.has_room(rules) {
                    return Err(Refused::rejected(item, RejectReason::QueueFull));
                }
            }
            Phase::Leaving(_) | Phase::Draining(..) | Phase::HandedOver(_) | Phase::Closed(_) => {
                return Err(Refused::not_open(item));
            }
            Phase::Broken(_) => return Err(Refused::rejected(item, RejectReason::PoolConfig)),
        }
        match self.lanes.push(place, item, cost, self.limits, now) {
            Err(item) => Err(Refused::rejected(item, RejectReason::QueueFull)),
            Ok(ready) => {
                self.counts.accepted += 1;
                Ok(self.after(ready))
            }
        }
    }

    /// Whether the lane of this key has no room for an item of this cost.
    pub fn lane_is_full(&self, key: &[u8], cost: usize) -> bool {
        self.lanes.is_full(key, cost, self.limits)
    }

    /// Whether a lane that is empty has room for an item of this cost.
    pub fn fits_into_a_lane(&self, cost: usize) -> bool {
        self.limits.items > 0 && cost <= self.limits.cost
    }

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

    /// Takes the item whose turn it is, for a worker that is not parked.
    pub fn take(&mut self, now: Instant) -> Option<Taken<T>> {
        if self.busy() > self.most_busy(self.phase.rules()?) {
            return None;
        }
        let taken = self.lanes.take(now)?;
        self.in_flight += taken.weight;
        self.companions += taken.weight - 1;
        Some(taken)
    }

    /// Takes an item for `worker`, or parks the worker. A worker of a closed pool leaves.
    pub fn take_or_park(&mut self, worker: W, now: Instant) -> Turn<Taken<T>, W, P::Opened> {
        if let Some(taken) = self.take(now) {
            return Turn::Work(taken);
        }
        if self.phase.is_over() {
            self.workers -= 1;
            return Turn::Leave;
        }
        self.parked.push(worker);
        // The worker may have parked because the endpoint has no room for its request. The ready items
        // then wait.
        Turn::Parked(self.time_what_waits())
    }

    /// Records the outcome of the item of `ticket`. The step is for the lane's next item. A worker that
    /// takes its next item at once calls [`Core::finish_and_take`] instead.
    pub fn finish(&mut self, ticket: Ticket, sent: bool, now: Instant) -> Step<W, P::Opened> {
        let ready = self.settle(ticket, sent, now);
        self.after(ready)
    }

    /// [`Core::finish`] and [`Core::take`] in one step.
    pub fn finish_and_take(
        &mut self,
        ticket: Ticket,
        sent: bool,
        now: Instant,
    ) -> Option<Taken<T>> {
        self.settle(ticket, sent, now);
        self.take(now)
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

    /// Takes the first ready item if its time is over. The item counts as failed. Its lane stays
    /// blocked until the caller has reported the outcome and calls [`Core::expired`].
    pub fn expire(&mut self, now: Instant) -> Expiry<Taken<T>> {
        let Some(Rules {
            call_timeout: allowed,
            ..
        }) = self.phase.rules().copied()
        else {
            self.timer_runs = false;
            return Expiry::Nothing;
        };
        let expiry = self.lanes.expire(now, allowed);
        match expiry {
            Expiry::Expired(_) => self.counts.failed += 1,
            Expiry::Next(_) => {}
            Expiry::Nothing => self.timer_runs = false,
        }
        expiry
    }

    /// Unblocks the lane of an expired item whose outcome is reported. The step is for the lane's next
    /// item: workers may have parked since the item was taken out.
    pub fn expired(&mut self, ticket: Ticket, now: Instant) -> Step<W, P::Opened> {
        let ready = self.lanes.release(ticket, now);
        self.after(ready)
    }

    /// Takes out waiting items, with the arguments of [`Lanes::purge`]. Each item counts as failed, and all those
    /// of a batch: their lanes stay blocked until each ticket comes back with [`Core::expired`].
    pub fn purge(
        &mut self,
        host_type: Option<HostTypeId>,
        cursor: usize,
        at_once: usize,
    ) -> (Vec<T>, Option<usize>) {
        let (items, weight, next) = self.lanes.purge(host_type, cursor, at_once);
        self.counts.failed += weight as u64;
        (items, next)
    }

    /// Counts items that were counted as failed as if they had never been here: they have no outcome.
    pub fn forget_failed(&mut self, items: u64) {
        self.counts.failed -= items;
        self.counts.accepted -= items;
    }

    /// Since when items have waited, with the arguments of [`Lanes::oldest`].
    pub fn oldest(
        &self,
        cursor: usize,
        at_once: usize,
        since: impl Fn(&T) -> Instant,
    ) -> (Option<Instant>, Option<usize>) {
        self.lanes.oldest(cursor, at_once, since)
    }

    /// What the steps so far have left to do outside the lock ([`Lanes::leftovers`]). The caller asks for it
    /// after each step that accepts, takes or ends an item, and after each that puts one back.
    pub fn leftovers(&mut self) -> Leftovers<T> {
        let mut left = self.lanes.leftovers();
        left.alarm = self.alarm_for_what_waits();
        left
    }

    /// The counts, all from the same moment.
    pub fn counts(&self) -> QueueCounts {
        QueueCounts {
            waiting: self.lanes.waiting() as u64,
            postponed: self.lanes.returned() as u64,
            in_flight: self.in_flight as u64,
            workers: self.workers as u64,
            parked: self.parked.len() as u64,
            ..self.counts
        }
    }

    /// The pool's phase.
    pub fn phase(&self) -> &Phase<P> {
        &self.phase
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_quiet(&self) -> bool {
        self.in_flight == 0 && self.lanes.is_empty()
    }

    /// Whether the rules allow one more item.
    fn has_room(&self, rules: &Rules) -> bool {
        let requests = self.in_flight - self.companions;
        let slots = rules.workers.min(self.room.unwrap_or(usize::MAX));
        // Every ready item that may start has a worker on its way, so each item counts for one slot,
        // taken or not. A worker that still reads a body also holds its slot.
        let is_taken = || self.busy().max(requests + self.lanes.ready()) >= slots;
        if rules.when_busy == WhenBusy::Reject && is_taken() {
            return false;
        }
        // `max_waiting` comes on top of the slots: an item for which a worker is free does not count as
        // waiting, even before the worker has taken it.
        let here = requests + self.lanes.waiting() + self.lanes.returned();
        rules
            .max_waiting
            .is_none_or(|most| here < slots.saturating_add(most))
    }

    /// Workers that are not parked.
    fn busy(&self) -> usize {
        self.workers - self.parked.len()
    }

    /// How many workers may be busy.
    fn most_busy(&self, rules: &Rules) -> usize {
        rules.workers.min(self.room.unwrap_or(1))
    }

    fn settle(&mut self, ticket: Ticket, sent: bool, now: Instant) -> bool {
        self.in_flight -= 1;
        self.companions -= usize::from(ticket.is_companion());
        if sent {
            self.counts.sent += 1;
        } else {
            self.counts.failed += 1;
        }
        self.lanes.release(ticket, now)
    }

    /// Finds a worker after a step that may have made a lane ready.
    fn after(&mut self, ready: bool) -> Step<W, P::Opened> {
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
