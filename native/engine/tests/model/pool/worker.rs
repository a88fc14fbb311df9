//! What a worker does: it takes, collects, puts back, ends, parks and leaves, as the engine's workers do.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use engine::pool::WorkerSignals;
use loom::future::block_on;
use notification::{FailureReason, HostTypeId};
use queue::{Companion, Gate, NotKept, Step, Taken, Ticket, Turn};
use tokio::time::Instant;

use crate::pool::{How, Item, PAUSE, Pool};

impl Pool {
    /// As `worker::run` does it.
    pub fn work(self: &Arc<Self>, signals: &Arc<WorkerSignals>) {
        loop {
            let turn = {
                let mut core = self.core.lock();
                let turn = core.take_or_park(Arc::clone(signals), Instant::now());
                let counts = core.counts();
                assert!(counts.parked <= counts.workers, "parked twice: {counts:?}");
                if let Turn::Work(_) = turn {
                    signals.begin(HostTypeId::default());
                }
                turn
            };
            match turn {
                Turn::Work(first) => {
                    let mut next = Some(first);
                    while let Some(taken) = next {
                        if self.how == How::Stall {
                            let reason = block_on(poll_fn(|cx| signals.poll_cancelled(cx)));
                            assert_eq!(reason, FailureReason::Shutdown);
                        }
                        if self.is_first_attempt(taken.item) {
                            next = self.postpone(signals, taken);
                            continue;
                        }
                        let others = self.collect(&taken);
                        self.started.lock().push(taken.item);
                        for other in others {
                            self.started.lock().push(other.item);
                            self.end(other.item);
                            self.finish(other.ticket);
                        }
                        self.end(taken.item);
                        if self.how == How::Break {
                            let steps = self.core.lock().set_gate(self.gate, Gate::Open);
                            for step in steps {
                                self.follow(step);
                            }
                        }
                        let mut core = self.core.lock();
                        next = core.finish_and_take(taken.ticket, true, Instant::now());
                        if next.is_some() {
                            signals.begin(HostTypeId::default());
                        }
                        let left = core.leftovers();
                        drop(core);
                        self.follow(left.alarm().into());
                        let _ = left.free();
                    }
                    signals.end();
                }
                Turn::Parked(step) => {
                    assert!(matches!(step, Step::Nothing), "{step:?}");
                    if self.how == How::Leave && !self.was_woken(signals) {
                        let me = |other: &Arc<WorkerSignals>| Arc::ptr_eq(other, signals);
                        if self.core.lock().unpark(me) {
                            return;
                        }
                        block_on(poll_fn(|cx| signals.poll_woken(cx)));
                    } else if self.how != How::Leave {
                        block_on(poll_fn(|cx| signals.poll_woken(cx)));
                    }
                }
                Turn::Leave => return,
            }
        }
    }

    /// As `InFlight::collect` does it, one item under each lock.
    pub fn collect(self: &Arc<Self>, lead: &Taken<Item>) -> Vec<Companion<Item>> {
        let (mut others, mut more) = (Vec::new(), lead.collects);
        while more {
            let (steps, left);
            {
                let mut core = self.core.lock();
                (more, steps) = core.collect(&lead.ticket, &mut others, 1, Instant::now());
                left = core.leftovers();
            }
            self.follow(left.alarm().into());
            let _ = left.free();
            for step in steps {
                self.follow(step);
            }
        }
        others
    }

    /// Releases the lane of an item that was taken together with another.
    pub fn finish(self: &Arc<Self>, ticket: Ticket) {
        let (step, left) = {
            let mut core = self.core.lock();
            let step = core.finish(ticket, true, Instant::now());
            (step, core.leftovers())
        };
        self.follow(left.alarm().into());
        let _ = left.free();
        self.follow(step);
    }

    pub fn is_first_attempt(&self, item: Item) -> bool {
        matches!(self.how, How::Retry | How::Break) && !self.returned.lock().contains(&item)
    }

    /// As `InFlight::put_back_and_take` does it. Returns the next item.
    pub fn postpone(
        self: &Arc<Self>,
        signals: &WorkerSignals,
        taken: Taken<Item>,
    ) -> Option<Taken<Item>> {
        let Taken { item, ticket, .. } = taken;
        self.returned.lock().push(item);
        let now = Instant::now();
        let later = now + PAUSE;
        if self.how == How::Break {
            let steps = self.core.lock().set_gate(self.gate, Gate::Until(later));
            for step in steps {
                self.follow(step);
            }
        }
        let until = (self.how == How::Retry).then_some(later);
        let kept = {
            let mut core = self.core.lock();
            let kept = core.put_back_and_take(ticket, item, 1, until, now);
            if let Ok((Some(_), _)) = kept {
                signals.begin(HostTypeId::default());
            }
            kept
        };
        match kept {
            Ok((next, step)) => {
                self.follow(step);
                next
            }
            Err(NotKept { item, ticket }) => {
                self.end(item);
                let step = self.core.lock().finish(ticket, false, now);
                self.follow(step);
                None
            }
        }
    }

    #[allow(clippy::unused_self)]
    pub fn was_woken(&self, signals: &WorkerSignals) -> bool {
        block_on(poll_fn(|cx| Poll::Ready(signals.poll_woken(cx).is_ready())))
    }
}
