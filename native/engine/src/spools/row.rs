//! A record's place in a pool's spool, held by its notification while that is in memory.

use std::sync::Arc;

use scopeguard::ScopeGuard;
use spool::{DeathReason, History, RowId, Spool};

use super::PoolSpool;
use super::whose::LaneId;

/// A record's place in the spool, held by its notification. If it is dropped, the record stays on disk and
/// comes in again later.
#[derive(Debug)]
#[must_use = "the record would come in again"]
pub struct Row(ScopeGuard<Place, fn(Place)>);

#[derive(Debug)]
pub(super) struct Place {
    spool: Arc<PoolSpool>,
    id: RowId,
    lane: LaneId,
    /// The bytes that it takes.
    size: u64,
}

impl Row {
    pub(super) fn new(spool: &Arc<PoolSpool>, id: RowId, lane: LaneId, size: u64) -> Self {
        let place = Place {
            spool: Arc::clone(spool),
            id,
            lane,
            size,
        };
        Self(scopeguard::guard(place, Place::leave))
    }

    /// Its notification was delivered.
    pub fn delivered(self) {
        let size = self.0.size;
        self.end(|disk, id| disk.remove(id, size));
    }

    /// Its notification was given up: it becomes a dead letter.
    pub fn buried(self, history: History, reason: &str) {
        self.end(|disk, id| disk.bury(id, history, DeathReason(reason.to_owned())));
    }

    /// Its notification waits for its next attempt.
    pub fn postponed(&self, history: History) {
        if let Some(disk) = self.0.spool.disk() {
            disk.postpone(self.0.id, history);
        }
    }

    /// Whether a notification of its lane that was handed over before it is on disk alone: this one must wait
    /// there too.
    pub(super) fn overtakes(&self) -> bool {
        self.0.spool.overtakes(self.0.id, self.0.lane)
    }

    fn end(self, step: impl FnOnce(&Spool, RowId)) {
        let Place {
            spool, id, lane, ..
        } = self.disarm();
        if let Some(disk) = &*spool.disk.load() {
            step(disk, id);
        }
        if spool.ended(id, lane) {
            spool.want();
        }
    }

    /// Lets go of the place without an effect.
    pub(super) fn disarm(self) -> Place {
        ScopeGuard::into_inner(self.0)
    }
}

impl Place {
    /// The notification is no longer in memory, and has no outcome: the record comes in again.
    fn leave(self) {
        self.spool.left(self.id, self.lane);
    }
}
