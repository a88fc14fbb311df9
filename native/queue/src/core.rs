//! The state of one pool under its lock: phase, lanes, workers, counts. The transitions between phases
//! are in `transitions`.
//!
//! Every method is a step of a few nanoseconds. It returns what its caller has to do outside the lock
//! ([`Step`]): wake a parked worker, start a worker, or start the expiry timer. A worker that finds no
//! work parks in the same step, so no wake-up is lost.
//!
//! The lock and the clock are the caller's, and so is what a worker (`W`) does.

mod batches;
#[cfg(test)]
mod many_groups;
mod staffing;
mod transitions;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::sync::AtomicBool;
use notification::{HostTypeId, Refused, RejectReason};
use tokio::time::Instant;

use crate::lanes::{Expiry, LaneLimits, Lanes, Leftovers, Place, Taken, Ticket};
use crate::patience::Alarm;
use crate::phase::{Bare, Parts, Phase, Rules, Stage};
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
    /// Whether lanes were held when it came last, or it was called because of them.
    pub(crate) knows_of_held: bool,
    /// Whether items wait for company that may come: as it is, and as those see it who do not have the lock.
    lingers: bool,
    lingering: Arc<AtomicBool>,
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
            knows_of_held: false,
            lingers: false,
            lingering: Arc::new(AtomicBool::new(false)),
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
                    self.lanes.crowd(now);
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
                if let Phase::Open(rules, _) = &self.phase
                    && !self.has_room_to_wait(rules)
                {
                    self.lanes.crowd(now);
                }
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
        let lingers = self.lanes.lingers();
        if lingers != self.lingers {
            self.lingers = lingers;
            self.lingering.store(lingers, Ordering::Release);
        }
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
}
