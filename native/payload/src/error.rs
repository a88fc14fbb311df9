//! What can be wrong with a plan, and with one notification.

use notification::FailureReason;
use thiserror::Error;

/// Why a handler's plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// `cloudevents.source` is not a URI reference.
    #[error("cloudevents.source {0:?} is not a URI reference")]
    Source(String),
    /// A template of `path` or `headers` does not compile, or `content_type` is none.
    #[error("{option}: {text}")]
    Template {
        /// The option's name.
        option: String,
        /// What is wrong.
        text: String,
    },
}

/// Why a notification cannot be put into its handler's format. It costs that notification alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct PayloadError {
    /// The word for it.
    pub reason: FailureReason,
    /// What is wrong, without text of the message.
    pub text: String,
}

impl PayloadError {
    /// The event does not fit the format.
    pub(crate) fn event(text: impl Into<String>) -> Self {
        Self {
            reason: FailureReason::PayloadError,
            text: text.into(),
        }
    }
}
