//! The transitions between the phases of a pool.

use std::mem;
use std::sync::Arc;

use notification::HostTypeId;
use tokio::time::Instant;

use super::Core;
use crate::phase::{Begin, Parts, Phase, Rules, Stage};
use crate::step::{Staff, Step};

impl<T, W, P: Parts> Core<T, W, P> {
    /// Sets the options to open with; only the first call counts.
    pub fn configure(&mut self, options: P::Options) {
        if let Phase::Waiting(stage) | Phase::Leaving(stage) = &mut self.phase
            && matches!(stage, Stage::Spare)
        {
            *stage = Stage::Configured(options);
        }
    }

    /// Begins to open the pool, once.
    pub fn begin_opening(&mut self) -> Begin<P::Options> {
        let (Phase::Waiting(stage) | Phase::Leaving(stage)) = &mut self.phase else {
            return match self.phase {
                Phase::HandedOver(_) => Begin::NotConfigured,
                Phase::Closed(_) => Begin::Ended,
                _ => Begin::Begun,
            };
        };
        match mem::replace(stage, Stage::Opening(None)) {
            Stage::Configured(options) => Begin::Open(options),
            before => {
                let begun = matches!(before, Stage::Opening(_));
                *stage = before;
                if begun {
                    Begin::Begun
                } else {
                    Begin::NotConfigured
                }
            }
        }
    }

    /// Remembers why the pool could not be opened yet.
    pub fn set_defect(&mut self, text: Arc<str>) {
        match &mut self.phase {
            Phase::Waiting(Stage::Opening(defect)) | Phase::Leaving(Stage::Opening(defect)) => {
                *defect = Some(text);
            }
            Phase::Broken(defect) => *defect = text,
            _ => {}
        }
    }

    /// Sets what the pool delivers with, and starts to deliver what has waited. If the pool has ended or
    /// is open, nothing happens.
    pub fn open(&mut self, rules: Rules, opened: P::Opened) -> Staff<P::Opened> {
        let worker = opened.clone();
        self.phase = match &self.phase {
            Phase::Waiting(stage) if stage.may_open() => Phase::Open(rules, opened),
            Phase::Leaving(stage) if stage.may_open() => Phase::Draining(rules, opened),
            Phase::Broken(_) => Phase::Open(rules, opened),
            _ => {
                return Staff {
                    workers: 0,
                    with: worker,
                    timer: None,
                };
            }
        };
        let workers = self.lanes.ready().min(self.most_busy(&rules));
        self.workers += workers;
        self.timer_runs = self.lanes.ready() > workers;
        Staff {
            workers,
            with: worker,
            timer: self.timer_runs.then_some(rules.call_timeout),
        }
    }

    /// Marks the pool as broken: it cannot be opened, at least for now, for this reason. Returns false
    /// if the pool has been opened in the meantime, or has ended.
    pub fn fail_to_open(&mut self, text: Arc<str>) -> bool {
        self.phase = match &self.phase {
            Phase::Waiting(stage) if stage.may_open() => Phase::Broken(text),
            // The pool is no longer wanted, so it need not open later.
            Phase::Leaving(stage) if stage.may_open() => Phase::Closed(None),
            _ => return false,
        };
        true
    }

    /// Accepts no new items from now on, and has those that wait for company go at once.
    pub fn drain(&mut self) -> Vec<Step<W, P::Opened>> {
        self.change(|phase| match phase {
            Phase::Waiting(stage) => Phase::Leaving(stage),
            Phase::Open(rules, opened) => Phase::Draining(rules, opened),
            Phase::Broken(_) => Phase::Closed(None),
            over_or_leaving => over_or_leaving,
        });
        self.set_all_hurry(true)
    }

    /// Lets a draining pool accept items again. Returns false if it is too late for that.
    pub fn resume(&mut self) -> bool {
        self.change(|phase| match phase {
            Phase::Draining(rules, opened) => Phase::Open(rules, opened),
            Phase::Leaving(stage) => Phase::Waiting(stage),
            other => other,
        });
        let resumed = matches!(self.phase, Phase::Open(..) | Phase::Waiting(_));
        if resumed {
            // What waits needs no worker because of that.
            let _ = self.set_all_hurry(false);
        }
        resumed
    }

    /// Closes the pool and returns the parked workers, which the caller wakes so that they leave.
    pub fn close(&mut self) -> Vec<W> {
        self.change(|phase| match phase {
            Phase::Waiting(Stage::HandingOver(heir))
            | Phase::Leaving(Stage::HandingOver(heir))
            | Phase::HandedOver(heir) => Phase::HandedOver(heir),
            Phase::Open(_, opened) | Phase::Draining(_, opened) => Phase::Closed(Some(opened)),
            Phase::Closed(opened) => Phase::Closed(opened),
            Phase::Waiting(_) | Phase::Leaving(_) | Phase::Broken(_) => Phase::Closed(None),
        });
        mem::take(&mut self.parked)
    }

    /// Begins to hand a pool without options over to `heir`. Returns the heir, which is another one if
    /// the pool was handed over before; none if the pool has options or has ended.
    pub fn hand_over(&mut self, heir: P::Heir) -> Option<P::Heir> {
        if let Phase::Waiting(stage) | Phase::Leaving(stage) = &mut self.phase
            && matches!(stage, Stage::Spare)
        {
            *stage = Stage::HandingOver(heir);
        }
        self.phase.heir().cloned()
    }

    /// Removes a waiting item from a pool that is being handed over, as if it had never been here, so
    /// that it can be handed to the heir. Returns the lane's key, the host type and the item. If no item
    /// is left, the pool is handed over in the same step; otherwise the pool could accept an item that
    /// would never be handed over.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, HostTypeId, T)> {
        let (Phase::Waiting(Stage::HandingOver(heir)) | Phase::Leaving(Stage::HandingOver(heir))) =
            &self.phase
        else {
            return None;
        };
        let removed = self.lanes.remove_next(now);
        if removed.is_some() {
            self.counts.accepted -= 1;
        } else {
            self.phase = Phase::HandedOver(heir.clone());
        }
        removed
    }

    /// Counts a removed item as this pool's again, and as failed, because the other pool has no room
    /// for it.
    pub fn not_handed_over(&mut self) {
        self.counts.accepted += 1;
        self.counts.failed += 1;
    }

    fn change(&mut self, change: impl FnOnce(Phase<P>) -> Phase<P>) {
        let before = mem::replace(&mut self.phase, Phase::Closed(None));
        self.phase = change(before);
    }
}

impl<P: Parts> Stage<P> {
    fn may_open(&self) -> bool {
        !matches!(self, Self::HandingOver(_))
    }
}

#[cfg(test)]
mod tests;
