//! How an accepted notification ended.

use std::sync::Arc;
use std::time::Duration;

use crate::reason::FailureReason;

/// How an accepted notification ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// A worker read a final response head, with a status that is a success for the handler.
    Sent {
        /// The response's status.
        status: u16,
        /// The time from hand-over to the response head.
        elapsed: Duration,
    },
    /// No attempt got such an answer.
    Failed {
        /// The reason in one word.
        reason: FailureReason,
        /// What was tried, with which endpoint, and what went wrong.
        text: Arc<str>,
        /// The number of attempts made.
        attempts: u32,
    },
}
