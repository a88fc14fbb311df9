//! One host type's counters: how many notifications were handed over for the host type, and how they
//! ended.
//!
//! A host type can be closed on its own (when the module is stopped for it) while others go on in the
//! same pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::HostTypeId;

/// A host type and its counters.
#[derive(Debug)]
pub struct HostType {
    /// A number that is unique in the engine.
    pub id: HostTypeId,
    /// The host's name for it.
    pub name: Arc<str>,
    open: AtomicBool,
    openings: AtomicU64,
    pushed: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    acknowledged: AtomicU64,
    /// Below zero for a moment if one comes in again before it is counted as on disk.
    on_disk: AtomicI64,
}

/// What [`HostType::counters`] has read. Each number is exact, but while notifications move, the numbers may be from
/// different moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostTypeCounters {
    /// Handed over: `accepted + rejected`.
    pub pushed: u64,
    /// Accepted.
    pub accepted: u64,
    /// Rejected.
    pub rejected: u64,
    /// Outcomes that are *sent*.
    pub sent: u64,
    /// Outcomes that are *failed*.
    pub failed: u64,
    /// Waiting, postponed, in flight, or with an outcome that the reporter has not acknowledged.
    pub pending: u64,
    /// Accepted, and on disk alone: in no queue.
    pub on_disk: u64,
}

impl HostTypeCounters {
    /// How many accepted notifications have no outcome yet.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.accepted
            .saturating_sub(self.sent + self.failed + self.on_disk)
    }
}

impl HostType {
    /// Creates an open host type with nothing counted.
    pub fn new(id: HostTypeId, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            open: AtomicBool::new(true),
            openings: AtomicU64::new(0),
            pushed: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            on_disk: AtomicI64::new(0),
        }
    }

    /// Whether the host type accepts notifications.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Sets whether the host type accepts notifications from now on.
    pub fn set_open(&self, open: bool) {
        if open {
            self.openings.fetch_add(1, Ordering::SeqCst);
        }
        self.open.store(open, Ordering::SeqCst);
    }

    /// How often the host type was opened since it was created.
    #[must_use]
    pub fn openings(&self) -> u64 {
        self.openings.load(Ordering::SeqCst)
    }

    /// Counts one notification that was handed over and not admitted.
    pub fn count_pushed(&self) {
        self.pushed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one notification as handed over and accepted, before it can have an outcome. Returns
    /// false if the host type is closed. It checks again after counting, so that once a caller has
    /// closed the host type and read a pending count of zero, nothing more can be accepted.
    pub fn admit(&self) -> bool {
        if !self.is_open() {
            return false;
        }
        self.pushed.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.is_open() {
            return true;
        }
        self.take_back();
        false
    }

    /// Undoes [`HostType::admit`] for a notification that a pool refused after all.
    pub fn take_back(&self) {
        self.accepted.fetch_sub(1, Ordering::SeqCst);
        self.pushed.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one of the notifications handed over as rejected.
    pub fn count_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a notification that an earlier run of the node had accepted, and that comes in from the disk.
    pub fn take_over(&self) {
        self.pushed.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts an accepted notification that is on disk alone from now on.
    pub fn leave_on_disk(&self) {
        self.on_disk.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts what is on disk alone as if it had not been handed over: the engine stops, and counts it again when it comes
    /// in after the next start.
    pub fn forget_on_disk(&self) {
        let on_disk = self
            .on_disk
            .swap(0, Ordering::SeqCst)
            .max(0)
            .cast_unsigned();
        self.accepted.fetch_sub(on_disk, Ordering::SeqCst);
        self.pushed.fetch_sub(on_disk, Ordering::Relaxed);
    }

    /// Counts a notification that was on disk alone, and is in a queue from now on.
    pub fn come_in(&self) {
        self.on_disk.fetch_sub(1, Ordering::SeqCst);
    }

    /// Counts an outcome: sent, or failed.
    pub fn count_outcome(&self, sent: bool) {
        let counter = if sent { &self.sent } else { &self.failed };
        counter.fetch_add(1, Ordering::Release);
    }

    /// Counts an outcome that the reporter has acknowledged.
    pub fn count_acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads the counters.
    #[must_use]
    pub fn counters(&self) -> HostTypeCounters {
        // In this order, so that nothing counts as finished or acknowledged that is not accepted yet.
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let (sent, failed) = (
            self.sent.load(Ordering::Acquire),
            self.failed.load(Ordering::Acquire),
        );
        let on_disk = self.on_disk.load(Ordering::SeqCst).max(0).cast_unsigned();
        let accepted = self.accepted.load(Ordering::SeqCst);
        HostTypeCounters {
            pushed: self.pushed.load(Ordering::Relaxed),
            accepted,
            rejected: self.rejected.load(Ordering::Relaxed),
            sent,
            failed,
            pending: accepted.saturating_sub(acknowledged + on_disk),
            on_disk,
        }
    }
}
