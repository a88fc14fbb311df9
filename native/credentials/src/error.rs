//! What goes wrong with credentials: when they are compiled, and when an attempt needs them.

use notification::FailureReason;
use thiserror::Error;

/// Options that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{option}: {text}")]
pub struct OptionError {
    /// The option's name in the handler's section, for example `auth.basic_user`.
    pub option: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl OptionError {
    pub(crate) fn new(option: &str, text: impl Into<String>) -> Self {
        Self {
            option: option.to_owned(),
            text: text.into(),
        }
    }
}

/// Why an attempt cannot have its credentials. The text has no secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// A file or variable was never readable.
    #[error("{0}")]
    Secret(String),
    /// There is no token, because the token endpoint gives none.
    #[error("{0}")]
    Token(String),
}

impl CredentialError {
    /// The reason in one word.
    #[must_use]
    pub const fn reason(&self) -> FailureReason {
        match self {
            Self::Secret(_) => FailureReason::SecretError,
            Self::Token(_) => FailureReason::TokenError,
        }
    }
}
