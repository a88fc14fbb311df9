//! One group: its ready lanes, and what its own rules let be served.

use tokio::time::Instant;

use super::GateId;
use super::looks;
use super::orders::Noted;
use crate::lanes::batches::Batches;
use crate::lanes::chunks::Chunks;
use crate::lanes::clock::Clock;
use crate::lanes::lane::Lane;
use crate::lanes::limit::Limit;
use crate::lanes::ready::Ready;

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) ready: Ready,
    pub(super) gate: GateId,
    pub(super) limit: Option<Box<Limit>>,
    /// When the next token comes, if lanes wait for it.
    pub(super) token_at: Option<Instant>,
    /// If its items are taken together. Then lanes whose first item is a batch are there, not in `ready`.
    pub(super) batches: Option<Box<Batches>>,
    /// What [`Orders`](super::orders::Orders) know of it.
    pub(super) noted: Noted,
}

impl Group {
    /// How many of its lanes the group's own rules let be served.
    pub(super) fn allowed(&self) -> usize {
        looks::count();
        let ready = self.ready.len();
        let made = |batches: &Batches| batches.again().len() + batches.served(ready);
        let lanes = self.batches.as_deref().map_or(ready, made);
        let free = self.limit.as_ref().map(|limit| limit.free());
        lanes.min(free.unwrap_or(usize::MAX))
    }

    /// How many lanes are ready, served or not.
    pub(super) fn ready(&self) -> usize {
        looks::count();
        let again = |batches: &Batches| batches.again().len();
        self.ready.len() + self.batches.as_deref().map_or(0, again)
    }

    /// The lanes of which one is next if the group is served.
    pub(super) fn fronts(&self) -> impl Iterator<Item = u32> + use<> {
        looks::count();
        let Some(batches) = &self.batches else {
            return None.into_iter().chain(self.ready.front());
        };
        let makes = batches.served(self.ready.len()) > 0;
        let made = self.ready.front().filter(|_| makes);
        batches.again().front().into_iter().chain(made)
    }

    /// The lanes of which one is next if all are served.
    pub(super) fn all_fronts(&self) -> impl Iterator<Item = u32> + use<> {
        looks::count();
        let batches = self.batches.as_ref();
        let again = batches.and_then(|batches| batches.again().front());
        again.into_iter().chain(self.ready.front())
    }

    /// What there is to know of it now.
    pub(super) fn look(&self, lanes: &Chunks<Lane>, clock: &Clock) -> Noted {
        let since = |id: u32| lanes[id].head_since;
        let (allowed, ready) = (self.allowed(), self.ready());
        let batches = self.batches.as_deref();
        let token_at = self.token_at.filter(|_| ready > 0 && self.has_no_token());
        let due = batches.and_then(|batches| batches.alarm(clock));
        Noted {
            allowed,
            ready,
            next: self.fronts().map(since).min().filter(|_| allowed > 0),
            first: self.all_fronts().map(since).min(),
            alarm: token_at.into_iter().chain(due).min(),
            lingers: batches.is_some_and(Batches::waits),
        }
    }

    /// Whether its items wait for company.
    pub(super) fn lingers(&self) -> bool {
        looks::count();
        self.batches.as_deref().is_some_and(Batches::lingers)
    }

    /// Whether it has a limit, and no token.
    pub(super) fn has_no_token(&self) -> bool {
        looks::count();
        self.limit.as_ref().is_some_and(|limit| limit.free() == 0)
    }
}
