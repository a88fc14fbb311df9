//! What is wrong, or likely wrong, with a setting: which option, and what to do about it.
//!
//! The text is for an operator. What the engine does about an error is decided by its [`Remedy`].

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
    /// What has to change.
    pub remedy: Remedy,
}

/// What has to change before the same thing can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The setting.
    OtherSetting,
    /// The content of a file: trying again before the file has changed is of no use.
    OtherContent,
    /// Nothing that is known here: the system refused something (a file is not there yet, or not
    /// readable, or there is no descriptor for it), and may grant it later.
    Retry,
}

impl ConfigError {
    /// Names the option and says what is wrong with it.
    #[must_use]
    pub fn new(option: &'static str, text: impl Into<String>) -> Self {
        Self::with(option, text, Remedy::OtherSetting)
    }

    /// As [`ConfigError::new`], for what is in the file that the option names.
    #[must_use]
    pub fn in_content(option: &'static str, text: impl Into<String>) -> Self {
        Self::with(option, text, Remedy::OtherContent)
    }

    /// As [`ConfigError::new`], for what may pass by itself.
    #[must_use]
    pub fn passing(option: &'static str, text: impl Into<String>) -> Self {
        Self::with(option, text, Remedy::Retry)
    }

    fn with(option: &'static str, text: impl Into<String>, remedy: Remedy) -> Self {
        Self {
            option,
            text: text.into(),
            remedy,
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
