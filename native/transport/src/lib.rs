//! One attempt of one request: names, sockets, TLS, and HTTP over them.
//!
//! An [`Endpoint`](endpoint::Endpoint) is made from a base URL and the TLS options of a pool. A worker asks
//! it for a [`Link`](link::Link): the endpoint looks up a name ([`names`]), connects an address
//! ([`dial`]), negotiates TLS ([`tls`]), and speaks HTTP/1.1 or HTTP/2. A request sent over the link
//! returns the head of a final response and its body, or an [`AttemptError`](error::AttemptError),
//! which has the reason in one word and says whether a new connection may help. The caller decides what
//! an error means for a notification, and how long the attempt may take.
//!
//! An invalid setting, file or URL is a [`ConfigError`] or a [`Warning`]. Later problems, while
//! connections come and go, are notices ([`notices`]).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod body;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod http1;
pub mod http2;
pub mod lifetimes;
pub mod link;
pub mod names;
pub mod notices;
mod options;
mod problem;
pub mod socket;
pub mod tls;
pub mod url;

pub use files::{Secret, apart};
pub use options::{BaseUrl, TlsOptions, Verify};
pub use problem::{About, ConfigError, Remedy, Warning};
