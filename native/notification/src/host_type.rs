//! One host type's account: how many notifications were handed over for it and what became of them.
//!
//! A host type can be closed on its own while others go on in the same pools (the module is stopped
//! for it). Not here: the queues, which know nothing of host types but their number.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A host type and its account.
#[derive(Debug)]
pub struct HostType {
    /// Number, unique in the engine.
    pub id: u32,
    /// Name, as the host has it.
    pub name: Box<str>,
    open: AtomicBool,
    pushed: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    acknowledged: AtomicU64,
}

/// The account in numbers. Each is exact; read while notifications move, they need not be of one
/// moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Handed over: `accepted + rejected`.
    pub pushed: u64,
    /// Taken.
    pub accepted: u64,
    /// Not taken.
    pub rejected: u64,
    /// Outcome: sent.
    pub sent: u64,
    /// Outcome: failed.
    pub failed: u64,
    /// Waiting, in flight, or with an outcome that the reporter has not acknowledged.
    pub pending: u64,
}

impl HostType {
    /// A new one, open, with nothing counted.
    pub fn new(id: u32, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            open: AtomicBool::new(true),
            pushed: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        }
    }

    /// Whether new notifications are taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Whether new notifications are taken from now on.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
    }

    /// Counts one that was handed over and not admitted.
    pub fn count_pushed(&self) {
        self.pushed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one notification as handed over and accepted, before it can have an outcome; false where
    /// the host type is closed. Looked at again after counting: whoever closes the host type and then
    /// finds nothing pending has seen the last of it.
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

    /// Takes [`HostType::admit`] back for a notification that a pool refused after all.
    pub fn take_back(&self) {
        self.accepted.fetch_sub(1, Ordering::SeqCst);
        self.pushed.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one of those handed over as rejected.
    pub fn count_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an outcome: sent, or failed.
    pub fn count_outcome(&self, sent: bool) {
        let counter = if sent { &self.sent } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an outcome that the reporter has acknowledged.
    pub fn count_acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// The numbers.
    #[must_use]
    pub fn account(&self) -> Account {
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let accepted = self.accepted.load(Ordering::SeqCst);
        Account {
            pushed: self.pushed.load(Ordering::Relaxed),
            accepted,
            rejected: self.rejected.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            pending: accepted.saturating_sub(acknowledged),
        }
    }
}
