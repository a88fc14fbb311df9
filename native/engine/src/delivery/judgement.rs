//! What the end of a notification's attempts means. `judge` decides it, and nothing else does.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use notification::FailureReason;
use tokio::time::Instant;

/// What the end of a notification's attempts means for the notification.
#[derive(Debug, PartialEq)]
pub enum Judgement {
    /// It was sent: there is a final response head.
    Success {
        /// The response's status.
        status: StatusCode,
        /// The time from hand-over to the response head.
        elapsed: Duration,
    },
    /// It failed, and another attempt follows.
    Retry {
        /// The reason in one word.
        reason: FailureReason,
        /// What was tried, where, and what went wrong.
        text: Arc<str>,
        /// The attempts made.
        attempts: u32,
        /// When the next attempt may begin.
        until: Instant,
        /// The status of the answer, if there was one.
        status: Option<StatusCode>,
        /// How long the endpoint asked to wait.
        asked: Duration,
        /// What that says about the endpoint.
        sign: Sign,
    },
    /// It failed, and no attempt follows.
    Final {
        /// The reason in one word.
        reason: FailureReason,
        /// What was tried, where, and what went wrong.
        text: Arc<str>,
        /// The attempts made.
        attempts: u32,
        /// The status of the answer, if there was one.
        status: Option<StatusCode>,
        /// What that says about the endpoint.
        sign: Sign,
    },
}

/// What a delivery says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The endpoint works, whatever it thinks of the notification.
    Works,
    /// The endpoint is in trouble; it answered, or it did not.
    Trouble {
        /// Whether it answered.
        answered: bool,
    },
    /// The endpoint is not reached: no request began.
    Unreached,
    /// Nothing.
    Nothing,
}

impl Sign {
    /// Whether the endpoint was asked, and did not take the notification: this may be the notification's own fault if
    /// others are taken.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Trouble { .. })
    }
}

impl Judgement {
    /// What it says about the endpoint.
    #[must_use]
    pub fn sign(&self) -> Sign {
        match self {
            Self::Success { .. } => Sign::Works,
            Self::Retry { sign, .. } | Self::Final { sign, .. } => *sign,
        }
    }
}
