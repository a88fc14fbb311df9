//! What became of an accepted notification.

use std::sync::Arc;
use std::time::Duration;

use crate::reason::FailureReason;

/// What became of an accepted notification.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// A final response head was read.
    Sent {
        /// Its status.
        status: u16,
        /// From hand-over to the head.
        elapsed: Duration,
    },
    /// It was not.
    Failed {
        /// In one word.
        reason: FailureReason,
        /// What was tried, on what, and what went wrong.
        text: Arc<str>,
        /// Attempts made.
        attempts: u8,
    },
}
