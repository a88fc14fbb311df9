//! A caller that waits until a notification has been counted.
//!
//! The engine knows nothing of callers: it carries a token from the hand-over to the reporter, which
//! knows what to do with it. Most notifications have none.

use crate::heap;

/// What the reporter needs to tell the caller: bytes that only the two of them understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter(Box<[u8]>);

impl Waiter {
    /// The waiter with this token; without a token nobody waits.
    #[must_use]
    pub fn new(token: &[u8]) -> Option<Self> {
        (!token.is_empty()).then(|| Self(token.into()))
    }

    /// Memory that it takes, in a box.
    #[must_use]
    pub fn allocated(&self) -> usize {
        heap::taken(size_of::<Self>()) + heap::taken(self.0.len())
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.0
    }
}
