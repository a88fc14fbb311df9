//! Where the text of an option comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Secret, content};

/// Where the text of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The setting itself: `value`, for what is no secret. It is hidden all the same, because nothing
    /// keeps an operator from writing a key there.
    Value(Secret),
    /// A file: `_file`.
    File(PathBuf),
    /// An environment variable of the node: `_env`.
    Env(String),
}

impl Source {
    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Value(_) | Self::Env(_) => None,
        }
    }

    /// Reads the text now. The error does not show the text. Blocks on the file system, so never call it
    /// on a scheduler or one of the engine's threads.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Value(value) => Ok(value.reveal().as_bytes().to_vec()),
            Self::File(path) => content::read(path)
                .map_err(|error| format!("{error}{}", content::whereabouts(path))),
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => Ok(text.into_bytes()),
                Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
                Err(std::env::VarError::NotUnicode(_)) => Err("it is not UTF-8".to_owned()),
            },
        }
    }
}

/// Names the source, for a text about it: the path, or the variable.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("the value"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "the environment variable {name}"),
        }
    }
}
