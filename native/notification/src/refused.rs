//! Notifications refused at hand-over, with the reason.

use crate::reason::RejectReason;

/// Why a notification was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The notification is rejected, and counted as such.
    Rejected(RejectReason),
    /// The pool was replaced or stopped a moment ago. Nothing is counted: the caller looks the pool up
    /// again.
    NotOpen,
}

/// A refused item, returned to its caller with the reason.
#[derive(Debug)]
pub struct Refused<T> {
    /// The item that was handed over.
    pub item: T,
    /// Why the item was refused.
    pub why: PushError,
}

impl<T> Refused<T> {
    /// Refuses `item` as rejected.
    pub fn rejected(item: T, reason: RejectReason) -> Self {
        let why = PushError::Rejected(reason);
        Self { item, why }
    }

    /// Refuses `item` because the pool is not open.
    pub fn not_open(item: T) -> Self {
        let why = PushError::NotOpen;
        Self { item, why }
    }

    /// Converts the item and keeps the reason.
    pub fn map<U>(self, inside: impl FnOnce(T) -> U) -> Refused<U> {
        Refused {
            item: inside(self.item),
            why: self.why,
        }
    }
}
