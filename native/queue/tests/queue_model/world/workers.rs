//! Workers that come, look for work, take it, and die.

use queue::{Taken, Turn};

use crate::world::{Held, Item, Worker, World};

impl World {
    /// The `nth` worker that is of this kind.
    pub fn nth(&self, nth: usize, kind: impl Fn(&Worker) -> bool) -> Option<usize> {
        let ids: Vec<usize> = self
            .workers
            .iter()
            .filter(|(_, worker)| kind(worker))
            .map(|(id, _)| *id)
            .collect();
        (!ids.is_empty()).then(|| ids[nth % ids.len()])
    }

    /// How many workers may be busy.
    pub fn most_busy(&self) -> u64 {
        self.rules.workers.min(self.room.unwrap_or(1)) as u64
    }

    pub fn took(&mut self, worker: usize, taken: Taken<Item>) {
        let counts = self.core.counts();
        assert!(
            counts.workers - counts.parked <= self.most_busy(),
            "took one too many: {counts:?}"
        );
        let collecting = self.model.collector.is_some();
        let expected = self
            .model
            .take(self.now)
            .expect("the model has something to take");
        assert_eq!(
            (taken.item, taken.head_since, taken.alone),
            expected,
            "whose turn it is"
        );
        let ((_, number), ..) = expected;
        let mut held = self.batches.remove(&number).unwrap_or_default();
        assert_eq!(taken.weight, 1 + held.len());
        held.push_front((number, taken.ticket));
        assert_eq!(
            taken.collects,
            !collecting && self.model.collector.is_some()
        );
        let worker_state = if taken.collects {
            Worker::Collecting(held)
        } else {
            Worker::Busy(held)
        };
        self.workers.insert(worker, worker_state);
    }

    pub fn look(&mut self, id: usize) {
        match self.core.take_or_park(id, self.now) {
            Turn::Work(taken) => self.took(id, taken),
            Turn::Parked(step) => {
                self.workers.insert(id, Worker::Parked);
                self.follow(step);
            }
            Turn::Leave => {
                self.workers.remove(&id);
            }
        }
    }

    pub fn busy(&mut self, nth: usize) -> Option<(usize, Held)> {
        let id = self.nth(nth, |worker| matches!(worker, Worker::Busy(..)))?;
        match self.workers.insert(id, Worker::Reading) {
            Some(Worker::Busy(held)) => Some((id, held)),
            other => panic!("{other:?}"),
        }
    }

    pub fn lane_of(&self, number: u64) -> u8 {
        self.model.out[&number].0
    }

    /// How many requests are in flight, as far as the queue knows: a batch of which the first item has ended is
    /// none.
    pub fn requests(&self) -> u64 {
        let held = self.workers.values().filter_map(|worker| match worker {
            Worker::Busy(held) | Worker::Collecting(held) => Some(held),
            _ => None,
        });
        let begun = held.filter(|held| !self.parts.contains(&held[0].0));
        begun.count() as u64
    }

    /// Does what dropping an in-flight notification and a worker's seat does.
    pub fn die(&mut self, nth: usize) {
        let Some(id) = self.nth(nth, |worker| !matches!(worker, Worker::Parked)) else {
            return;
        };
        match self.workers.remove(&id) {
            Some(Worker::Busy(mut held)) => self.finish(&mut held, 0, false),
            Some(Worker::Collecting(mut held)) => {
                let steps = self.core.stop_collecting(&held[0].1, self.now);
                self.model.stop_collecting(self.now);
                self.follow_all(steps);
                self.finish(&mut held, 0, false);
            }
            _ => {}
        }
        let step = self.core.lost_worker();
        self.follow(step);
    }
}
