//! The events of a chat service, one after the other, each with the time at which it happens. The same plan with the same
//! seed makes the same events.
//!
//! Users write to one another and in rooms, at random moments whose rate follows the curve of the run. Each message makes
//! the events that MongooseIM makes of it: one for its sender and one for each receiver.

mod samples;
mod stanzas;

use std::time::Duration;

use fastrand::Rng;

use super::curve::Curve;
use super::population::{Population, User};
use super::words;
use crate::jid::Jid;
use crate::sample::Sample;
use stanzas::Written;

/// Of so many messages, one has a file.
const A_FILE: u32 = 25;
/// Of so many chat messages that a device gets, one is not acknowledged, because the connection breaks.
const UNACKNOWLEDGED: u32 = 300;
/// Of ten chat messages that are read at once, so many are answered with a marker that says so.
const MARKED: u32 = 3;
/// The longest step of the clock, in seconds, so that none is beyond what a duration can hold.
const LONGEST_STEP: f64 = 1e6;

/// What the traffic is like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The domains of the users.
    pub hosts: Vec<String>,
    /// How many users there are.
    pub users: usize,
    /// How many rooms there are.
    pub rooms: usize,
    /// How many members a room has on average.
    pub members: usize,
    /// Messages that users send in a second of the busiest time.
    pub rate: f64,
    /// How many of a hundred messages go to a room.
    pub groupchat: u8,
    /// How many users come or go while a hundred messages are sent.
    pub presence: u8,
    /// How the rate goes.
    pub curve: Curve,
    /// How long it all takes.
    pub length: Duration,
    /// What all chance comes from.
    pub seed: u64,
    /// Whether events are those of MongooseIM 6.9 and later.
    pub since_6_9: bool,
}

/// The events of a plan.
#[derive(Debug)]
pub(super) struct Traffic {
    plan: Plan,
    population: Population,
    rng: Rng,
    at: Duration,
}

/// What happens at one moment.
#[derive(Debug)]
pub(super) struct Happening {
    /// When, after the start.
    pub at: Duration,
    /// The events that come of it, in order.
    pub events: Vec<Sample>,
}

impl Traffic {
    /// The events of this plan.
    pub fn new(plan: Plan) -> Self {
        let mut rng = Rng::with_seed(plan.seed);
        let population = Population::new(
            plan.hosts.clone(),
            plan.users,
            plan.rooms,
            plan.members,
            &mut rng,
        );
        Self {
            plan,
            population,
            rng,
            at: Duration::ZERO,
        }
    }

    /// The next moment at which something happens: a Poisson process whose rate goes with the curve. (Moments come at the
    /// busiest rate, and each counts with the probability that the curve has then.)
    fn step(&mut self) -> Option<Duration> {
        let per_message = 1.0 + f64::from(self.plan.presence) / 100.0;
        let rate = self.plan.rate * per_message;
        loop {
            let pause = -(1.0 - self.rng.f64()).ln() / rate;
            self.at += Duration::from_secs_f64(pause.min(LONGEST_STEP));
            if self.at >= self.plan.length {
                return None;
            }
            if self.rng.f64() < self.level() {
                return Some(self.at);
            }
        }
    }

    fn level(&self) -> f64 {
        let part = self.at.as_secs_f64() / self.plan.length.as_secs_f64();
        self.plan.curve.level(part)
    }

    fn events(&mut self) -> Vec<Sample> {
        let mut events = Vec::new();
        let (presence, percent) = (u32::from(self.plan.presence), self.rng.u32(0..100));
        if self.rng.u32(0..100 + presence) < presence {
            self.come_or_go(&mut events);
        } else if percent >= u32::from(self.plan.groupchat) || !self.groupchat(&mut events) {
            self.chat(&mut events);
        }
        events
    }

    /// A user comes or goes, so that about as many are online as the curve says.
    fn come_or_go(&mut self, events: &mut Vec<Sample>) {
        let wanted = 0.2 + 0.5 * self.level();
        let comes = self.rng.f64() < 0.5 + (wanted - self.population.share_online());
        let user = self.population.any(!comes, &mut self.rng);
        let Some(user) = user.or_else(|| self.population.any(comes, &mut self.rng)) else {
            return;
        };
        let online = !self.population.is_online(user);
        events.push(self.presence(user, online));
    }

    /// Who writes is online; the user comes first if that is not so.
    fn comes_online(&mut self, user: User, events: &mut Vec<Sample>) {
        if !self.population.is_online(user) {
            events.push(self.presence(user, true));
        }
    }

    /// One user writes to another.
    fn chat(&mut self, events: &mut Vec<Sample>) {
        let (from, to) = self.population.pair(&mut self.rng);
        self.comes_online(from, events);
        let written = self.written("chat");
        let sender = self.population.device(from);
        let receiver = self.population.jid(to);
        let online = self.population.is_online(to);
        let sent = self.sent(&written, sender.clone(), receiver.clone(), Some(online));
        events.push(sent);
        events.push(self.delivered(&written, sender, receiver, online));
        if !online {
            return;
        }
        if self.rng.u32(0..UNACKNOWLEDGED) == 0 {
            let lost = self.unacknowledged(&written, from, to);
            events.push(lost);
        } else if self.rng.u32(0..10) < MARKED {
            self.marker(to, from, events);
        }
    }

    /// A user's device says that the user has read a message.
    fn marker(&mut self, from: User, to: User, events: &mut Vec<Sample>) {
        let written = self.marker_written();
        let (sender, receiver) = (self.population.device(from), self.population.jid(to));
        let online = self.population.is_online(to);
        let sent = self.sent(&written, sender.clone(), receiver.clone(), Some(online));
        events.push(sent);
        events.push(self.delivered(&written, sender, receiver, online));
    }

    /// A member of a room writes there; each member gets a copy, the sender too. Returns false if there is no room.
    fn groupchat(&mut self, events: &mut Vec<Sample>) -> bool {
        let Some((room, from)) = self.population.in_room(&mut self.rng) else {
            return false;
        };
        self.comes_online(from, events);
        let written = self.written("groupchat");
        let sender = self.population.device(from);
        events.push(self.sent(&written, sender, room.jid.clone(), None));
        // A room of MUC light shows its members by their bare addresses.
        let occupant = Jid {
            resource: Some(self.population.jid(from).bare()),
            ..room.jid
        };
        for member in room.members {
            let receiver = self.population.jid(member);
            let online = self.population.is_online(member);
            events.push(self.delivered(&written, occupant.clone(), receiver, online));
        }
        true
    }

    fn written(&mut self, kind: &'static str) -> Written {
        let file =
            (self.rng.u32(0..A_FILE) == 0).then(|| words::file(&self.plan.hosts[0], &mut self.rng));
        let text = file
            .clone()
            .unwrap_or_else(|| words::message(&mut self.rng));
        Written {
            kind,
            id: self.id(),
            text: Some(text),
            file,
        }
    }

    fn marker_written(&mut self) -> Written {
        Written {
            kind: "chat",
            id: self.id(),
            text: None,
            file: None,
        }
    }

    fn id(&mut self) -> String {
        format!("{:016x}", self.rng.u64(..))
    }
}

impl Iterator for Traffic {
    type Item = Happening;

    fn next(&mut self) -> Option<Happening> {
        let at = self.step()?;
        let events = self.events();
        Some(Happening { at, events })
    }
}

#[cfg(test)]
mod tests;
