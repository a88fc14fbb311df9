//! The model: the lanes, with items as numbers, and how each item has ended.

mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use queue::Gate;
use tokio::time::Instant;

use crate::groups::{BATCHES, GATES, GROUPS, LIMITED, LIMITS, group_of};

/// A waiting item.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub number: u64,
    pub cost: usize,
    /// When it was handed over.
    pub since: Instant,
    /// The other items of the batch that it stands for.
    pub others: Vec<u64>,
}

/// The lanes, with items as numbers, and whose turn it is.
#[derive(Default, Debug)]
pub struct Model {
    pub lanes: BTreeMap<u8, VecDeque<Waiting>>,
    /// Items that are out, or in a batch behind its first.
    pub out: BTreeMap<u64, (u8, usize, Instant)>,
    /// Ready lanes, by group.
    pub turns: [VecDeque<(u8, Instant)>; GROUPS],
    /// Ready lanes whose first item is a batch.
    pub again: VecDeque<(u8, Instant)>,
    pub gates: [Option<Gate>; GATES],
    /// The tokens of the group with a limit, as far as it has counted them.
    pub free: usize,
    /// When its bucket is full again, if an item was taken.
    pub full: Option<Instant>,
    /// The group that was served last.
    pub last: usize,
    /// Lanes that wait for a time.
    pub postponed: BTreeMap<u8, Instant>,
    /// Lanes whose first item was put back.
    pub returned: BTreeSet<u8>,
    /// The batch that is being collected: the lane of its last item, how many it has, and their cost.
    pub collector: Option<(u8, usize, usize)>,
    /// Whether an item need not wait for company any more.
    pub due: bool,
    pub hurry: bool,
    pub all_hurry: bool,
    /// Since when no more can come, if items wait for company.
    pub crowded: Option<Instant>,
    /// When the first item came.
    pub epoch: Option<Instant>,
    pub accepted: u64,
    pub ended: BTreeMap<u64, bool>,
}

impl Model {
    pub fn fits(&self, lane: u8, cost: usize) -> bool {
        let waiting = self.lanes.get(&lane).into_iter().flatten();
        let out = self.out.values().filter(|(of, ..)| *of == lane);
        let costs: Vec<usize> = waiting
            .map(|waiting| waiting.cost)
            .chain(out.map(|(_, cost, _)| *cost))
            .collect();
        costs.len() < LIMITS.items && costs.iter().sum::<usize>() + cost <= LIMITS.cost
    }

    pub fn is_out(&self, lane: u8) -> bool {
        self.out.values().any(|(of, ..)| *of == lane)
    }

    /// Whether the lane waits for nothing but the end of what is out.
    pub fn is_idle(&self, lane: u8) -> bool {
        let ready = |turns: &VecDeque<(u8, Instant)>| turns.iter().any(|(of, _)| *of == lane);
        !self.turns.iter().any(ready) && !ready(&self.again) && !self.postponed.contains_key(&lane)
    }

    pub fn push(&mut self, lane: u8, item: (u64, usize, Instant), now: Instant) {
        let (number, cost, since) = item;
        self.epoch.get_or_insert(now);
        self.accepted += 1;
        let is_out = self.is_out(lane);
        let waiting = self.lanes.entry(lane).or_default();
        waiting.push_back(Waiting {
            number,
            cost,
            since,
            others: Vec::new(),
        });
        if waiting.len() == 1 && !is_out {
            self.ready(lane, now);
        }
    }

    pub fn ready(&mut self, lane: u8, now: Instant) {
        let group = group_of(lane);
        if group == LIMITED && self.turns[group].is_empty() {
            self.free = self.tokens(now);
        }
        if group == BATCHES && self.returned.contains(&lane) {
            self.again.push_back((lane, now));
            return;
        }
        self.turns[group].push_back((lane, now));
        if group == BATCHES {
            self.look(now);
        }
    }

    pub fn put_back(&mut self, items: &[u64], until: Option<Instant>, now: Instant) {
        let (lane, cost, since) = self.out.remove(&items[0]).expect("it is out");
        let first = Waiting {
            number: items[0],
            cost,
            since,
            others: items[1..].to_vec(),
        };
        self.lanes.entry(lane).or_default().push_front(first);
        self.returned.insert(lane);
        match until {
            Some(until) if until > now => {
                self.postponed.insert(lane, until);
            }
            _ => self.ready(lane, now),
        }
    }

    /// Takes out the first item of a lane from outside. The others of a batch.
    pub fn give_up(&mut self, lane: u8, number: u64) -> Vec<u64> {
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        assert_eq!(first.number, number, "in order");
        self.returned.remove(&lane);
        let again = self.again.iter().position(|(of, _)| *of == lane);
        let turn = again.and_then(|at| self.again.remove(at));
        if self.lanes[&lane].is_empty() || self.is_out(lane) {
            for turns in &mut self.turns {
                turns.retain(|(of, _)| *of != lane);
            }
            self.postponed.remove(&lane);
            self.left();
        } else if let Some(turn) = turn {
            // What waited behind the batch goes in its place.
            self.turns[BATCHES].push_back(turn);
            self.due = true;
        }
        first.others
    }

    pub fn end(&mut self, number: u64, sent: bool) {
        assert!(
            self.ended.insert(number, sent).is_none(),
            "two outcomes for {number}"
        );
    }

    pub fn release(&mut self, number: u64, now: Instant) {
        let (lane, ..) = self.out.remove(&number).expect("it is out");
        let waits = self.lanes.get(&lane).is_some_and(|lane| !lane.is_empty());
        if waits && !self.is_out(lane) && self.is_idle(lane) {
            self.ready(lane, now);
        }
    }

    /// The first time from `until` on at which no lane wakes.
    pub fn unlike_others(&self, mut until: Instant) -> Instant {
        while self.postponed.values().any(|at| *at == until) {
            until += Duration::from_micros(1);
        }
        until
    }

    pub fn waiting(&self) -> usize {
        let items = self.lanes.values().flatten();
        items.map(|waiting| 1 + waiting.others.len()).sum()
    }

    /// The items that wait and were taken before.
    pub fn returned(&self) -> usize {
        let lanes = self.returned.iter();
        lanes.map(|lane| 1 + self.lanes[lane][0].others.len()).sum()
    }
}
