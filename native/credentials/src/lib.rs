//! Whom a request is from: the `headers`, `auth`, `signing` and secret path of a handler.
//!
//! [`Credentials::compile`] checks the options and begins to read what they name. For each attempt,
//! [`Credentials::fields`] returns the header fields and [`Credentials::signing_keys`] the keys.
//! Neither reads a file or waits for a token if there is one that is good: files are read and tokens
//! renewed beside the deliveries. No error, notice or `{:?}` shows a secret.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod contents;
mod credentials;
mod error;
mod fields;
mod options;
pub mod path_secret;
mod token;

pub use contents::Content;
pub use credentials::{Credentials, Tools};
pub use error::{CredentialError, OptionError};
pub use options::{AuthOptions, CredentialOptions, OAuth2Options};
