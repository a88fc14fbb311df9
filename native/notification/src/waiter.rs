//! A caller that waits until a notification has been counted.
//!
//! The engine knows nothing of callers. It carries a token from the hand-over to the reporter, and the
//! reporter uses the token to tell the caller. Most notifications have none.

use crate::heap;

/// The token of a waiting caller: bytes that only the caller and the reporter understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter(Box<[u8]>);

impl Waiter {
    /// Creates a waiter with this token. An empty token means that no caller waits.
    #[must_use]
    pub fn new(token: &[u8]) -> Option<Self> {
        (!token.is_empty()).then(|| Self(token.into()))
    }

    /// The memory that a boxed waiter uses.
    #[must_use]
    pub fn allocated(&self) -> usize {
        heap::taken(size_of::<Self>()) + heap::taken(self.0.len())
    }

    /// The token that the caller handed over.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.0
    }
}
