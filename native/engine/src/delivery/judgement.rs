//! What the end of a notification's attempts means. It is decided here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use notification::{FailureReason, Verdict};

/// What the end of a notification's attempts means for the notification.
#[derive(Debug)]
pub enum Judgement {
    /// It was sent: there is a final response head.
    Success {
        /// The response's status.
        status: StatusCode,
        /// The time from hand-over to the response head.
        elapsed: Duration,
    },
    /// It failed, and no attempt follows.
    Final {
        /// The reason in one word.
        reason: FailureReason,
        /// What was tried, where, and what went wrong.
        text: Arc<str>,
        /// The attempts made.
        attempts: u8,
    },
}

impl From<Judgement> for Verdict {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Success { status, elapsed } => Self::Sent {
                status: status.as_u16(),
                elapsed,
            },
            Judgement::Final {
                reason,
                text,
                attempts,
            } => Self::Failed {
                reason,
                text,
                attempts,
            },
        }
    }
}
