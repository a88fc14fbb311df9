//! The expiry timer, the gates and the alarm.

use std::collections::BTreeSet;

use queue::{Expiry, Gate, Phase};

use crate::groups::{GROUPS, group_of};
use crate::world::{Alarm, Held, Item, World};

impl World {
    pub fn run_timer(&mut self) {
        if !self.timer || self.expired.is_some() {
            return;
        }
        match self.core.expire(self.now) {
            Expiry::Expired(taken) => {
                let (item, since, _) = self.model.take_of(0);
                assert_eq!((taken.item, taken.head_since), (item, since));
                assert!(self.now >= since + self.rules.call_timeout, "too early");
                self.expired = Some(taken);
            }
            Expiry::Next(due) => {
                assert!(self.model.served() > 0, "nothing waits");
                let first = self.model.turns[0].front();
                let since = first.map_or(self.now, |(_, since)| *since);
                assert_eq!(due, since + self.rules.call_timeout);
                assert!(due > self.now, "too late");
            }
            Expiry::Nothing => {
                self.timer = false;
                let serves = matches!(self.core.phase(), Phase::Open(..) | Phase::Draining(..));
                assert!(!serves || self.model.served() == 0);
            }
        }
    }

    pub fn report_expired(&mut self) {
        let Some(taken) = self.expired.take() else {
            return;
        };
        let (_, number) = taken.item;
        self.model.end(number, false);
        let step = self.core.expired(taken.ticket, self.now);
        self.model.release(number, self.now);
        self.follow(step);
    }

    pub fn set_gate(&mut self, gate: usize, state: Gate) {
        let steps = self.core.set_gate(self.gates[gate], state);
        self.model.gates[gate] = Some(state);
        for step in steps {
            self.follow(step);
        }
    }

    pub fn run_alarm(&mut self, most: usize) {
        if self.alarm == Alarm::Off {
            return;
        }
        let due = self.core.due(self.now, most);
        for step in due.steps {
            self.follow(step);
        }
        if self.core.phase().is_over() {
            assert!(due.next.is_none() && !due.hold);
            self.alarm = Alarm::Off;
            return;
        }
        self.alarm_saw_held = due.hold;
        let next = self.model.due(self.now, most);
        assert_eq!((due.next, due.hold), (next, self.model.hold()));
        self.alarm = match next {
            Some(next) => Alarm::Until(next),
            None if due.hold => Alarm::Idle,
            None => Alarm::Off,
        };
    }

    pub fn give_up_overdue(&mut self, divides: u64, at_once: usize) {
        let (mut cursor, mut late) = (Some(0), BTreeSet::new());
        while let Some(from) = cursor {
            let overdue = |(_, number): &Item| number % divides == 0;
            let (items, next) = self.core.take_overdue(from, at_once, overdue);
            let mut others = Held::new();
            for (lane, number) in items {
                let group = group_of(lane);
                assert!(number % divides == 0 && self.model.gate(group) != Gate::Open);
                let ready = self.model.turns[group].iter().chain(&self.model.again);
                assert!(ready.clone().any(|(ready, _)| *ready == lane));
                others.extend(self.give_up(lane, number));
            }
            // What waited behind a batch is found the next time.
            late.extend(others.iter().map(|(number, _)| self.lane_of(*number)));
            self.gave_up(others);
            cursor = next;
        }
        for group in (1..GROUPS).filter(|group| self.model.gate(*group) != Gate::Open) {
            for (lane, _) in &self.model.turns[group] {
                let number = self.model.lanes[lane][0].number;
                let overdue = number.is_multiple_of(divides) && !late.contains(lane);
                assert!(!overdue, "{number} of lane {lane} is overdue");
            }
        }
    }
}
