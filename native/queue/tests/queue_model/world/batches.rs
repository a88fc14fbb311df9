//! Batches that are collected, put back, given up, and end in parts.

use std::time::Duration;

use crate::groups::{BATCHES, BATCHING, group_of};
use crate::ops::Op;
use crate::world::{Held, Worker, World};

impl World {
    /// A worker takes items more for its batch.
    pub fn collect(&mut self, id: usize, at_once: usize) {
        let Some(Worker::Collecting(mut held)) = self.workers.remove(&id) else {
            panic!("it collects");
        };
        let serves = self.core.phase().rules().is_some();
        let mut batch = Vec::new();
        let (more, steps) = self.core.collect(&held[0].1, &mut batch, at_once, self.now);
        for companion in batch {
            let expected = self.model.collect();
            assert_eq!(expected, Some(companion.item), "whose turn it is");
            held.push_back((companion.item.1, companion.ticket));
        }
        assert!(held.len() <= BATCHING.items);
        let state = if more {
            Worker::Collecting(held)
        } else {
            if serves {
                assert_eq!(self.model.collect(), None, "there are more");
            }
            self.model.stop_collecting(self.now);
            Worker::Busy(held)
        };
        self.workers.insert(id, state);
        self.follow_all(steps);
    }

    /// Ends items that are held, except the last, as failed or not.
    pub fn finish(&mut self, held: &mut Held, but: usize, sent: bool) {
        while held.len() > but {
            let (number, ticket) = held.pop_front().unwrap();
            self.model.end(number, sent);
            let step = self.core.finish(ticket, sent, self.now);
            self.model.release(number, self.now);
            self.follow(step);
        }
    }

    /// An item was given up from outside. Returns the others of its batch.
    pub fn give_up(&mut self, lane: u8, number: u64) -> Held {
        let others = self.model.give_up(lane, number);
        self.model.end(number, false);
        let held = self.batches.remove(&number).unwrap_or_default();
        let numbers: Vec<u64> = held.iter().map(|(number, _)| *number).collect();
        assert_eq!(others, numbers);
        held
    }

    /// Items of batches that were given up have their outcomes.
    pub fn gave_up(&mut self, held: Held) {
        for (number, ticket) in held {
            self.model.end(number, false);
            let step = self.core.expired(ticket, self.now);
            self.model.release(number, self.now);
            self.follow(step);
        }
    }

    pub fn apply_to_batches(&mut self, op: Op) {
        match op {
            Op::Collect(nth, at_once) => {
                let collects = |worker: &Worker| matches!(worker, Worker::Collecting(_));
                if let Some(id) = self.nth(nth, collects) {
                    self.collect(id, at_once);
                }
            }
            Op::Part(nth) => {
                if let Some((id, mut held)) = self.busy(nth) {
                    let left = held.len().div_ceil(2);
                    if left < held.len() {
                        self.finish(&mut held, left, true);
                        self.parts.insert(held[0].0);
                    }
                    self.workers.insert(id, Worker::Busy(held));
                }
            }
            Op::Hurry(hurry) => {
                self.model.hurry = hurry;
                self.model.due |= hurry;
                let steps = self.core.set_hurry(self.groups[BATCHES], hurry);
                self.follow_all(steps);
            }
            Op::Crowd => {
                self.core.crowd(self.now);
                self.model.crowd(None, self.now);
            }
            _ => {}
        }
    }

    pub fn put_back(&mut self, nth: usize, millis: Option<u64>, take: bool) {
        // Only what is patient is ever put back.
        let id = self.nth(
            nth,
            |worker| matches!(worker, Worker::Busy(held) if group_of(self.lane_of(held[0].0)) > 0),
        );
        let Some(id) = id else { return };
        let Some(Worker::Busy(mut held)) = self.workers.insert(id, Worker::Reading) else {
            panic!("it was busy");
        };
        let numbers: Vec<u64> = held.iter().map(|(number, _)| *number).collect();
        let (number, ticket) = held.pop_front().unwrap();
        let (item, weight) = ((self.lane_of(number), number), numbers.len());
        let until = millis
            .map(|millis| self.now + Duration::from_millis(millis))
            .map(|until| self.model.unlike_others(until));
        let now = self.now;
        let not_kept = if take {
            match self
                .core
                .put_back_and_take(ticket, item, weight, until, now)
            {
                Ok((next, step)) => {
                    self.parts.remove(&number);
                    self.batches.insert(number, held);
                    self.model.put_back(&numbers, until, now);
                    self.follow(step);
                    match next {
                        Some(taken) => self.took(id, taken),
                        None => self.look(id),
                    }
                    return;
                }
                Err(not_kept) => not_kept,
            }
        } else {
            match self.core.put_back(ticket, item, weight, until, now) {
                Ok(step) => {
                    self.parts.remove(&number);
                    self.batches.insert(number, held);
                    self.model.put_back(&numbers, until, now);
                    self.follow(step);
                    return;
                }
                Err(not_kept) => not_kept,
            }
        };
        assert!(self.core.phase().is_over());
        assert_eq!(not_kept.item, item);
        held.push_front((number, not_kept.ticket));
        self.finish(&mut held, 0, false);
    }
}
