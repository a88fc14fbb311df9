//! Whose turn it is: gates, tokens, batches, and which lane is next.

use std::time::Duration;

use queue::Gate;
use tokio::time::Instant;

use crate::groups::{APART, BATCHES, BATCHING, GATE_OF, GATES, GROUPS, LIMITED, RATE};
use crate::model::Model;
use crate::world::Item;

impl Model {
    /// How many tokens there are.
    pub fn tokens(&self, now: Instant) -> usize {
        let used = self
            .full
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        let used = used.as_nanos().div_ceil(APART.as_nanos());
        RATE.burst as usize - usize::try_from(used).unwrap()
    }

    /// When the next token comes, if lanes wait for one.
    pub fn next_token(&self) -> Option<Instant> {
        let full = self
            .full
            .filter(|_| self.free == 0 && !self.turns[LIMITED].is_empty());
        full.map(|full| full - (RATE.burst - 1) * APART)
    }

    /// When an item that was handed over then is due: the queue counts whole milliseconds.
    pub fn due_at(&self, since: Instant) -> Instant {
        let epoch = self.epoch.unwrap();
        let millis = since.saturating_duration_since(epoch).as_millis();
        epoch + Duration::from_millis(u64::try_from(millis).unwrap()) + BATCHING.linger
    }

    /// When the first of those that wait for company is due.
    pub fn oldest_due(&self) -> Option<Instant> {
        let lanes = self.turns[BATCHES].iter();
        let first = lanes.map(|(lane, _)| self.lanes[lane].front().unwrap().since);
        first.min().map(|since| self.due_at(since))
    }

    pub fn look(&mut self, now: Instant) {
        let hurry = self.hurry || self.all_hurry || self.crowded.is_some();
        self.due = hurry || self.oldest_due().is_some_and(|at| at <= now);
    }

    /// Whether items wait for company.
    pub fn lingers(&self) -> bool {
        !self.due && self.collector.is_none() && !self.turns[BATCHES].is_empty()
    }

    /// No more can come: to the group of a lane that waits and is full, or to any.
    pub fn crowd(&mut self, lane: Option<u8>, now: Instant) {
        let waits = |lane| self.turns[BATCHES].iter().any(|(of, _)| *of == lane);
        if self.lingers() && lane.is_none_or(waits) {
            self.crowded.get_or_insert(now);
        }
    }

    /// Lanes have left the group of batches.
    pub fn left(&mut self) {
        if self.turns[BATCHES].is_empty() {
            self.crowded = None;
        }
    }

    /// The gate that a group is behind.
    pub fn gate(&self, group: usize) -> Gate {
        self.gates[GATE_OF[group]].unwrap_or(Gate::Open)
    }

    /// How many batches may be made.
    pub fn made(&self) -> usize {
        if self.collector.is_some() {
            return 0;
        }
        let lanes = &self.turns[BATCHES];
        let items = || lanes.iter().flat_map(|(lane, _)| &self.lanes[lane]);
        let cost: usize = items().map(|item| item.cost).sum();
        let full = (items().count() / BATCHING.items).max(cost / BATCHING.cost);
        full.max(usize::from(self.due)).min(lanes.len())
    }

    /// How many lanes a group's own rules let be served.
    pub fn allowed(&self, group: usize) -> usize {
        match group {
            LIMITED => self.turns[group].len().min(self.free),
            BATCHES => self.again.len() + self.made(),
            _ => self.turns[group].len(),
        }
    }

    /// How many lanes behind a gate may be served.
    pub fn served_at(&self, gate: usize) -> usize {
        let groups = (0..GROUPS).filter(|group| GATE_OF[*group] == gate);
        let ready = groups.map(|group| self.allowed(group)).sum::<usize>();
        match self.gates[gate].unwrap_or(Gate::Open) {
            Gate::Open => ready,
            Gate::One => ready.min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }

    pub fn served(&self) -> usize {
        (0..GATES).map(|gate| self.served_at(gate)).sum()
    }

    /// Whether a group has a lane that may be served.
    pub fn is_served(&self, group: usize) -> bool {
        matches!(self.gate(group), Gate::Open | Gate::One) && self.allowed(group) > 0
    }

    /// The lane of a group that is next, with the time of its turn, and whether it has a batch.
    pub fn front(&self, group: usize, all: bool) -> Option<(u8, Instant, bool)> {
        let with = |is_batch| move |(lane, since): &(u8, Instant)| (*lane, *since, is_batch);
        let made = self.turns[group]
            .front()
            .filter(|_| all || group != BATCHES || self.made() > 0)
            .map(with(false));
        let again = self.again.front().filter(|_| group == BATCHES);
        again
            .map(with(true))
            .into_iter()
            .chain(made)
            .min_by_key(|(_, since, _)| *since)
    }

    /// The item that is next, since when it is at the head, and whether it is the one of its gate.
    pub fn take(&mut self, now: Instant) -> Option<(Item, Instant, bool)> {
        let group = self.in_turn(|group| self.is_served(group))?;
        if group == LIMITED {
            assert!(self.tokens(now) > 0, "taken without a token");
            self.free -= 1;
            self.full = Some(self.full.map_or(now, |full| full.max(now)) + APART);
        }
        Some(self.take_of(group))
    }

    /// Of the groups for which `serves` holds, that of the lane whose first item came to the head first.
    pub fn in_turn(&self, serves: impl Fn(usize) -> bool) -> Option<usize> {
        let groups = (1..=GROUPS).map(|after| (self.last + after) % GROUPS);
        let groups = groups.filter(|group| serves(*group));
        groups.min_by_key(|group| self.front(*group, false).unwrap().1)
    }

    pub fn take_of(&mut self, group: usize) -> (Item, Instant, bool) {
        let (lane, since, is_batch) = self.front(group, false).unwrap();
        if is_batch {
            self.again.pop_front();
        } else {
            self.turns[group].pop_front();
        }
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.returned.remove(&lane);
        self.last = group;
        self.out
            .insert(first.number, (lane, first.cost, first.since));
        let alone = self.gate(group) == Gate::One;
        if alone {
            self.gates[GATE_OF[group]] = Some(Gate::Closed);
        }
        if group == BATCHES && !is_batch {
            self.collector = Some((lane, 1, first.cost));
            self.crowded = None;
        }
        ((lane, first.number), since, alone)
    }

    /// The item that is handed over next.
    pub fn remove_next(&mut self, now: Instant) -> Item {
        let groups = (1..=GROUPS).map(|after| (self.last + after) % GROUPS);
        let fronts = groups.filter_map(|group| Some((group, self.front(group, true)?.1)));
        let (group, _) = fronts.min_by_key(|(_, since)| *since).unwrap();
        let (lane, ..) = self.turns[group].pop_front().unwrap();
        self.left();
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.last = group;
        if !self.lanes[&lane].is_empty() {
            self.ready(lane, now);
        }
        (lane, first.number)
    }

    /// The next item of the batch that is being collected.
    pub fn collect(&mut self) -> Option<Item> {
        let (last, items, cost) = self.collector?;
        let here = self.lanes.get(&last).is_some_and(|lane| !lane.is_empty());
        let lane = if here {
            last
        } else {
            self.turns[BATCHES].front()?.0
        };
        let cost = cost + self.lanes[&lane][0].cost;
        if items == BATCHING.items || cost > BATCHING.cost {
            return None;
        }
        if !here {
            self.turns[BATCHES].pop_front();
        }
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.out
            .insert(first.number, (lane, first.cost, first.since));
        self.collector = Some((lane, items + 1, cost));
        Some((lane, first.number))
    }

    pub fn stop_collecting(&mut self, now: Instant) {
        self.collector = None;
        self.look(now);
    }

    /// Wakes lanes, gates and batches whose time has come. The next time.
    pub fn due(&mut self, now: Instant, most: usize) -> Option<Instant> {
        for gate in self.gates.iter_mut().flatten() {
            if matches!(gate, Gate::Until(due) if *due <= now) {
                *gate = Gate::One;
            }
        }
        let mut due: Vec<_> = self
            .postponed
            .iter()
            .map(|(lane, at)| (*at, *lane))
            .collect();
        due.retain(|(at, _)| *at <= now);
        due.sort_unstable();
        // Lanes of one time wake in the order of their places in the queue, which are not known here.
        assert!(
            due.len() <= most || due[most - 1].0 < due[most].0,
            "ambiguous"
        );
        for (_, lane) in due.into_iter().take(most) {
            self.postponed.remove(&lane);
            self.ready(lane, now);
        }
        if self.free == 0 {
            self.free = self.tokens(now);
        }
        if self.next_batch().is_some_and(|at| at <= now) {
            self.look(now);
        }
        self.next()
    }

    /// When a batch goes as it is, if its items wait for company.
    fn next_batch(&self) -> Option<Instant> {
        let oldest = self.oldest_due().into_iter().chain(self.crowded).min();
        oldest.filter(|_| self.lingers())
    }

    pub fn next(&self) -> Option<Instant> {
        let gates = self.gates.iter().flatten().filter_map(|gate| match gate {
            Gate::Until(due) => Some(*due),
            _ => None,
        });
        let batch = self.next_batch();
        let times = self.postponed.values().copied().chain(gates).chain(batch);
        times.chain(self.next_token()).min()
    }

    /// How many lanes of a group are ready.
    pub fn ready_in(&self, group: usize) -> usize {
        let again = if group == BATCHES {
            self.again.len()
        } else {
            0
        };
        self.turns[group].len() + again
    }

    /// Whether lanes wait for a gate.
    pub fn hold(&self) -> bool {
        (1..GROUPS).any(|group| self.gate(group) != Gate::Open && self.ready_in(group) > 0)
    }
}
