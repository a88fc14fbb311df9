//! What is wrong, or likely wrong, with a setting: which option, and what to do about it.
//!
//! Both kinds are text for an operator. Nothing in the engine takes a decision by them.

use std::fmt;

/// A setting with which no pool can be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {text}")]
pub struct ConfigError {
    /// The option as it is called under `outgoing_pools.http.TAG`, for example
    /// `connection.tls.certfile`.
    pub option: &'static str,
    /// What is wrong and what would be right.
    pub text: String,
}

impl ConfigError {
    /// Names the option and says what is wrong with it.
    #[must_use]
    pub fn new(option: &'static str, text: impl Into<String>) -> Self {
        Self {
            option,
            text: text.into(),
        }
    }
}

/// A setting that is legal but does less than it seems to, or likely not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// As in [`ConfigError`].
    pub option: &'static str,
    /// What happens instead.
    pub text: String,
}

impl Warning {
    /// Names the option and says what happens instead.
    #[must_use]
    pub fn new(option: &'static str, text: impl Into<String>) -> Self {
        Self {
            option,
            text: text.into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.text)
    }
}
