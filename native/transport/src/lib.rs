//! One attempt of one request: names, sockets, TLS, and HTTP over them.
//!
//! An [`Endpoint`](link::Endpoint) is made from a base URL and the TLS options of a pool. A worker asks it
//! for a [`Link`](link::Link): a name is looked up ([`names`]), an address connected ([`dial`]), TLS agreed
//! ([`tls`]), and HTTP/1.1 or HTTP/2 spoken. Over the link goes a request; back come the head of a final
//! response and its body, or an [`AttemptError`](error::AttemptError) with the reason in one word and
//! whether a fresh connection may do better. What that means for a notification, and how long it may
//! take, is for the caller to say.
//!
//! What is wrong with a setting, a file or a URL is a [`ConfigError`] or a [`Warning`]; what has to be said
//! later, while connections come and go, is a notice ([`notices`]).
#![forbid(unsafe_code)]

pub mod apart;
mod body;
pub mod dial;
pub mod error;
pub mod http1;
pub mod http2;
pub mod lifetimes;
pub mod link;
pub mod names;
pub mod notices;
mod options;
mod problem;
mod secret;
pub mod socket;
pub mod tls;
pub mod url;

pub use options::{BaseUrl, TlsOptions, Verify};
pub use problem::{ConfigError, Remedy, Warning};
pub use secret::Secret;
