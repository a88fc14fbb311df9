//! A plan prepared to be played many times, with its answers composed.

use crate::answer;
use crate::plan::{Behaviour, Dice, Fault, Level, Plan};
use bytes::Bytes;
use std::sync::Arc;

/// A behaviour prepared to be played many times.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) behaviour: Behaviour,
    /// The whole answer as HTTP/1.1 that keeps the connection.
    pub(crate) answer: Bytes,
    /// Draws the delays.
    pub(crate) dice: Dice,
}

impl Ready {
    pub(crate) fn new(behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self {
            answer: answer::whole(&behaviour, answer::Shape::default()).into(),
            dice: Dice::new(behaviour.delay.seed()),
            behaviour,
        })
    }

    /// The fault, if it applies to requests.
    pub(crate) fn request_fault(&self) -> Option<Fault> {
        let fault = self.behaviour.fault;
        fault.filter(|fault| fault.level() == Level::Request)
    }

    fn is_for(&self, level: Level) -> bool {
        self.behaviour.fault.map_or(Level::Request, Fault::level) == level
    }
}

/// A prepared plan.
#[derive(Debug)]
pub(crate) struct Script {
    parts: Vec<(u32, Arc<Ready>)>,
    dice: Dice,
    /// The plan is a mix: a part must be drawn.
    mixed: bool,
}

impl Script {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        let (seed, parts, mixed) = match plan {
            Plan::Always(behaviour) => (0, vec![(1, Ready::new(behaviour))], false),
            Plan::Mix(mix) => {
                let parts = mix.parts.into_iter();
                let ready = parts.map(|(weight, part)| (weight, Ready::new(part)));
                (mix.seed, ready.collect(), true)
            }
        };
        let dice = Dice::new(seed);
        Arc::new(Self { parts, dice, mixed })
    }

    /// One of the parts for requests. If there is none (the plan has only connection faults, and the
    /// connection was open before), the first part, played without its fault.
    pub(crate) fn for_request(&self) -> Option<Arc<Ready>> {
        if !self.mixed {
            return self.parts.first().map(|(_, ready)| Arc::clone(ready));
        }
        self.draw(Some(Level::Request))
            .or_else(|| self.parts.first().map(|(_, ready)| Arc::clone(ready)))
    }

    pub(crate) fn for_connection(&self) -> Option<Arc<Ready>> {
        let any = self.parts.iter().any(|(_, p)| p.is_for(Level::Connection));
        let drawn = if any { self.draw(None) } else { None };
        drawn.filter(|ready| ready.is_for(Level::Connection))
    }

    /// One of the parts of that level, or of all.
    fn draw(&self, level: Option<Level>) -> Option<Arc<Ready>> {
        let fits = |ready: &Ready| level.is_none_or(|level| ready.is_for(level));
        let parts = || self.parts.iter().filter(|(_, ready)| fits(ready));
        let total = parts().map(|(weight, _)| u64::from(*weight)).sum();
        let mut ticket = self.dice.below(total);
        for (weight, ready) in parts() {
            match ticket.checked_sub(u64::from(*weight)) {
                Some(rest) => ticket = rest,
                None => return Some(Arc::clone(ready)),
            }
        }
        None
    }
}
