//! The reasons why no request can be made of a notification, from the errors of what makes its parts.

use credentials::{CredentialError, OptionError};
use notification::FailureReason;
use payload::{PayloadError, PlanError};

use crate::request::Unmade;

impl From<PayloadError> for Unmade {
    fn from(error: PayloadError) -> Self {
        Self {
            reason: error.reason,
            text: error.text.into(),
        }
    }
}

impl From<&PlanError> for Unmade {
    fn from(error: &PlanError) -> Self {
        let reason = match error {
            PlanError::Source(_) => FailureReason::PayloadError,
            PlanError::Template { .. } => FailureReason::TemplateError,
        };
        Self {
            reason,
            text: error.to_string().into(),
        }
    }
}

impl From<CredentialError> for Unmade {
    fn from(error: CredentialError) -> Self {
        Self {
            reason: error.reason(),
            text: error.to_string().into(),
        }
    }
}

impl From<&OptionError> for Unmade {
    fn from(error: &OptionError) -> Self {
        Self {
            reason: FailureReason::SecretError,
            text: error.to_string().into(),
        }
    }
}
