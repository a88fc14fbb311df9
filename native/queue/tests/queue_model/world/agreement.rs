//! After every step, the queue's counts are those of the model, and waiting work has a worker on its way.

use queue::{Lanes, Phase};

use crate::groups::GATES;
use crate::ops::{Op, Opening};
use crate::world::{Alarm, Item, Worker, World};

impl World {
    pub fn check(&mut self) {
        let left = self.core.leftovers();
        self.follow(left.alarm().into());
        self.reserved -= left.free();
        let (waiting, out) = (&self.model.lanes, &self.model.out);
        let lanes = (0..=u8::MAX).filter(|lane| {
            waiting.get(lane).is_some_and(|items| !items.is_empty())
                || out.values().any(|(of, ..)| of == lane)
        });
        assert_eq!(
            self.reserved,
            lanes.count() * Lanes::<Item>::lane_cost(&[0]),
            "room is kept for the lanes there are"
        );
        let counts = self.core.counts();
        let held = u64::from(self.expired.is_some());
        let count = |kind: fn(&Worker) -> bool| {
            self.workers.values().filter(|worker| kind(worker)).count() as u64
        };
        let sent = self.model.ended.values().filter(|sent| **sent).count() as u64;
        let failed = self.model.ended.len() as u64 - sent;
        assert_eq!(counts.accepted, self.model.accepted);
        assert_eq!(counts.sent, sent);
        assert_eq!(counts.failed, failed + held);
        assert_eq!(counts.postponed, self.model.returned() as u64);
        assert_eq!(
            counts.waiting + counts.postponed,
            self.model.waiting() as u64
        );
        let in_flight = self.workers.values().map(|worker| match worker {
            Worker::Busy(held) | Worker::Collecting(held) => held.len() as u64,
            _ => 0,
        });
        assert_eq!(counts.in_flight, in_flight.sum::<u64>());
        assert_eq!(counts.workers, self.workers.len() as u64);
        assert_eq!(
            counts.parked,
            count(|worker| matches!(worker, Worker::Parked))
        );
        assert_eq!(
            counts.accepted,
            counts.sent + counts.failed + counts.waiting + counts.postponed + counts.in_flight,
            "conservation: {counts:?}"
        );
        assert!(counts.workers <= self.rules.workers as u64, "{counts:?}");
        let serves = matches!(self.core.phase(), Phase::Open(..) | Phase::Draining(..));
        if serves && self.model.served() > 0 {
            let coming = count(|worker| matches!(worker, Worker::Coming)) > 0;
            let all_busy = counts.workers - counts.parked >= self.most_busy();
            assert!(
                coming || all_busy && self.timer,
                "no worker comes for what waits: {counts:?} {:?} timer {}",
                self.workers,
                self.timer
            );
        }
        if let Some(next) = self.model.next()
            && serves
        {
            let in_time = matches!(self.alarm, Alarm::Until(due) if due <= next);
            assert!(in_time, "the alarm comes too late: {:?}", self.alarm);
        }
        if self.model.hold() && serves {
            let comes_at_once = matches!(self.alarm, Alarm::Until(due) if due <= self.now);
            assert!(
                self.alarm_saw_held || comes_at_once,
                "the alarm does not know that lanes are held: {:?}",
                self.alarm
            );
        }
    }

    /// Lets every worker and the timer finish: each accepted item must end.
    pub fn settle(&mut self) {
        self.finish_purge();
        self.apply(Op::Open);
        while self.core.phase().heir().is_some() && !self.core.phase().is_over() {
            self.apply(Op::HandOver(true));
        }
        for gate in 1..GATES {
            self.apply(Op::Gate(gate, Opening::Open));
        }
        for _ in 0..10_000 {
            if let Some(next) = self.model.next() {
                self.now = self.now.max(next);
            }
            self.apply(Op::Alarm(1));
            self.apply(Op::Expired);
            self.apply(Op::BodyRead(0));
            self.apply(Op::Collect(0, 2));
            self.apply(Op::FinishAndTake(0, true));
            self.apply(Op::Look(0));
            if self.core.is_quiet() && self.expired.is_none() {
                break;
            }
        }
        assert_eq!(self.model.ended.len() as u64, self.model.accepted);
        assert!(self.model.out.is_empty(), "{:?}", self.model.out);
    }
}
