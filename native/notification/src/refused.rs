//! What was not taken at hand-over, and why not.

use crate::reason::RejectReason;

/// Why a notification was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// It is rejected, and counts as such.
    Rejected(RejectReason),
    /// The pool was replaced or stopped a moment ago. Nothing is counted: the caller looks up which
    /// pool it is now.
    NotOpen,
}

/// What was not taken is given back to whoever handed it over, with the reason.
#[derive(Debug)]
pub struct Refused<T> {
    /// What was handed over.
    pub item: T,
    /// Why it was not taken.
    pub why: PushError,
}

impl<T> Refused<T> {
    /// It is rejected.
    pub fn rejected(item: T, reason: RejectReason) -> Self {
        let why = PushError::Rejected(reason);
        Self { item, why }
    }

    /// The pool is not open.
    pub fn not_open(item: T) -> Self {
        let why = PushError::NotOpen;
        Self { item, why }
    }

    /// The same for what is inside the item.
    pub fn map<U>(self, inside: impl FnOnce(T) -> U) -> Refused<U> {
        Refused {
            item: inside(self.item),
            why: self.why,
        }
    }
}
