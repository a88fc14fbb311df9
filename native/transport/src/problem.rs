//! Errors and warnings about a setting: which option, and what to do about it.
//!
//! The text is for the operator. An error's [`Remedy`] decides what the engine does about it.

use std::fmt;

/// A setting with which the pool cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {text}")]
pub struct ConfigError {
    /// The option's name under `outgoing_pools.http.TAG`, for example `connection.tls.certfile`.
    pub option: &'static str,
    /// What is wrong, and what would be right.
    pub text: String,
    /// What has to change before the setting can work.
    pub remedy: Remedy,
}

/// What has to change before another try can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The setting.
    OtherSetting,
    /// The content of a file: trying again before the file has changed is pointless.
    OtherContent,
    /// Nothing that we know of: the system refused something (a file does not exist yet or is not
    /// readable, or there is no descriptor left) and may allow it later.
    Retry,
}

impl ConfigError {
    /// Creates an error that another setting would remedy.
    #[must_use]
    pub fn new(option: &'static str, text: impl Into<String>) -> Self {
        Self::with(option, text, Remedy::OtherSetting)
    }

    /// Like [`ConfigError::new`], for an error in the content of the file that the option names.
    #[must_use]
    pub fn in_content(option: &'static str, text: impl Into<String>) -> Self {
        Self::with(option, text, Remedy::OtherContent)
    }

    /// Like [`ConfigError::new`], for an error that may pass by itself.
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

/// A setting that is legal but does less than it seems to, or is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The option's name, as in [`ConfigError`].
    pub option: &'static str,
    /// What happens instead.
    pub text: String,
    /// What the warning is about.
    pub about: About,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The setting.
    Setting,
    /// The content of the file that the option names: it may be another one when the file is read again.
    Content,
}

impl Warning {
    /// Creates a warning about `option`; `text` says what happens instead.
    #[must_use]
    pub fn new(option: &'static str, text: impl Into<String>) -> Self {
        Self {
            option,
            text: text.into(),
            about: About::Setting,
        }
    }

    /// Like [`Warning::new`], about the content of the file that the option names.
    #[must_use]
    pub fn in_content(option: &'static str, text: impl Into<String>) -> Self {
        Self {
            about: About::Content,
            ..Self::new(option, text)
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.text)
    }
}
